/**
 * What tasks do to each other, epoch by epoch: the mean cosine between two tasks' gradients on shared
 * weights, and which task moves each shared weight. The latter is AdaTask's measure: the average of squared
 * updates of task k on a weight,
 *
 *     AU_k ← c AU_k + (1-c) (η n_k / (√v + ε))²,   rAU_k = AU_k / Σ_j AU_j,
 *
 * with n_k the task's momentum (Adam) or gradient, and v the optimizer's accumulator: the shared one, or
 * the task's own. rAU near 1/K is balanced, near 1 dominated. Dense weights have one AU a number; what is
 * recorded is the mean of rAU over a parameter. Tables: squared updates without momentum, averaged over at
 * most 512 of the batch's rows. Gradients are taken as the graph gives them, before surgery.
 */
import type { Optimizer } from "../../embeddings/index.ts";
import type { TrainingGraph } from "../graphs.ts";
import type { ModelWeights } from "../model-weights.ts";
import type { MultiTaskOptions } from "./options.ts";
import type { Products } from "./gradient-mixing.ts";
import type { SharedLeaves } from "./shared-leaves.ts";

/** One epoch's findings; plain JSON. */
export interface TaskRecord {
  /** Factors on the losses at the end of the epoch. */
  readonly factors?: { readonly [task: string]: number };
  /** Mean cosine between gradients by pair, `click|like`; null where one was zero throughout. */
  readonly cosine?: { readonly [pair: string]: number | null };
  /** Mean rAU by path of a shared parameter or table, then by task. */
  readonly dominance?: { readonly [path: string]: { readonly [task: string]: number } };
}

export interface TaskMeterInput {
  readonly weights: ModelWeights;
  readonly graph: TrainingGraph;
  readonly options: MultiTaskOptions;
  readonly shared: SharedLeaves;
}

const SAMPLED_ROWS = 512;
const FLUSH = 1e-300;

interface DenseEntry {
  readonly path: string;
  /** Position among the parameters. */
  readonly index: number;
  /** `[tasks][size]` each. */
  readonly squares: readonly Float64Array[];
  readonly momentum: readonly Float64Array[];
}

interface SampledRow {
  readonly arena: number;
  /** Position among the shared tables. */
  readonly table: number;
  readonly row: number;
  /** By task. */
  readonly gradients: readonly Float32Array[];
}

export class TaskMeter {
  /** Everything a later record depends on, for checkpoints. */
  readonly state: Float64Array;
  readonly #given: TaskMeterInput;
  readonly #dense: readonly DenseEntry[];
  /** `[shared tables][tasks]`. */
  readonly #tables: Float64Array;
  /** Sums of cosines by pair, then counts. */
  readonly #cosines: Float64Array;
  readonly #pairs: readonly (readonly [number, number])[];
  readonly #beta1: number;
  readonly #perTask: boolean;
  /** Rows looked at in this step. */
  #sampled: readonly SampledRow[] = [];

