/**
 * One training step: the graph gives the loss and all gradients, then the host sums duplicate rows,
 * clips by the norm of everything together, and moves rows and dense parameters in place.
 */
import { ConfigError, nearestName } from "../core/index.ts";
import type { Optimizer } from "../embeddings/index.ts";
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import { hashKey } from "../core/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import { clippingFactor, moveWeights, notFinite } from "./apply-gradients.ts";
import { BatchFeeds } from "./feeds.ts";
import {
  type EvaluationGraph,
  evaluationGraph,
  type GraphSource,
  isRealLabel,
  type Objective,
  type PredictionOptions,
  type TaskOutputs,
  tracedBatch,
  type TrainingGraph,
  trainingGraph,
} from "./graphs.ts";
import { LogitGradientMeter, type LogitGradients } from "./logit-gradients.ts";
import type { StateValues } from "../module/index.ts";
import { ModelWeights, type WeightsOptions } from "./model-weights.ts";
import { type LossWeighting, lossWeighting } from "./multi-task/loss-weighting.ts";
import { type MultiTaskOptions, needsFedWeights, needsSeparateGradients } from "./multi-task/options.ts";
import type { TaskRecord } from "./multi-task/task-meter.ts";
import { type Agreement, TaskSteps } from "./multi-task/task-steps.ts";
import type { OptimizerOptions } from "./optimizer-options.ts";
import type { SymbolicBatch } from "./symbolic-batch.ts";
import { TiedParameters } from "./tied-parameters.ts";

export interface LearnerOptions extends GraphSource {
  readonly engine: Engine;
  readonly objective: Objective;
  readonly optimizer: OptimizerOptions;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads?: number;
  /** How several losses become one step. @default their sum */
  readonly multiTask?: MultiTaskOptions;
  /** Groups of paths of parameters that are one; the first one's start holds for all. @default none */
  readonly tied?: readonly (readonly string[])[];
  /** Learn as evaluation sees the model: no dropout, running statistics left alone. @default false */
  readonly still?: boolean;
  /** @default predictions as they are */
  readonly prediction?: PredictionOptions;
  /** Watch how large the loss's gradients on the logits are. @default false */
  readonly logitGradients?: boolean;
}

/** A compiled model with its weights: it learns from batches and predicts. */
export class Learner {
  readonly weights: ModelWeights;
  readonly graph: TrainingGraph;
  readonly evaluation: EvaluationGraph;
  readonly options: LearnerOptions;
  /** Steps taken. */
  steps = 0;
  learningRate: number;
  /** Milliseconds spent so far: assembling feeds, in the graph, moving rows, moving dense parameters. */
  readonly spent = { feeds: 0, graph: 0, rows: 0, dense: 0 };

  readonly #session: Session;
  readonly #evaluationSession: Session;
  readonly #feeds: BatchFeeds;
  readonly #evaluationFeeds: BatchFeeds;
  /** Present where tasks' gradients lie apart. */
  readonly #taskSteps: TaskSteps | undefined;
  readonly #weighting: LossWeighting | undefined;
  readonly #tied: TiedParameters;
  readonly #slopes: LogitGradientMeter | undefined;
  /** Of the last step, by label, where they are watched. */
  logitGradients: { readonly [label: string]: LogitGradients } | undefined;
  readonly #outputs: ReadonlySet<string>;
  /** Fixed factors on the losses, in the order of the tasks; may be changed between steps. */
  readonly lossWeights: Float64Array;

