/**
 * The optimizers against PyTorch's (test/golden/row-optimizers.py). Both compute in float32 with different
 * roundings, so weights agree to a few units in the last place of the largest: 1e-6 relative.
 */
import { describe, expect, test } from "vitest";
import { DenseArena, type Optimizer, RowArena, type RowL2 } from "../../src/embeddings/kernels/index.ts";
import golden from "../golden/row-optimizers.json" with { type: "json" };

const { rows, dim, rate, l2, clip, weightDecay } = golden;

interface RowCase {
  readonly optimizer: Optimizer;
  readonly scope?: "batch" | "table";
  readonly l2?: RowL2;
  readonly clip?: boolean;
}

const ROW_CASES: { readonly [name in keyof typeof golden.trajectories]: RowCase } = {
  sgd: { optimizer: { name: "sgd" } },
  adagrad: { optimizer: { name: "adagrad" } },
  rowwiseAdagrad: { optimizer: { name: "rowwise-adagrad" } },
  adamDense: { optimizer: { name: "adam" }, scope: "table" },
  adamDenseBatchL2: { optimizer: { name: "adam" }, scope: "table", l2: { lambda: l2, scope: "batch" } },
  adamDenseTableL2: { optimizer: { name: "adam" }, scope: "table", l2: { lambda: l2, scope: "table" } },
  adamDenseTableL2Clipped: {
    optimizer: { name: "adam" },
    scope: "table",
    l2: { lambda: l2, scope: "table" },
    clip: true,
  },
  sgdTableL2Clipped: {
    optimizer: { name: "sgd" },
    scope: "table",
    l2: { lambda: l2, scope: "table" },
    clip: true,
  },
  rmsprop: { optimizer: { name: "rmsprop" }, scope: "table" },
  adamLazy: { optimizer: { name: "adam" } },
  adamLazyBatchL2Clipped: { optimizer: { name: "adam" }, l2: { lambda: l2, scope: "batch" }, clip: true },
};

describe("rows", () => {
  for (const [name, { clip: clipped = false, l2: rowL2, ...options }] of Object.entries(ROW_CASES)) {
    for (const kernels of ["wasm", "javascript"] as const) {
      test(`${name}, ${kernels}`, () => {
        const positions = golden.ids[0].length;
        const arena = new RowArena({ dim, rows, positions, kernels, ...options });
        const all = { first: 0, count: rows };
        arena.setFrozen([{ first: 0, count: 1 }]);
        arena.writeWeights(all, Float32Array.from(golden.initial));
        for (const [t, ids] of golden.ids.entries()) {
          arena.positionRows.set(ids);
          arena.group(positions);
          arena.gradients(0, positions).set(golden.gradients[t]);
          let gradientScale = 1;
          if (clipped) gradientScale = Math.min(1, clip / Math.sqrt(arena.sumOfSquares({ l2: rowL2 })));
          arena.step({ learningRate: rate, step: t + 1, gradientScale, l2: rowL2 });
          const expected = golden.trajectories[name as keyof typeof ROW_CASES][t];
          expect(largestError(arena.readWeights(all), expected)).toBeLessThan(1e-6);
        }
      });
    }
  }
});

interface DenseCase {
  readonly optimizer: Optimizer;
  readonly l2?: number;
  readonly weightDecay?: number;
}

const DENSE_CASES: { readonly [name in keyof typeof golden.dense]: DenseCase } = {
  sgd: { optimizer: { name: "sgd" } },
  momentum: { optimizer: { name: "sgd", momentum: 0.9 } },
  adagrad: { optimizer: { name: "adagrad" }, l2 },
  adam: { optimizer: { name: "adam" } },
  rmsprop: { optimizer: { name: "rmsprop" }, l2 },
  adamL2: { optimizer: { name: "adam" }, l2 },
  adamDecoupled: { optimizer: { name: "adam" }, weightDecay },
};

describe("dense parameters", () => {
  for (const [name, { optimizer, ...decay }] of Object.entries(DENSE_CASES)) {
    test(name, () => {
      const { initial, gradients, weights } = golden.dense[name as keyof typeof DENSE_CASES];
      const arena = new DenseArena({ parameters: [{ size: initial.length, ...decay }], optimizer });
      arena.parameter(0).set(initial);
      for (const [t, gradient] of gradients.entries()) {
        arena.gradient(0).set(gradient);
        arena.step({ learningRate: rate, step: t + 1 });
        expect(largestError(arena.parameter(0), weights[t])).toBeLessThan(1e-6);
      }
    });
  }
});

/** Largest difference, relative to the largest weight. */
function largestError(ours: Float32Array, theirs: readonly number[]): number {
  expect(ours.length).toBe(theirs.length);
  let largest = 0;
  let error = 0;
  for (const [i, expected] of theirs.entries()) {
    largest = Math.max(largest, Math.abs(expected));
    error = Math.max(error, Math.abs(ours[i] - expected));
  }
  return error / largest;
}
