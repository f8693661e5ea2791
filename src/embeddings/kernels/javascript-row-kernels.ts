/**
 * The row kernels in plain JavaScript: what the WebAssembly ones compute, one rounding to float32 after
 * every operation. The judge of those, and what runs where WebAssembly has no SIMD.
 */
import type { AdamScalars } from "./optimizer.ts";
import type { RowKernels, RowPass, RowStepPass } from "./row-kernels.ts";
import type { RowPlan } from "./row-plan.ts";

const f = Math.fround;

/** Moves one row: `at` is the row's first float, `g` its gradient, absent where the row has none. */
type MoveRow = (at: number, row: number, g: Float32Array | undefined) => void;

export function javascriptRowKernels(memory: WebAssembly.Memory, plan: RowPlan): RowKernels {
  const { dim, stride, positions, rows } = plan;
  const floats = new Float32Array(memory.buffer);
  const ints = new Int32Array(memory.buffer);
  const table = plan.table >>> 2;
  const order = plan.order >>> 2;
  const unique = plan.unique >>> 2;
  const segmentStart = plan.segmentStart >>> 2;
  const segmentEnd = plan.segmentEnd >>> 2;
  const gradient = new Float32Array(dim);

  /** First float of the gradient at a position. */
  const gradientAt = (task: number, position: number): number =>
    (plan.gradients >>> 2) + (task * positions + position) * dim;

  /** The slot of unique row `u`'s first position, into which the other positions' gradients are added. */
  function slotOf({ task, summed }: RowPass, u: number): number {
    const start = ints[segmentStart + u];
    const end = summed ? start : ints[segmentEnd + u];
    const sum = gradientAt(task, ints[order + start]);
    for (let k = start + 1; k < end; k++) {
      const from = gradientAt(task, ints[order + k]);
      for (let d = 0; d < dim; d++) floats[sum + d] += floats[from + d];
    }
    return sum;
  }

  /** Calls `visit(row, u)` for each row of the pass, ascending; `u` is -1 for a row without gradient. */
  function forEachRow({ table, fromUnique, toUnique }: RowPass, visit: (row: number, u: number) => void) {
    let u = fromUnique;
    if (table === undefined) {
      for (; u < toUnique; u++) visit(ints[unique + u], u);
      return;
    }
    for (let row = table.fromRow; row < table.toRow; row++) {
      if (u < toUnique && ints[unique + u] === row) visit(row, u++);
      else visit(row, -1);
    }
  }

  /** Makes each visited row's gradient `(sum + λ·w)·scale` and hands it over. */
  function step(pass: RowStepPass, move: MoveRow): void {
    const { scale, batchL2, restL2 } = pass;
    forEachRow(pass, (row, u) => {
      const at = table + row * stride;
      if (u < 0 && restL2 === 0) {
        move(at, row, undefined);
        return;
      }
      const from = u < 0 ? -1 : slotOf(pass, u);
      const lambda = f(u < 0 ? restL2 : batchL2);
      for (let d = 0; d < dim; d++) {
        const sum = from < 0 ? 0 : floats[from + d];
        gradient[d] = f(f(sum + f(lambda * floats[at + d])) * f(scale));
      }
      move(at, row, gradient);
    });
  }

  return {
    indices(count) {
      const from = plan.positionRows >>> 2;
      const to = plan.gatherIndices >>> 2;
      for (let i = 0; i < count; i++) {
        const row = ints[from + i];
        if (row < 0 || row >= rows) return i;
        ints[to + i] = row * (stride / dim);
      }
      return -1;
    },

    group(count, frozenRanges) {
      // (row, position) as one exact float64, so that the sort needs no comparison function.
      const keys = new Float64Array(count);
      for (let i = 0; i < count; i++) keys[i] = ints[(plan.positionRows >>> 2) + i] * count + i;
      keys.sort();
      const frozen = plan.frozen >>> 2;
      let range = 0;
      let size = 0;
      for (let k = 0; k < count; ) {
        const row = Math.floor(keys[k] / count);
        const start = k;
        while (k < count && Math.floor(keys[k] / count) === row) {
          ints[order + k] = keys[k] - row * count;
          k++;
        }
        while (range < frozenRanges && ints[frozen + 2 * range + 1] <= row) range++;
        if (range < frozenRanges && ints[frozen + 2 * range] <= row) continue;
        ints[unique + size] = row;
        ints[segmentStart + size] = start;
        ints[segmentEnd + size] = k;
        size++;
      }
      return size;
    },

    squares(pass) {
      let total = 0;
      forEachRow(pass, (row, u) => {
        const at = table + row * stride;
        const from = u < 0 ? -1 : slotOf(pass, u);
        const lambda = f(u < 0 ? pass.restL2 : pass.batchL2);
        total += squaresOf(dim, (d) => {
          const sum = from < 0 ? 0 : floats[from + d];
          return lambda === 0 ? sum : f(sum + f(lambda * floats[at + d]));
        });
      });
      return total;
    },

    sgd(pass, rate) {
      step(pass, (at, _row, g) => {
        if (g === undefined) return;
        for (let d = 0; d < dim; d++) floats[at + d] -= f(f(rate) * g[d]);
      });
    },

    adagrad(pass, rate, epsilon) {
      const state = dim + pass.task * dim;
      step(pass, (at, _row, g) => {
        if (g === undefined) return;
        for (let d = 0; d < dim; d++) {
          const a = f(floats[at + state + d] + f(g[d] * g[d]));
          floats[at + state + d] = a;
          floats[at + d] -= f(f(f(rate) * g[d]) / f(f(Math.sqrt(a)) + epsilon));
        }
      });
    },

    rowwiseAdagrad(pass, rate, epsilon) {
      const state = (plan.scalarState >>> 2) + pass.task * rows;
      step(pass, (at, row, g) => {
        if (g === undefined) return;
        const a = f(floats[state + row] + f(f(squaresOf(dim, (d) => g[d])) / dim));
        floats[state + row] = a;
        const size = f(f(rate) / f(f(Math.sqrt(a)) + epsilon));
        for (let d = 0; d < dim; d++) floats[at + d] -= f(size * g[d]);
      });
    },

    adam(pass, { beta1, gain1, beta2, gain2, size, epsilon }: AdamScalars) {
      const state = dim + pass.task * 2 * dim;
      step(pass, (at, _row, g) => {
        for (let d = 0; d < dim; d++) {
          let m = f(beta1 * floats[at + state + d]);
          let v = f(beta2 * floats[at + state + dim + d]);
          if (g !== undefined) {
            m = f(m + f(gain1 * g[d]));
            v = f(v + f(gain2 * f(g[d] * g[d])));
          }
          floats[at + state + d] = m;
          floats[at + state + dim + d] = v;
          floats[at + d] -= f(f(size * m) / f(f(Math.sqrt(v)) + epsilon));
        }
      });
    },
  };
}

/**
 * Σ x² in float64 as four lanes of a SIMD register have it: element `d` goes to lane `d mod 4`, and the
 * lanes are added as (0 + 2) + (1 + 3).
 */
export function squaresOf(count: number, element: (d: number) => number): number {
  const lanes = [0, 0, 0, 0];
  for (let d = 0; d < count; d++) {
    const x = element(d);
    lanes[d & 3] += x * x;
  }
  return lanes[0] + lanes[2] + (lanes[1] + lanes[3]);
}