  private constructor(
    options: LearnerOptions,
    graph: TrainingGraph,
    evaluation: EvaluationGraph,
    sessions: [Session, Session],
  ) {
    this.options = options;
    this.graph = graph;
    this.#outputs = new Set(graph.outputs);
    this.evaluation = evaluation;
    this.learningRate = options.optimizer.learningRate;
    [this.#session, this.#evaluationSession] = sessions;
    this.weights = new ModelWeights(options.model, {
      seed: options.seed,
      positions: positionsOf([graph.batch, evaluation.batch], options.batchSize),
      ...optimizersOf(options.optimizer),
      ...taskArenas(options.multiTask, graph.tasks.length),
    });
    const { multiTask, optimizer, schema, seed } = options;
    this.lossWeights = Float64Array.from(graph.tasks, (name) => multiTask?.lossWeights?.[name] ?? 1);
    if (multiTask !== undefined) {
      checkTaskNames(multiTask, graph.tasks);
      const { weights } = this;
      const tasks = graph.tasks.map((name) => ({
        name,
        kind: isRealLabel(schema, name) ? ("real" as const) : ("binary" as const),
      }));
      const main = Math.max(0, graph.tasks.indexOf(multiTask.mainTask ?? graph.tasks[0]));
      this.#weighting = lossWeighting(multiTask, { tasks, main }, optimizer);
      if (this.#weighting !== undefined) weights.methodState.set("loss-factors", this.#weighting.state);
      if (needsSeparateGradients(multiTask)) {
        this.#taskSteps = new TaskSteps({ weights, graph, options: multiTask, optimizer, seed, main });
        const { meter, memory, mtAdam } = this.#taskSteps;
        const kept = { "task-meter": meter, "gradient-memory": memory, mtadam: mtAdam };
        for (const [name, own] of Object.entries(kept))
          if (own !== undefined) weights.methodState.set(name, own.state);
      }
    }
    if (options.logitGradients) {
      const prefix = "slope:positives:";
      const watched = graph.outputs.filter((name) => name.startsWith(prefix));
      this.#slopes = new LogitGradientMeter(watched.map((name) => name.slice(prefix.length)));
      this.weights.methodState.set("logit-gradients", this.#slopes.state);
    }
    this.#tied = new TiedParameters(this.weights, options.tied ?? []);
    this.#tied.copy();
    this.#feeds = new BatchFeeds(graph.batch, this.weights, graph.inputs);
    this.#evaluationFeeds = new BatchFeeds(evaluation.batch, this.weights, evaluation.inputs);
  }

  static async create(options: LearnerOptions): Promise<Learner> {
    const { multiTask, still, logitGradients } = options;
    const graph = trainingGraph({ ...options, still, logitGradients, ...taskOutputs(multiTask) });
    const evaluation = evaluationGraph(options, options.prediction);
    const { threads } = options;
    const session = await options.engine.load(graph.model, { threads });
    const evaluationSession = await options.engine.load(evaluation.model, { threads });
    return new Learner(options, graph, evaluation, [session, evaluationSession]);
  }

  /**
   * Learns from one batch.
   *
   * @returns the loss, without regularisation
   * @throws DivergedError when the loss or the norm of the gradients is not finite; nothing
   *   has been moved then
   */
  async step(batch: EncodedBatch): Promise<number> {
    const { seed } = this.options;
    const randomKey = hashKey(seed, "step", this.steps);
    const start = performance.now();
    const feeds = this.#feeds.prepare(batch, { training: true, randomKey });
    if (this.graph.inputs.includes("lossFactors")) {
      feeds.lossFactors = { dtype: "float32", dims: [this.lossWeights.length], data: this.#lossFactors() };
    }
    const into = this.#targets(batch.size);
    const fed = performance.now();
    const results = await this.#session.run(feeds, { into });
    this.spent.feeds += fed - start;
    this.spent.graph += performance.now() - fed;
    const loss = (results.loss.data as Float32Array)[0];
    if (!Number.isFinite(loss)) throw notFinite("loss", loss, this.steps + 1);
    const agreement = this.#update();
    this.#weighting?.observe({
      ...agreement,
      losses: this.graph.tasks.map((name) => scalarOf(results, `loss:${name}`)),
      norms: this.graph.outputs.some((name) => name.startsWith("squares:"))
        ? this.graph.tasks.map((name) => Math.sqrt(scalarOf(results, `squares:${name}`)))
        : [],
      learningRate: this.learningRate,
    });
    this.logitGradients = this.#slopes?.observe((name) => scalarOf(results, name));
    this.steps++;
    for (const [k, state] of this.graph.states.entries()) {
      this.weights.stateValues.set(state, results[`state:${k}`].data as Float32Array);
    }
    return loss;
  }

  /** To be called after each pass over the training split. @returns what was found about the tasks in it */
  endEpoch(): TaskRecord | undefined {
    this.#weighting?.endEpoch();
    const { tasks } = this.graph;
    const current = this.#lossFactors();
    const factors =
      this.#weighting === undefined
        ? undefined
        : Object.fromEntries(tasks.map((name, k) => [name, current[k]]));
    const found = this.#taskSteps?.meter?.record();
    if (factors === undefined && found === undefined) return undefined;
    return { ...(factors === undefined ? {} : { factors }), ...found };
  }

  /** To be called before a pass over the training split: what the model does then with its states. */
  beforeEpoch(): void {
    this.options.model.beforeEpoch?.(this.#states);
  }

  /** To be called after each pass, before anything is predicted. */
  afterEpoch(): void {
    this.options.model.afterEpoch?.(this.#states);
  }

  get #states(): StateValues {
    const { weights } = this;
    return {
      read: (state) => weights.state(state),
      write: (state, values) => weights.stateValues.set(state, values),
    };
  }

  /** Means since the last call, by label, where they are watched. */
  takeLogitGradients(): { readonly [label: string]: LogitGradients } | undefined {
    return this.#slopes?.record();
  }

  #lossFactors(): Float32Array {
    const moving = this.#weighting?.factors();
    return Float32Array.from(this.lossWeights, (weight, k) => weight * (moving?.[k] ?? 1));
  }

  /** Makes tied parameters equal again, after weights were put in from outside. */
  copyTied(): void {
    this.#tied.copy();
  }

  /**
   * Predictions of a batch by label, `[size]` each.
   *
   * @param draw number of the draw, where predictions are drawn @default 0
   */
  async predict(batch: EncodedBatch, draw = 0): Promise<{ [label: string]: Float32Array }> {
    return this.#evaluate(batch, "prediction:", draw);
  }

  /** What the model shows of its inside on a batch, by name; needs `prediction.observing`. */
  async observe(batch: EncodedBatch): Promise<{ [name: string]: Float32Array }> {
    return this.#evaluate(batch, "observed:", 0);
  }

  async #evaluate(
    batch: EncodedBatch,
    prefix: string,
    draw: number,
  ): Promise<{ [name: string]: Float32Array }> {
    const randomKey = hashKey(this.options.seed, "draw", draw);
    const feeds = this.#evaluationFeeds.prepare(batch, { training: false, randomKey });
    const results = await this.#evaluationSession.run(feeds);
    return Object.fromEntries(
      Object.entries(results)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { data }]) => [name.slice(prefix.length), data as Float32Array]),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
    await this.#evaluationSession.release();
  }

  /** Gradients are written straight into the arenas. */
  #targets(size: number): { [name: string]: HostTensor } {
    const into: { [name: string]: HostTensor } = {};
    const { parameters, dense, arenas } = this.weights;
    const put = (name: string, tensor: HostTensor): void => {
      if (this.#outputs.has(name)) into[name] = tensor;
    };
    // Without separate gradients, the one set is called by no task's name.
    const sets = this.#taskSteps === undefined ? [""] : this.graph.tasks.map((name) => `${name}:`);
    for (const [k, [path, { shape }]] of [...parameters].entries()) {
      for (const [task, prefix] of sets.entries()) {
        put(`gradient:${prefix}${path}`, { dtype: "float32", dims: shape, data: dense.gradient(k, task) });
      }
    }
    for (const [k, { lookup, first }] of this.#feeds.placed(size).entries()) {
      const arena = arenas[lookup.arena];
      for (const [task, prefix] of sets.entries()) {
        // Look-ups of frozen tables alone have no gradient, also where their arena has trained rows.
        if (!this.#outputs.has(`rows:${prefix}${k}`)) continue;
        const data = arena.gradients(first, size * lookup.width, task);
        put(`rows:${prefix}${k}`, { dtype: "float32", dims: [size, lookup.width, arena.dim], data });
      }
    }
    return into;
  }

  #update(): Agreement {
    const { learningRate, weights } = this;
    const step = this.steps + 1;
    let agreement: Agreement = { products: [], ahead: [] };
    this.#tied.fold();
    if (this.#taskSteps !== undefined) {
      const factors = [...this.#lossFactors()];
      agreement = this.#taskSteps.update({ learningRate, step, factors }, this.spent);
    } else {
      const given = { optimizer: this.options.optimizer, learningRate, step };
      moveWeights(weights, given, clippingFactor(weights, given), this.spent);
    }
    this.#tied.copy();
    return agreement;
  }
}