  constructor(given: TaskMeterInput) {
    const { weights, graph, shared, options } = given;
    this.#given = given;
    const { optimizer } = weights.dense;
    this.#beta1 = optimizer.name === "adam" ? (optimizer.beta1 ?? 0.9) : 0;
    this.#perTask = options.optimizerState === "per-task";
    const { tasks } = graph;
    this.#pairs = tasks.flatMap((_, a) => tasks.slice(a + 1).map((_, b) => [a, a + 1 + b] as const));
    const paths = [...weights.parameters.keys()];
    const indices = paths.map((_, k) => k).filter((k) => shared.parameters[k]);
    const sizes = indices.map((k) => weights.dense.parameter(k).length);
    const dense = 2 * tasks.length * sizes.reduce((sum, size) => sum + size, 0);
    this.state = new Float64Array(dense + shared.tables.length * tasks.length + 2 * this.#pairs.length);
    let at = 0;
    const take = (count: number): Float64Array => {
      at += count;
      return this.state.subarray(at - count, at);
    };
    this.#dense = indices.map((index, i) => ({
      path: paths[index],
      index,
      squares: tasks.map(() => take(sizes[i])),
      momentum: tasks.map(() => take(sizes[i])),
    }));
    this.#tables = take(shared.tables.length * tasks.length);
    this.#cosines = take(2 * this.#pairs.length);
  }

  /** With the gradients as the graph gave them, and their inner products. */
  before(products: Products): void {
    for (const [p, [a, b]] of this.#pairs.entries()) {
      const norm = Math.sqrt(products[a][a] * products[b][b]);
      if (norm === 0) continue;
      this.#cosines[p] += products[a][b] / norm;
      this.#cosines[this.#pairs.length + p] += 1;
    }
    const { weights } = this.#given;
    for (const { index, momentum } of this.#dense) {
      for (const [task, values] of momentum.entries()) {
        const gradient = weights.dense.gradient(index, task);
        for (let i = 0; i < values.length; i++) {
          values[i] = this.#beta1 * values[i] + (1 - this.#beta1) * gradient[i];
        }
      }
    }
    this.#sampled = this.#sampleRows();
  }

  #sampleRows(): SampledRow[] {
    const { weights, shared, graph } = this.#given;
    const sampled: SampledRow[] = [];
    for (const [k, arena] of weights.arenas.entries()) {
      if (arena.optimizer === undefined) continue;
      const unique = arena.uniqueRows;
      const every = Math.max(1, Math.ceil(unique.length / SAMPLED_ROWS));
      for (let u = 0; u < unique.length; u += every) {
        const row = unique[u];
        const table = shared.tables.findIndex(
          ({ arena: own, range }) => own === k && row >= range.first && row < range.first + range.count,
        );
        if (table < 0) continue;
        const gradients = graph.tasks.map((_, task) => arena.rowGradient(u, task).slice());
        sampled.push({ arena: k, table, row, gradients });
      }
    }
    return sampled;
  }

  /** After the weights have moved: the states are this step's. */
  after(step: number): void {
    const { weights, options, graph, shared } = this.#given;
    const { optimizer } = weights.dense;
    const keep = options.dominanceDecay;
    for (const { index, squares, momentum } of this.#dense) {
      for (const [task, values] of squares.entries()) {
        const state = weights.dense.state(index, this.#perTask ? task : 0);
        const own = this.#perTask && optimizer.name === "adam" ? state[0] : momentum[task];
        const accumulated = accumulatorOf(optimizer, state);
        for (let i = 0; i < values.length; i++) {
          const update = own[i] / denominator(optimizer, accumulated?.[i], step);
          values[i] = keep * values[i] + (1 - keep) * update * update;
        }
      }
    }
    const sums = new Float64Array(this.#tables.length);
    const counts = new Float64Array(shared.tables.length);
    for (const { arena: k, table, row, gradients } of this.#sampled) {
      const arena = weights.arenas[k];
      const rowOptimizer = arena.optimizer as Optimizer;
      counts[table] += arena.dim;
      for (const [task, gradient] of gradients.entries()) {
        const state = arena.rowState(row, this.#perTask ? task : 0);
        for (let d = 0; d < arena.dim; d++) {
          const update =
            gradient[d] / denominator(rowOptimizer, accumulatorOf(rowOptimizer, state)?.[d], step);
          sums[table * graph.tasks.length + task] += update * update;
        }
      }
    }
    for (let table = 0; table < counts.length; table++) {
      if (counts[table] === 0) continue;
      for (let task = 0; task < graph.tasks.length; task++) {
        const at = table * graph.tasks.length + task;
        this.#tables[at] = keep * this.#tables[at] + (1 - keep) * (sums[at] / counts[table]);
      }
    }
    this.#sampled = [];
  }

  /** What was found since the last record. */
  record(): TaskRecord {
    const { graph, shared } = this.#given;
    const { tasks } = graph;
    const cosine: { [pair: string]: number | null } = {};
    for (const [p, [a, b]] of this.#pairs.entries()) {
      const count = this.#cosines[this.#pairs.length + p];
      cosine[`${tasks[a]}|${tasks[b]}`] = count === 0 ? null : this.#cosines[p] / count;
    }
    this.#cosines.fill(0);
    const dominance: { [path: string]: { [task: string]: number } } = {};
    const add = (path: string, shares: readonly number[]): void => {
      if (shares.length === tasks.length)
        dominance[path] = Object.fromEntries(tasks.map((name, k) => [name, shares[k]]));
    };
    for (const { path, squares } of this.#dense) add(path, meanShares(squares));
    for (const [t, { path }] of shared.tables.entries()) {
      const own = this.#tables.subarray(t * tasks.length, (t + 1) * tasks.length);
      add(path, meanShares(tasks.map((_, k) => own.subarray(k, k + 1))));
    }
    return { cosine, dominance };
  }
}

/** Mean over elements of each task's share; empty where nothing moved. */
function meanShares(squares: readonly Float64Array[]): number[] {
  const totals = squares.map(() => 0);
  let counted = 0;
  for (let i = 0; i < squares[0].length; i++) {
    let all = 0;
    for (const values of squares) all += values[i];
    if (!(all > FLUSH)) continue;
    counted++;
    for (let k = 0; k < squares.length; k++) totals[k] += squares[k][i] / all;
  }
  return counted === 0 ? [] : totals.map((total) => total / counted);
}

/** What steps are divided by the root of: Adam's v, AdaGrad's sum; nothing for SGD. */
function accumulatorOf({ name }: Optimizer, state: readonly Float32Array[]): Float32Array | undefined {
  return name === "sgd" ? undefined : state[state.length - 1];
}

function denominator(optimizer: Optimizer, accumulated: number | undefined, step: number): number {
  switch (optimizer.name) {
    case "sgd":
      return 1;
    case "adam": {
      const { beta2 = 0.999, epsilon = 1e-8 } = optimizer;
      return Math.sqrt((accumulated as number) / (1 - beta2 ** step)) + epsilon;
    }
    case "rmsprop":
      return Math.sqrt(accumulated as number) + (optimizer.epsilon ?? 1e-8);
    default:
      return Math.sqrt(accumulated as number) + (optimizer.epsilon ?? 1e-10);
  }
}
