/**
 * One training step: the graph gives the loss and all gradients, then the host sums duplicate rows,
 * clips by the norm of everything together, and moves rows and dense parameters in place.
 */
import { ConfigError, MillraceError } from "../core/index.ts";
import type { Optimizer } from "../embeddings/index.ts";
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import { hashKey } from "../core/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import { BatchFeeds } from "./feeds.ts";
import {
  type EvaluationGraph,
  evaluationGraph,
  type GraphSource,
  type Objective,
  tracedBatch,
  type TrainingGraph,
  trainingGraph,
} from "./graphs.ts";
import { ModelWeights, rowL2 } from "./model-weights.ts";
import type { OptimizerOptions } from "./optimizer-options.ts";
import type { SymbolicBatch } from "./symbolic-batch.ts";

export interface LearnerOptions extends GraphSource {
  readonly engine: Engine;
  readonly objective: Objective;
  readonly optimizer: OptimizerOptions;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads?: number;
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

  private constructor(
    options: LearnerOptions,
    graph: TrainingGraph,
    evaluation: EvaluationGraph,
    sessions: [Session, Session],
  ) {
    this.options = options;
    this.graph = graph;
    this.evaluation = evaluation;
    this.learningRate = options.optimizer.learningRate;
    [this.#session, this.#evaluationSession] = sessions;
    this.weights = new ModelWeights(options.model, {
      seed: options.seed,
      positions: positionsOf([graph.batch, evaluation.batch], options.batchSize),
      ...optimizersOf(options.optimizer),
    });
    this.#feeds = new BatchFeeds(graph.batch, this.weights, graph.inputs);
    this.#evaluationFeeds = new BatchFeeds(evaluation.batch, this.weights, evaluation.inputs);
  }

  static async create(options: LearnerOptions): Promise<Learner> {
    const graph = trainingGraph(options);
    const evaluation = evaluationGraph(options);
    const { threads } = options;
    const session = await options.engine.load(graph.model, { threads });
    const evaluationSession = await options.engine.load(evaluation.model, { threads });
    return new Learner(options, graph, evaluation, [session, evaluationSession]);
  }

  /**
   * Learns from one batch.
   *
   * @returns the loss, without regularisation
   * @throws MillraceError when the loss or the norm of the gradients is not finite; nothing
   *   has been moved then
   */
  async step(batch: EncodedBatch): Promise<number> {
    const { seed } = this.options;
    const randomKey = hashKey(seed, "step", this.steps);
    const start = performance.now();
    const feeds = this.#feeds.prepare(batch, { training: true, randomKey });
    const into = this.#targets(batch.size);
    const fed = performance.now();
    const results = await this.#session.run(feeds, { into });
    this.spent.feeds += fed - start;
    this.spent.graph += performance.now() - fed;
    const loss = (results.loss.data as Float32Array)[0];
    if (!Number.isFinite(loss)) throw this.#notFinite("loss", loss);
    this.#update();
    this.steps++;
    for (const [k, state] of this.graph.states.entries()) {
      this.weights.stateValues.set(state, results[`state:${k}`].data as Float32Array);
    }
    return loss;
  }

  /** Predictions of a batch by label, `[size]` each. */
  async predict(batch: EncodedBatch): Promise<{ [label: string]: Float32Array }> {
    const feeds = this.#evaluationFeeds.prepare(batch, { training: false });
    const results = await this.#evaluationSession.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [
        name.slice("prediction:".length),
        data as Float32Array,
      ]),
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
    for (const [k, [path, { shape, trainable }]] of [...parameters].entries()) {
      if (trainable) into[`gradient:${path}`] = { dtype: "float32", dims: shape, data: dense.gradient(k) };
    }
    for (const [k, { lookup, first }] of this.#feeds.placed(size).entries()) {
      const arena = arenas[lookup.arena];
      // Look-ups of frozen tables alone have no gradient, also where their arena has trained rows.
      if (!lookup.slots.some(({ table }) => table.trainable)) continue;
      const data = arena.gradients(first, size * lookup.width);
      into[`rows:${k}`] = { dtype: "float32", dims: [size, lookup.width, arena.dim], data };
    }
    return into;
  }

  #update(): void {
    const start = performance.now();
    const { optimizer } = this.options;
    const { arenas, dense } = this.weights;
    const trained = arenas.filter((arena) => arena.optimizer !== undefined);
    const l2 = rowL2(optimizer.embeddingRegularizer, optimizer.embeddingRegularizerScope);
    let gradientScale = 1;
    // Also without clipping: one gradient that is not finite would end up in the weights.
    const squares = trained.reduce((sum, arena) => sum + arena.sumOfSquares({ l2 }), dense.sumOfSquares());
    const norm = Math.sqrt(squares);
    if (!Number.isFinite(norm)) throw this.#notFinite("norm of the gradients", norm);
    const most = optimizer.maxGradientNorm ?? Number.POSITIVE_INFINITY;
    // As torch.nn.utils.clip_grad_norm_: the small constant keeps the quotient finite.
    if (norm > most) gradientScale = most / (norm + 1e-6);
    const { learningRate } = this;
    const step = this.steps + 1;
    for (const arena of trained) arena.step({ learningRate, step, gradientScale, l2 });
    const moved = performance.now();
    dense.step({ learningRate, step, gradientScale });
    this.spent.rows += moved - start;
    this.spent.dense += performance.now() - moved;
  }

  #notFinite(what: string, value: number): MillraceError {
    const step = this.steps + 1;
    return new MillraceError(`the ${what} became ${value} at step ${step}`, {
      details: { step, value },
      hint: "lower the learning rate, or run `millrace validate` on the data; the weights of the step before are kept",
    });
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
