/**
 * The two graphs of a model in training: one that returns losses and gradients, one that returns
 * probabilities. Both read the same inputs, so one set of feeds serves both.
 */
import { grad, reachedBy } from "../autodiff/index.ts";
import { type CompiledGraph, compile, type LeafBinding } from "../compile/index.ts";
import { type Batch, type Model, type State, Trace, withTrace } from "../module/index.ts";
import { add, log, minimum, mul, reshape, sigmoid, slice, square, sum } from "../ops/index.ts";
import type { BatchLayout, FeatureMap } from "../schema/index.ts";
import { constant, input, Tensor } from "../tensor/index.ts";
import { exposureWeights } from "./exposure-weight.ts";
import { logitGradientOutputs } from "./logit-gradients.ts";
import { lastShared } from "./multi-task/last-shared.ts";
import { SymbolicBatch } from "./symbolic-batch.ts";
import { placeTables } from "./table-placement.ts";

/** Logits by label name. */
export type Logits = { readonly [label: string]: Tensor };

/** From logits and the batch to named scalar losses; their sum is minimised. */
export type Objective = (logits: Logits, batch: SymbolicBatch) => { readonly [loss: string]: Tensor };

export interface GraphSource {
  readonly model: Model;
  readonly schema: FeatureMap;
  readonly layout: BatchLayout;
}

/** What the step wants to know of single tasks; a task is a loss of the objective. */
export interface TaskOutputs {
  /** Gradients of each task apart, auxiliary losses split evenly. @default false */
  readonly separate?: boolean;
  /** Losses times factors fed as `lossFactors`, `[tasks]`. @default false */
  readonly factors?: boolean;
  /**
   * Also the squared norm of each task's gradient, without its factor, on the last weights that all tasks
   * share, as `squares:<task>`. @default false
   */
  readonly norms?: boolean;
  /** Also how large the loss's gradient on each binary label's logit is (`logit-gradients.ts`). @default false */
  readonly logitGradients?: boolean;
  /** The forward pass as in evaluation: no dropout, running statistics read and left alone. @default false */
  readonly still?: boolean;
}

/** Which tasks' losses reach a weight or look-up, in the order of the tasks. */
export type ReachedBy = readonly boolean[];

export interface TrainingGraph extends CompiledGraph {
  readonly batch: SymbolicBatch;
  /** Every scalar loss, auxiliary ones last. */
  readonly losses: readonly string[];
  /** The objective's losses. */
  readonly tasks: readonly string[];
  /** By parameter path, for trained ones; empty unless gradients are separate. */
  readonly parameterTasks: ReadonlyMap<string, ReachedBy>;
  /** By look-up; empty unless gradients are separate. */
  readonly lookupTasks: readonly ReachedBy[];
  /** States in the order of the outputs `state:0`, `state:1`, … */
  readonly states: readonly State[];
}

/**
 * Outputs: `loss`, `loss:<name>`, `gradient:<parameter path>`, `rows:<look-up>`, `state:<k>`. With separate
 * gradients: `gradient:<task>:<parameter path>`, `rows:<task>:<look-up>`.
 */