function scalarOf(results: { readonly [name: string]: HostTensor }, name: string): number {
  return (results[name].data as Float32Array)[0];
}

function taskOutputs(multiTask: MultiTaskOptions | undefined): TaskOutputs {
  if (multiTask === undefined) return {};
  return {
    separate: needsSeparateGradients(multiTask),
    factors: needsFedWeights(multiTask),
    norms: multiTask.weighting === "gradnorm",
  };
}

/** What the arenas hold for so many tasks. */
export function taskArenas(
  multiTask: MultiTaskOptions | undefined,
  tasks: number,
): Pick<WeightsOptions, "tasks" | "taskStates"> {
  if (multiTask === undefined || !needsSeparateGradients(multiTask)) return {};
  return { tasks, taskStates: multiTask.optimizerState === "shared" ? "one" : "each" };
}

function checkTaskNames(multiTask: MultiTaskOptions, tasks: readonly string[]): void {
  const { lossWeights = {}, priorities = {}, mainTask } = multiTask;
  const named = {
    loss_weights: Object.keys(lossWeights),
    priorities: Object.keys(priorities),
    main_task: mainTask,
  };
  for (const [option, names] of Object.entries(named)) {
    for (const name of [names ?? []].flat()) {
      if (tasks.includes(name)) continue;
      const near = nearestName(name, tasks);
      throw new ConfigError(`training.multi_task.${option}: the model has no task "${name}"`, {
        details: { name, tasks },
        hint: near === undefined ? `its tasks are ${tasks.join(", ")}` : `did you mean ${near}?`,
      });
    }
  }
  for (const [option, factors] of Object.entries({ loss_weights: lossWeights, priorities })) {
    if (tasks.some((task) => (factors[task] ?? 1) > 0)) continue;
    throw new ConfigError(
      `training.multi_task.${option}: all tasks have 0, so that nothing would be learned`,
      {
        details: { option, tasks },
        hint: "give at least one task a factor above 0",
      },
    );
  }
}

