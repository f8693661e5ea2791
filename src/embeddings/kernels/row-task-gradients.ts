/**
 * Gradients of several tasks on one batch's rows, side by side: their inner products, and linear
 * combinations of them. Inner products need each row's positions added up first, since
 * `(a + b)·(c + d)` is not `a·c + b·d`.
 *
 * Plain loops: what they read is the batch's unique rows only, and the methods that need them (gradient
 * surgery) run one backward pass a task, which costs far more.
 */
import type { RowRange } from "./row-arena.ts";
import type { RowPlan } from "./row-plan.ts";

export class RowTaskGradients {
  readonly #plan: RowPlan;
  readonly #floats: Float32Array;
  readonly #ints: Int32Array;

  constructor(buffer: ArrayBuffer, plan: RowPlan) {
    this.#plan = plan;
    this.#floats = new Float32Array(buffer);
    this.#ints = new Int32Array(buffer);
  }

  /** Adds up the positions of each of the first `unique` rows, ascending, into the first one's place. */
  sumDuplicates(unique: number, task: number): void {
    const { dim, order, segmentStart, segmentEnd } = this.#plan;
    const floats = this.#floats;
    const ints = this.#ints;
    for (let u = 0; u < unique; u++) {
      const start = ints[(segmentStart >>> 2) + u];
      const end = ints[(segmentEnd >>> 2) + u];
      const sum = this.#at(task, ints[(order >>> 2) + start]);
      for (let k = start + 1; k < end; k++) {
        const from = this.#at(task, ints[(order >>> 2) + k]);
        for (let d = 0; d < dim; d++) floats[sum + d] += floats[from + d];
      }
    }
  }

  /** `[tasks, tasks]`, over the unique rows that lie in `ranges`. */
  products(unique: number, ranges: readonly RowRange[]): Float64Array {
    const { dim, tasks } = this.#plan;
    const floats = this.#floats;
    const products = new Float64Array(tasks * tasks);
    const at = new Int32Array(tasks);
    this.#visit(unique, ranges, (u, inside) => {
      if (!inside) return;
      for (let k = 0; k < tasks; k++) at[k] = this.#slot(u, k);
      for (let a = 0; a < tasks; a++) {
        for (let b = a; b < tasks; b++) {
          let sum = 0;
          for (let d = 0; d < dim; d++) sum += floats[at[a] + d] * floats[at[b] + d];
          products[a * tasks + b] += sum;
        }
      }
    });
    for (let a = 0; a < tasks; a++)
      for (let b = 0; b < a; b++) products[a * tasks + b] = products[b * tasks + a];
    return products;
  }

  /** See `RowArena.mixTasks`. Each result is computed in float64 and rounded once. */
  mix(unique: number, coefficients: readonly (readonly number[])[], ranges: readonly RowRange[]): void {
    const { dim, tasks } = this.#plan;
    const floats = this.#floats;
    const plainSum = [new Array<number>(tasks).fill(1)];
    const at = new Int32Array(tasks);
    const old = new Float64Array(tasks);
    this.#visit(unique, ranges, (u, inside) => {
      const rows = inside ? coefficients : coefficients.length === 1 ? plainSum : [];
      if (rows.length === 0) return;
      for (let k = 0; k < tasks; k++) at[k] = this.#slot(u, k);
      for (let d = 0; d < dim; d++) {
        for (let k = 0; k < tasks; k++) old[k] = floats[at[k] + d];
        for (let to = 0; to < rows.length; to++) {
          let sum = 0;
          for (let k = 0; k < tasks; k++) sum += rows[to][k] * old[k];
          floats[at[to] + d] = sum;
        }
      }
    });
  }

  view(u: number, task: number): Float32Array {
    const at = this.#slot(u, task);
    return this.#floats.subarray(at, at + this.#plan.dim);
  }

  /** Unique rows are ascending, and so are the ranges. */
  #visit(unique: number, ranges: readonly RowRange[], visit: (u: number, inside: boolean) => void): void {
    let range = 0;
    for (let u = 0; u < unique; u++) {
      const row = this.#ints[(this.#plan.unique >>> 2) + u];
      while (range < ranges.length && ranges[range].first + ranges[range].count <= row) range++;
      visit(u, range < ranges.length && ranges[range].first <= row);
    }
  }

  /** First float of the summed gradient of unique row `u`. */
  #slot(u: number, task: number): number {
    const { order, segmentStart } = this.#plan;
    return this.#at(task, this.#ints[(order >>> 2) + this.#ints[(segmentStart >>> 2) + u]]);
  }

  /** First float of the gradient at a position. */
  #at(task: number, position: number): number {
    const { gradients, positions, dim } = this.#plan;
    return (gradients >>> 2) + (task * positions + position) * dim;
  }
}