export function trainingGraph(
  source: GraphSource & TaskOutputs & { readonly objective: Objective },
): TrainingGraph {
  const { model, schema, layout } = source;
  const batch = new SymbolicBatch(schema, layout, placeTables(model.namedTables()));
  const key = input("randomKey", [], "uint32");
  const training = !source.still;
  const trace = new Trace({ training, key, label: (name) => batch.scalar(name) });
  const { logits, objective } = withTrace(trace, () => {
    const predicted = forward(model, schema, batch);
    return { logits: predicted, objective: source.objective(predicted, batch) };
  });
  const losses = withAuxiliary(objective, trace.auxiliaryLosses);
  const names = Object.keys(losses);
  const tasks = Object.keys(objective);
  const factors = source.factors ? input("lossFactors", [tasks.length]) : undefined;
  const weighted = tasks.map((name, k) =>
    factors === undefined
      ? objective[name]
      : mul(objective[name], reshape(slice(factors, { axis: 0, start: k, end: k + 1 }), [])),
  );
  const auxiliary = [...trace.auxiliaryLosses.values()];
  const total = [...weighted, ...auxiliary].reduce((all, loss) => add(all, loss));
  const parameters = [...model.namedParameters()].filter(([, { trainable }]) => trainable);
  const lookups = batch.lookups
    .map((lookup, k) => ({ ...lookup, k }))
    .filter(({ slots }) => slots.some(({ table }) => table.trainable));
  const leaves = [...parameters.map(([, parameter]) => parameter), ...lookups.map(({ rows }) => rows)];
  const gradientsOf = (loss: Tensor, prefix: string): { [name: string]: Tensor } => {
    const gradients = grad(loss, leaves);
    const named: { [name: string]: Tensor } = {};
    for (const [k, [path]] of parameters.entries()) named[`gradient:${prefix}${path}`] = gradients[k];
    for (const [i, { k }] of lookups.entries())
      named[`rows:${prefix}${k}`] = gradients[parameters.length + i];
    return named;
  };
  const states = [...trace.stateUpdates.keys()];
  const outputs: { [name: string]: Tensor } = { loss: total };
  const apart = names.length > 1 || source.factors || source.separate;
  for (const name of names) if (apart) outputs[`loss:${name}`] = losses[name];
  const reached = tasks.map(() => new Set<Tensor>());
  // Methods that treat tasks apart (per-task optimizers, gradient surgery) take one set a task.
  if (source.separate) {
    for (const [k, loss] of withShares(weighted, auxiliary).entries()) {
      reached[k] = reachedBy(loss, leaves);
      Object.assign(outputs, gradientsOf(loss, `${tasks[k]}:`));
    }
  } else Object.assign(outputs, gradientsOf(total, ""));
  if (source.norms) {
    const probed = lastShared(
      tasks.map((name) => objective[name]),
      { parameters: parameters.map(([, parameter]) => parameter), rows: lookups.map(({ rows }) => rows) },
    );
    for (const name of tasks) {
      const squares = grad(objective[name], probed).map((gradient) => sum(square(gradient)));
      outputs[`squares:${name}`] = squares.reduce((all, each) => add(all, each));
    }
  }
  if (source.logitGradients) {
    const binary = Object.entries(logits).filter(([name]) => !isRealLabel(schema, name));
    Object.assign(
      outputs,
      logitGradientOutputs(total, Object.fromEntries(binary), (name) => batch.scalar(name)),
    );
  }
  for (const [k, state] of states.entries()) outputs[`state:${k}`] = trace.stateUpdates.get(state) as Tensor;
  const fed = factors === undefined ? [key] : [key, factors];
  const compiled = compile({ outputs, leaves: bindings(model, batch, fed) });
  const tasksOf = (leaf: Tensor): ReachedBy => reached.map((set) => set.has(leaf));
  return {
    ...compiled,
    batch,
    losses: names,
    tasks,
    parameterTasks: new Map(parameters.map(([path, parameter]) => [path, tasksOf(parameter)])),
    lookupTasks: batch.lookups.map(({ rows }) => tasksOf(rows)),
    states,
  };
}

/** Names of the objective's losses, without compiling anything. */
export function taskNames(source: GraphSource & { readonly objective: Objective }): string[] {
  const { model, schema, layout } = source;
  const batch = new SymbolicBatch(schema, layout, placeTables(model.namedTables()));
  const key = input("randomKey", [], "uint32");
  const trace = new Trace({ training: true, key, label: (name) => batch.scalar(name) });
  return Object.keys(withTrace(trace, () => source.objective(forward(model, schema, batch), batch)));
}

/** Each task's loss with its even share of the auxiliary losses, so that they add up to the total. */
function withShares(tasks: readonly Tensor[], auxiliary: readonly Tensor[]): Tensor[] {
  if (auxiliary.length === 0) return [...tasks];
  const all = auxiliary.reduce((sum, loss) => add(sum, loss));
  const share = tasks.length === 1 ? all : mul(all, 1 / tasks.length);
  return tasks.map((loss) => add(loss, share));
}

function withAuxiliary(
  objective: { readonly [loss: string]: Tensor },
  auxiliary: ReadonlyMap<string, Tensor>,
): { readonly [loss: string]: Tensor } {
  for (const name of auxiliary.keys()) {
    if (name in objective) throw new Error(`an auxiliary loss has the name of the objective's "${name}"`);
  }
  return { ...objective, ...Object.fromEntries(auxiliary) };
}

