import { describe, expect, test } from "vitest";
import { judge, runGraph } from "../../test/graph/run.ts";
import { Trace, withTrace } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { BatchNorm } from "./index.ts";

const x = input("x", ["batch", 2]);

/** Outputs of passes over `rows`, one after the other, and the running moments after the last. */
async function pass(
  rows: readonly number[],
  passes = 1,
): Promise<{ y: number[]; mean: number[]; variance: number[] }> {
  const norm = new BatchNorm(2, { affine: false, epsilon: 0 });
  const trace = new Trace({ training: true });
  let y: Tensor = x;
  withTrace(trace, () => {
    for (let k = 0; k < passes; k++) y = norm.forward(x);
  });
  const outputs = {
    y,
    mean: trace.stateUpdates.get(norm.runningMean) as Tensor,
    variance: trace.stateUpdates.get(norm.runningVariance) as Tensor,
  };
  const values = new Map([
    [x, hostTensor("float32", [rows.length / 2, 2], rows)],
    [norm.runningMean as Tensor, hostTensor("float32", [2], [0, 1])],
    [norm.runningVariance as Tensor, hostTensor("float32", [2], [1, 1])],
  ]);
  const results = await runGraph(judge, outputs, values);
  const numbers = (name: string): number[] =>
    Array.from(results[name].data as Float64Array, (value) => Number(value.toFixed(6)));
  return { y: numbers("y"), mean: numbers("mean"), variance: numbers("variance") };
}

describe("batch norm in training", () => {
  test("by hand: biased variance inside, unbiased in the running moments", async () => {
    // Columns (1, 3) and (0, 4): means 2 and 2, biased variances 1 and 4, unbiased 2 and 8.
    expect(await pass([1, 0, 3, 4])).toEqual({ y: [-1, -1, 1, 1], mean: [0.2, 1.1], variance: [1.1, 1.7] });
  });

  test("a layer that runs twice in one pass moves twice", async () => {
    expect(await pass([1, 0, 3, 4], 2)).toMatchObject({ mean: [0.38, 1.19], variance: [1.19, 2.33] });
  });

  test("one row alone has a variance of 0, not of nothing", async () => {
    expect(await pass([5, 7])).toMatchObject({ mean: [0.5, 1.6], variance: [0.9, 0.9] });
  });
});
