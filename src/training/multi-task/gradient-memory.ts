/**
 * The tasks' gradients of one step, kept until the next: how they agree with the main task's gradient there,
 *
 *     g_k(θ_t) · g_main(θ_{t+1}),
 *
 * over all dense weights and, of tables, the rows that both batches read. All of it is in one array for
 * checkpoints, which is as long as a batch's gradients of all tasks.
 */
import type { ModelWeights } from "../model-weights.ts";

export interface GradientMemoryInput {
  readonly weights: ModelWeights;
  readonly tasks: number;
  readonly main: number;
}

interface KeptRows {
  readonly arena: number;
  /** How many rows are kept. */
  readonly count: Float64Array;
  readonly rows: Float64Array;
  /** `[rows, tasks, dim]` */
  readonly gradients: Float64Array;
}

export class GradientMemory {
  readonly state: Float64Array;
  readonly #given: GradientMemoryInput;
  /** 1 once something is kept. */
  readonly #kept: Float64Array;
  /** By parameter, `[tasks, size]`. */
  readonly #dense: readonly Float64Array[];
  readonly #rows: readonly KeptRows[];

  constructor(given: GradientMemoryInput) {
    const { weights, tasks } = given;
    this.#given = given;
    const sizes = [...weights.parameters.keys()].map((_, i) => weights.dense.parameter(i).length);
    const trained = weights.arenas
      .map((own, arena) => ({ own, arena }))
      .filter(({ own }) => own.optimizer !== undefined);
    const rowsLength = trained.reduce((sum, { own }) => sum + 1 + own.positions * (1 + tasks * own.dim), 0);
    this.state = new Float64Array(1 + tasks * sizes.reduce((sum, size) => sum + size, 0) + rowsLength);
    let at = 0;
    const take = (count: number): Float64Array => {
      at += count;
      return this.state.subarray(at - count, at);
    };
    this.#kept = take(1);
    this.#dense = sizes.map((size) => take(tasks * size));
    this.#rows = trained.map(({ arena, own }) => ({
      arena,
      count: take(1),
      rows: take(own.positions),
      gradients: take(own.positions * tasks * own.dim),
    }));
  }

  /** By task; empty where nothing is kept yet. The arenas' duplicates must be summed. */
  products(): number[] {
    if (this.#kept[0] === 0) return [];
    const { weights, tasks, main } = this.#given;
    const products = new Array<number>(tasks).fill(0);
    for (const [i, kept] of this.#dense.entries()) {
      const now = weights.dense.gradient(i, main);
      for (let task = 0; task < tasks; task++) {
        let sum = 0;
        for (let j = 0; j < now.length; j++) sum += kept[task * now.length + j] * now[j];
        products[task] += sum;
      }
    }
    for (const { arena: a, count, rows, gradients } of this.#rows) {
      const arena = weights.arenas[a];
      const { dim, uniqueRows } = arena;
      let before = 0;
      for (const [u, row] of uniqueRows.entries()) {
        while (before < count[0] && rows[before] < row) before++;
        if (before === count[0]) break;
        if (rows[before] !== row) continue;
        const now = arena.rowGradient(u, main);
        for (let task = 0; task < tasks; task++) {
          const from = (before * tasks + task) * dim;
          let sum = 0;
          for (let d = 0; d < dim; d++) sum += gradients[from + d] * now[d];
          products[task] += sum;
        }
      }
    }
    return products;
  }

  /** Keeps the gradients that lie in the arenas, each divided by its task's factor. */
  keep(factors: readonly number[]): void {
    const { weights, tasks } = this.#given;
    const divided = (value: number, task: number): number =>
      factors[task] === 0 ? 0 : value / factors[task];
    for (const [i, kept] of this.#dense.entries()) {
      for (let task = 0; task < tasks; task++) {
        const gradient = weights.dense.gradient(i, task);
        for (let j = 0; j < gradient.length; j++)
          kept[task * gradient.length + j] = divided(gradient[j], task);
      }
    }
    for (const { arena: a, count, rows, gradients } of this.#rows) {
      const arena = weights.arenas[a];
      const { dim, uniqueRows } = arena;
      count[0] = uniqueRows.length;
      rows.set(uniqueRows);
      for (let u = 0; u < uniqueRows.length; u++) {
        for (let task = 0; task < tasks; task++) {
          const gradient = arena.rowGradient(u, task);
          const to = (u * tasks + task) * dim;
          for (let d = 0; d < dim; d++) gradients[to + d] = divided(gradient[d], task);
        }
      }
    }
    this.#kept[0] = 1;
  }
}