export interface EvaluationGraph extends CompiledGraph {
  readonly batch: SymbolicBatch;
}

/** A batch through which the model's forward pass went, for evaluation, and the logits. */
export function tracedBatch(
  { model, schema, layout }: GraphSource,
  trace: Trace = new Trace({ training: false }),
): { batch: SymbolicBatch; logits: Logits } {
  const batch = new SymbolicBatch(schema, layout, placeTables(model.namedTables()));
  const logits = withTrace(trace, () => forward(model, schema, batch));
  return { batch, logits };
}

/** How predictions are looked at beyond what they are. */
export interface PredictionOptions {
  /** Also give what the model shows of its inside, as `observed:<name>`. @default false */
  readonly observing?: boolean;
  /** Drop units as in training, by the key that is fed: one draw of a Monte Carlo ensemble. @default false */
  readonly drawn?: boolean;
}

/** Outputs: `prediction:<label>`, `[batch]`: a probability, or the value of a real label. */
export function evaluationGraph(
  source: GraphSource,
  { observing = false, drawn = false }: PredictionOptions = {},
): EvaluationGraph {
  const key = input("randomKey", [], "uint32");
  const trace = new Trace({
    training: drawn,
    key,
    observing,
    // What layers would add to a loss is of no account here.
    label: drawn ? () => constant(0) : undefined,
  });
  const { batch, logits } = tracedBatch(source, trace);
  const outputs: { [name: string]: Tensor } = Object.fromEntries(
    Object.entries(logits).map(([label, logit]) => [
      `prediction:${label}`,
      predictionOf(source.schema, label, logit, batch),
    ]),
  );
  for (const [name, tensor] of trace.observed ?? []) outputs[`observed:${name}`] = tensor;
  return { ...compile({ outputs, leaves: bindings(source.model, batch, drawn ? [key] : []) }), batch };
}

export function isRealLabel(schema: FeatureMap, name: string): boolean {
  return schema.labels.some((label) => label.name === name && label.kind === "real");
}

/** A logit as a prediction: its sigmoid, or itself where the label is a real number. */
export function predictionOf(schema: FeatureMap, label: string, logit: Tensor, batch: Batch): Tensor {
  if (isRealLabel(schema, label)) return logit;
  const offset = logitOffset(schema, label);
  const shifted = offset === 0 ? logit : add(logit, offset);
  const weight = schema.labels.find(({ name }) => name === label)?.exposureWeight;
  if (weight?.rows !== "negatives") return probability(shifted);
  // Learned with negatives of weight w, log odds lie lower by ln w.
  return probability(add(shifted, log(exposureWeights(batch, schema, weight))));
}

/** ONNX Runtime's vectorised sigmoid rounds some logits near saturation (17.844 is one) to just over 1. */
function probability(logit: Tensor): Tensor {
  return minimum(sigmoid(logit), 1);
}

/**
 * What weighting positives by w and keeping a share r of the negatives add to the log odds that a model
 * learns, taken back: ln(r) - ln(w).
 */
export function logitOffset({ labels }: FeatureMap, name: string): number {
  const { negativeRate = 1, positiveWeight = 1 } = labels.find((label) => label.name === name) ?? {};
  return Math.log(negativeRate) - Math.log(positiveWeight);
}

/** A model's logits by label; a model with one logit answers for the first label. */
export function forward(model: Model, schema: FeatureMap, batch: Parameters<Model["forward"]>[0]): Logits {
  const logits = model.forward(batch);
  return logits instanceof Tensor ? { [schema.labels[0]?.name ?? "label"]: logits } : logits;
}

function bindings(model: Model, batch: SymbolicBatch, others: readonly Tensor[]): Map<Tensor, LeafBinding> {
  const leaves = new Map<Tensor, LeafBinding>();
  const own = [
    ...batch.lookups.map(({ index }) => index),
    ...batch.groups.map(({ tensor }) => tensor),
    ...batch.inputs.used.values(),
    ...batch.arenas,
    ...others,
  ];
  for (const leaf of own) leaves.set(leaf, { name: (leaf.attributes as { name: string }).name });
  for (const [path, parameter] of model.namedParameters())
    leaves.set(parameter, { name: `parameter:${path}` });
  for (const [path, state] of model.namedStates()) leaves.set(state, { name: `state:${path}` });
  return leaves;
}
