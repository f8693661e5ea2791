import { beforeAll, describe, expect, test } from "vitest";
import { runGraph } from "../../test/graph/run.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { input } from "../tensor/index.ts";
import { addAlong, cumsum, topKIndices } from "./index.ts";

describe.each(["native", "wasm", "reference"] as const)("%s engine", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(name);
  });

  test("of ties, top-k takes the first, whatever k is", async () => {
    const x = input("x", [3, 5]);
    const rows = [0, 2, 2, 1, 2, 1, 1, 1, 1, 1, -1, 3, 0, 3, 3];
    const values = new Map([[x, hostTensor("float32", [3, 5], rows)]]);
    const outputs = { two: topKIndices(x, 2), four: topKIndices(x, 4), none: topKIndices(x, 0) };
    const { two, four, none } = await runGraph(engine, outputs, values);
    expect(two.data).toEqual(BigInt64Array.of(1n, 2n, 0n, 1n, 1n, 3n));
    expect(four.data).toEqual(BigInt64Array.of(1n, 2n, 4n, 3n, 0n, 1n, 2n, 3n, 1n, 3n, 4n, 2n));
    expect(none.dims).toEqual([3, 0]);
  });

  test("running sums go forwards, backwards and along any axis", async () => {
    const x = input("x", [2, 3]);
    const values = new Map([[x, hostTensor("float32", [2, 3], [1, 2, 3, 10, 20, 30])]]);
    const outputs = {
      forwards: cumsum(x),
      backwards: cumsum(x, { reverse: true }),
      down: cumsum(x, { axis: 0 }),
      up: cumsum(x, { axis: 0, reverse: true }),
    };
    const sums = await runGraph(engine, outputs, values);
    const numbers = Object.fromEntries(
      Object.entries(sums).map(([output, { data }]) => [output, Array.from(data as Float32Array)]),
    );
    expect(numbers).toEqual({
      forwards: [1, 3, 6, 10, 30, 60],
      backwards: [6, 5, 3, 60, 50, 30],
      down: [1, 2, 3, 11, 22, 33],
      up: [11, 22, 33, 10, 20, 30],
    });
  });

  test("every duplicate is added, in order", async () => {
    const count = 5000;
    const x = input("x", [3]);
    const index = input("index", [count], "int32");
    const updates = input("updates", [count]);
    const to = Int32Array.from({ length: count }, (_, i) => (i * 7) % 3);
    const by = Float32Array.from({ length: count }, (_, i) => Math.fround(1 / (i + 1)));
    const values = new Map([
      [x, hostTensor("float32", [3], [0, 0, 0])],
      [index, hostTensor("int32", [count], to)],
      [updates, hostTensor("float32", [count], by)],
    ]);
    const expected = new Float32Array(3);
    for (let i = 0; i < count; i++) expected[to[i]] += by[i];
    const { y } = await runGraph(engine, { y: addAlong(x, index, updates) }, values);
    // The reference engine adds in float64 and rounds once.
    if (name === "reference") {
      for (const [i, sum] of expected.entries()) expect((y.data as Float32Array)[i]).toBeCloseTo(sum, 4);
    } else expect(y.data).toEqual(expected);
  });
});