/** Most positions one batch reads, for each arena. */
function positionsOf(batches: readonly SymbolicBatch[], batchSize: number): number[] {
  const [{ arenas }] = batches;
  return arenas.map((_, k) =>
    Math.max(
      ...batches.map(({ lookups }) =>
        lookups.filter(({ arena }) => arena === k).reduce((sum, { width }) => sum + width * batchSize, 0),
      ),
    ),
  );
}

/** The same before anything is compiled or allocated, for memory estimates. */
export function positionsFor(source: GraphSource, batchSize: number): number[] {
  return positionsOf([tracedBatch(source).batch], batchSize);
}

/** @throws ConfigError when rows are to move lazily but L2 to hold for whole tables */
export function optimizersOf(options: OptimizerOptions) {
  const { optimizer, embeddingOptimizer = optimizer, embeddingUpdate, netRegularizer } = options;
  const { embeddingRegularizer, embeddingRegularizerScope } = options;
  if (embeddingUpdate === "lazy" && embeddingRegularizer > 0 && embeddingRegularizerScope === "table") {
    throw new ConfigError(
      "embedding_regularizer over whole tables moves every row, and lazy updates only the batch's",
      {
        details: { embeddingUpdate, embeddingRegularizer, embeddingRegularizerScope },
        hint: "say embedding_regularizer_scope: batch, or embedding_update: dense",
      },
    );
  }
  return {
    denseOptimizer: optimizerNamed(optimizer, options),
    rowOptimizer: optimizerNamed(embeddingOptimizer, { ...options, momentum: 0 }),
    rowScope: embeddingUpdate === "lazy" ? ("batch" as const) : ("table" as const),
    netL2: netRegularizer,
  };
}

function optimizerNamed(name: Optimizer["name"], options: OptimizerOptions): Optimizer {
  const { beta1, beta2, epsilon, momentum } = options;
  switch (name) {
    case "adam":
      return { name, beta1, beta2, epsilon };
    case "sgd":
      return { name, momentum };
    default:
      return { name, epsilon };
  }
}
