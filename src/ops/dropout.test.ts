import { beforeAll, describe, expect, test } from "vitest";
import { runGraph } from "../../test/graph/run.ts";
import { mix32 } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { constant, input } from "../tensor/index.ts";
import { dropout } from "./index.ts";

const x = input("x", ["batch", 40]);
const key = input("key", [], "uint32");
const columns = 40;

/** The same hash in plain JavaScript: which elements stay. */
function kept(rows: number, rate: number, key: number): boolean[] {
  return Array.from({ length: rows * columns }, (_, i) => {
    const row = mix32((Math.floor(i / columns) + key) >>> 0);
    const column = mix32(((i % columns) + 0x9e3779b9) >>> 0);
    let bits = (row ^ column) >>> 0;
    bits = Math.imul(bits, 0x7feb352d) >>> 0;
    bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b) >>> 0;
    return bits < Math.round((1 - rate) * 2 ** 32);
  });
}

async function dropped(engine: Engine, rows: number, rate: number, seed: number): Promise<number[]> {
  const ones = new Float32Array(rows * columns).fill(1);
  const values = new Map([
    [x, hostTensor("float32", [rows, columns], ones)],
    [key, hostTensor("uint32", [], [seed])],
  ]);
  const { y } = await runGraph(engine, { y: dropout(x, { rate, key }) }, values);
  return Array.from(y.data as Float32Array);
}

describe.each(["native", "wasm", "reference"] as const)("%s engine", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(name);
  });

  test.each([0.1, 0.5, 0.9])("drops what the hash in JavaScript drops, rate %d", async (rate) => {
    const values = await dropped(engine, 50, rate, 0xdeadbeef);
    const scale = Math.fround(1 / (1 - rate));
    expect(values).toEqual(kept(50, rate, 0xdeadbeef).map((stays) => (stays ? scale : 0)));
  });
});

describe("statistics", () => {
  let engine: Engine;
  const rows = 2000;
  beforeAll(async () => {
    engine = await createEngine("native");
  });

  /** Five standard deviations of a binomial share. */
  const bound = (rate: number, count: number): number => 5 * Math.sqrt((rate * (1 - rate)) / count);

  test.each([0.1, 0.2, 0.5, 0.8])("a share of %d is dropped: in all, by row, by column", async (rate) => {
    const values = await dropped(engine, rows, rate, 99);
    const share = (of: number[]): number => of.filter((value) => value === 0).length / of.length;
    expect(Math.abs(share(values) - rate)).toBeLessThan(bound(rate, values.length));
    for (let column = 0; column < columns; column++) {
      const own = values.filter((_, i) => i % columns === column);
      expect(Math.abs(share(own) - rate)).toBeLessThan(bound(rate, own.length));
    }
    const byRow = Array.from({ length: rows }, (_, row) =>
      share(values.slice(row * columns, (row + 1) * columns)),
    );
    const variance = byRow.reduce((sum, value) => sum + (value - rate) ** 2, 0) / rows;
    expect(variance / ((rate * (1 - rate)) / columns)).toBeGreaterThan(0.8);
    expect(variance / ((rate * (1 - rate)) / columns)).toBeLessThan(1.2);
  });

  test("neighbouring rows, columns and keys are uncorrelated", async () => {
    const at = async (seed: number): Promise<number[]> =>
      (await dropped(engine, rows, 0.5, seed)).map((v) => v - 1);
    const [first, next, far] = [await at(7), await at(8), await at(0x80000007)];
    const correlation = (a: number[], b: number[]): number => {
      const n = Math.min(a.length, b.length);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += a[i] * b[i];
      return sum / n;
    };
    const limit = 5 / Math.sqrt(first.length);
    expect(Math.abs(correlation(first, first.slice(1)))).toBeLessThan(limit);
    expect(Math.abs(correlation(first, first.slice(columns)))).toBeLessThan(limit);
    expect(Math.abs(correlation(first, far))).toBeLessThan(limit);
    expect(Math.abs(correlation(first, next))).toBeLessThan(limit);
  });

  test("one key gives one mask, another key another", async () => {
    const first = await dropped(engine, 20, 0.5, 3);
    expect(await dropped(engine, 20, 0.5, 3)).toEqual(first);
    expect(await dropped(engine, 20, 0.5, 4)).not.toEqual(first);
    // A longer batch begins with the same mask.
    expect((await dropped(engine, 30, 0.5, 3)).slice(0, first.length)).toEqual(first);
  });

  test("a tiny rate drops next to nothing", async () => {
    const values = await dropped(engine, 50, 1e-12, 3);
    expect(values.filter((value) => value === 0)).toEqual([]);
  });
});

test("a rate of 0 is the tensor itself", () => {
  expect(dropout(x, { rate: 0, key: constant(1, { dtype: "uint32" }) })).toBe(x);
});
