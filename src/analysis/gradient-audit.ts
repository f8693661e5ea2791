/**
 * Who teaches a table that serves as attention and as representation at once: the audit behind DARE (Feng et
 * al., ICLR 2025, arXiv:2410.02604). The same weights are read as two models' would be, one table for each role,
 * so that the shared table's gradient falls into the two parts that it is the sum of.
 *
 * - domination: norms of the two parts, a row at a time, and representation's share in their sum;
 * - conflict: how often the two point against each other (negative cosine), by rows and by steps.
 *
 * Only rows that both parts reach in a step count, as in the authors' analysis.
 */
import { grad } from "../autodiff/index.ts";
import { compile } from "../compile/index.ts";
import { ConfigError, DataError } from "../core/index.ts";
import { join } from "node:path";
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import { binaryCrossEntropy } from "../losses/index.ts";
import { DARE, type DAREOptions } from "../models/index.ts";
import { type Table, Trace, withTrace } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { add } from "../ops/index.ts";
import { type OpenRun, runFiles } from "../run/index.ts";
import { batchLayout, type BatchSource, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import {
  ColumnBatch,
  defaultObjective,
  Learner,
  type OptimizerOptions,
  restoreSnapshot,
  type WeightSource,
} from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import { PairedGradients, type PairedGradientSummary } from "./paired-gradients.ts";

/** One table's figures, over all steps. */
export interface AuditedTable extends PairedGradientSummary {
  /** The vocabulary, or `place 0`, `place 1`, … for how far back events lie. */
  readonly table: string;
}

export interface GradientAudit {
  readonly steps: number;
  readonly tables: readonly AuditedTable[];
}

/** Takes in one batch at a time, at whatever weights the model has then. */
export class GradientAuditor {
  readonly #model: DARE;
  readonly #schema: FeatureMap;
  readonly #session: Session;
  readonly #inputs: readonly string[];
  readonly #pairs: readonly {
    readonly table: string;
    readonly path: string;
    readonly rows: number;
    readonly dim: number;
    /** Row 0 of a table is padding. */
    readonly first: number;
    readonly found: PairedGradients;
  }[];

  private constructor(
    session: Session,
    {
      model,
      schema,
      inputs,
      tables,
    }: { model: DARE; schema: FeatureMap; inputs: readonly string[]; tables: readonly string[] },
  ) {
    this.#session = session;
    this.#model = model;
    this.#schema = schema;
    this.#inputs = inputs;
    const named = model.namedTables();
    this.#pairs = [
      ...tables.map((vocabulary) => {
        const path = `tables.${vocabulary}`;
        const { rows, dim } = named.get(`attention.${path}`) as Table;
        return { table: vocabulary, path, rows, dim, first: 1, found: new PairedGradients() };
      }),
      ...model.attention.places.map(({ weight, dim }, i) => ({
        table: `place ${i}`,
        path: `places.${i}.weight`,
        rows: weight.shape[0],
        dim,
        first: 0,
        found: new PairedGradients(),
      })),
    ];
  }

  /**
   * @param options of the audited model, whose `tables` are `shared`
   * @throws ConfigError when they are not
   */
  static async create({
    schema,
    options,
    engine,
    threads,
  }: {
    readonly schema: FeatureMap;
    readonly options: DAREOptions;
    readonly engine: Engine;
    readonly threads?: number;
  }): Promise<GradientAuditor> {
    if (options.tables !== "shared") {
      throw new ConfigError("the gradient audit is about tables that serve as attention and representation", {
        details: { tables: options.tables ?? "decoupled" },
        hint: "train DARE with tables: shared, which is TWIN, and audit that",
      });
    }
    // What is dropped would differ from step to step; the audit is about the routes.
    const model = new DARE(schema, { ...options, tables: "decoupled", netDropout: 0 });
    const named = model.namedTables();
    const batch = new ColumnBatch(schema, new Map([...named].map(([path, table]) => [table, path])));
    const [label] = schema.labels;
    const labelOf = (name: string): Tensor => batch.inputs.column(name);
    const trace = new Trace({ training: true, key: constant(0, { dtype: "uint32" }), label: labelOf });
    const loss = withTrace(trace, () =>
      binaryCrossEntropy(model.forward(batch) as Tensor, labelOf(label.name)),
    );
    const total = [...trace.auxiliaryLosses.values()].reduce((all, one) => add(all, one), loss);
    const leaves = new Map<string, Tensor>();
    for (const [path, tensor] of batch.tables) leaves.set(path, tensor);
    for (const [path, leaf] of model.namedParameters()) if (path.includes(".places.")) leaves.set(path, leaf);
    const audited = [...leaves].filter(([path]) => /^(attention|representation)\./.test(path));
    const gradients = grad(
      total,
      audited.map(([, leaf]) => leaf),
    );
    const outputs = Object.fromEntries(audited.map(([path], k) => [`gradient:${path}`, gradients[k]]));
    const bindings = new Map<Tensor, { name: string }>();
    for (const [column, tensor] of batch.inputs.used) bindings.set(tensor, { name: `column:${column}` });
    for (const [path, tensor] of batch.tables) bindings.set(tensor, { name: `table:${path}` });
    for (const [path, leaf] of model.namedParameters()) bindings.set(leaf, { name: `parameter:${path}` });
    for (const [path, leaf] of model.namedStates()) bindings.set(leaf, { name: `state:${path}` });
    const graph = compile({ outputs, leaves: bindings });
    const session = await engine.load(graph.model, { threads });
    const tables = Object.keys(model.attention.tables);
    return new GradientAuditor(session, { model, schema, inputs: graph.inputs, tables });
  }

  /** @param weights of the shared model */
  async observe(weights: WeightSource, batch: EncodedBatch): Promise<void> {
    const results = await this.#session.run(this.#feeds(weights, batch));
    for (const { path, first, rows, dim, found } of this.#pairs) {
      const [attention, representation] = ["attention", "representation"].map(
        (role) => results[`gradient:${role}.${path}`].data as Float32Array,
      );
      found.add({ attention, representation, first, rows, dim });
    }
  }

  report(): GradientAudit {
    const tables = this.#pairs.map(({ table, found }) => ({ table, ...found.summary() }));
    return { steps: tables[0]?.steps ?? 0, tables };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  #feeds(weights: WeightSource, batch: EncodedBatch): { [name: string]: HostTensor } {
    const named = new Map<string, () => HostTensor>();
    // Both roles read what the shared model has once.
    const shared = (path: string): string => path.replace(/^attention\./, "representation.");
    for (const [path, { rows, dim }] of this.#model.namedTables())
      named.set(`table:${path}`, () => hostTensor("float32", [rows, dim], weights.table(shared(path))));
    for (const [path, { shape }] of this.#model.namedParameters())
      named.set(`parameter:${path}`, () => hostTensor("float32", shape, weights.parameter(shared(path))));
    for (const [path, { shape }] of this.#model.namedStates())
      named.set(`state:${path}`, () => hostTensor("float32", shape, weights.state(path)));
    for (const { name, width, dtype } of batchLayout(this.#schema)) {
      const dims = width === 1 ? [batch.size] : [batch.size, width];
      named.set(`column:${name}`, () =>
        hostTensor(dtype === "int32" ? "int32" : "float32", dims, batch.columns[name]),
      );
    }
    return Object.fromEntries(
      this.#inputs.map((name) => [name, (named.get(name) as () => HostTensor)()] as const),
    );
  }
}

export interface AuditRunOptions {
  /** Batches looked at. @default 50 */
  readonly steps?: number;
  /** Rows of a batch. @default 1024 */
  readonly batchSize?: number;
}

/**
 * The audit of a trained model at the weights that its checkpoint has: the best, or the last where none was
 * best. Batches are drawn from `source`, which is the training split unless another is asked about.
 *
 * @throws ConfigError when the run's model has no tables that serve as both
 * @throws DataError when the run keeps no checkpoint
 */
export async function auditRun(
  run: OpenRun,
  engine: Engine,
  source: BatchSource,
  { steps = 50, batchSize = 1024 }: AuditRunOptions = {},
): Promise<GradientAudit> {
  const { config, map } = run;
  const { name, ...options } = config.model;
  if (name !== "DARE") {
    throw new ConfigError(`the gradient audit reads DARE with tables: shared; the run's model is ${name}`, {
      hint: "train model: { name: DARE, tables: shared }, which is TWIN",
    });
  }
  const auditor = await GradientAuditor.create({ schema: map, options, engine });
  try {
    const learner = await sharedLearner(options, {
      schema: map,
      engine,
      batchSize,
      optimizer: config.training,
      seed: config.training.seed,
    });
    const store = new DirectoryCheckpoints(join(run.directory, runFiles.checkpoint));
    const snapshot = store.loadBest() ?? store.loadCurrent()?.weights;
    if (snapshot === undefined) {
      throw new DataError(
        `${run.directory} keeps no checkpoint, and only that has all of the training's weights`,
        {
          details: { directory: run.directory },
          hint: "audit the directory that `millrace train` wrote, not an export of it",
        },
      );
    }
    restoreSnapshot(learner.weights, snapshot);
    const weights = weightsOf(learner);
    let seen = 0;
    for await (const batch of source.batches({ batchSize, shuffle: { seed: 1, epoch: 0 } })) {
      await auditor.observe(weights, batch);
      if (++seen >= steps) break;
    }
    await learner.release();
    return auditor.report();
  } finally {
    await auditor.release();
  }
}

export interface AuditTrainingOptions {
  readonly schema: FeatureMap;
  /** Of DARE; `tables` are taken as `shared`. */
  readonly options: DAREOptions;
  readonly source: BatchSource;
  readonly engine: Engine;
  readonly optimizer: OptimizerOptions;
  readonly batchSize: number;
  readonly seed: number;
  /** Steps to train. */
  readonly steps: number;
  /** Audit every so many steps. @default 1 */
  readonly every?: number;
}

/** The audit along a training from its start, as the paper reports it: each audited batch is then learned from. */
export async function auditTraining({
  source,
  batchSize,
  seed,
  steps,
  every = 1,
  ...given
}: AuditTrainingOptions): Promise<GradientAudit> {
  const options = { ...given.options, tables: "shared" } as const;
  const auditor = await GradientAuditor.create({ ...given, options });
  const learner = await sharedLearner(options, { ...given, batchSize, seed });
  const weights = weightsOf(learner);
  try {
    let step = 0;
    for (let epoch = 0; step < steps; epoch++) {
      for await (const batch of source.batches({ batchSize, shuffle: { seed, epoch } })) {
        if (step % every === 0) await auditor.observe(weights, batch);
        await learner.step(batch);
        if (++step >= steps) break;
      }
    }
    return auditor.report();
  } finally {
    await learner.release();
    await auditor.release();
  }
}

function sharedLearner(
  options: DAREOptions,
  {
    schema,
    engine,
    optimizer,
    batchSize,
    seed,
  }: {
    readonly schema: FeatureMap;
    readonly engine: Engine;
    readonly optimizer: OptimizerOptions;
    readonly batchSize: number;
    readonly seed: number;
  },
): Promise<Learner> {
  return Learner.create({
    model: new DARE(schema, options),
    schema,
    layout: batchLayout(schema),
    engine,
    objective: defaultObjective(schema),
    optimizer,
    batchSize,
    seed,
  });
}

/** A learner's weights as they are at each reading. */
function weightsOf({ weights, options: { model } }: Learner): WeightSource {
  const tables = model.namedTables();
  return {
    table: (path) => weights.table(tables.get(path) as Table),
    parameter: (path) => weights.parameter(leafAt(weights.parameters, path)),
    state: (path) => weights.state(leafAt(weights.states, path)),
  };
}

function leafAt<T>(leaves: ReadonlyMap<string, T>, path: string): T {
  const leaf = leaves.get(path);
  if (leaf === undefined) throw new Error(`the model has nothing at ${path}`);
  return leaf;
}
