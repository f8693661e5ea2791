import { expect, test } from "vitest";
import { blocksOf, planWindows } from "./batch-order.ts";

const blocks = blocksOf([{ rows: 250 }, { rows: 100 }, { rows: 30 }], 100);

test("blocks are ranges of parts", () => {
  expect(blocks).toEqual([
    { part: 0, start: 0, rows: 100 },
    { part: 0, start: 100, rows: 100 },
    { part: 0, start: 200, rows: 50 },
    { part: 1, start: 0, rows: 100 },
    { part: 2, start: 0, rows: 30 },
  ]);
});

test("stored order is block after block, or all at once when everything fits", () => {
  const apart = planWindows(blocks, 200, undefined);
  expect(apart.map(({ start, rows }) => [start, rows])).toEqual([
    [0, 100],
    [100, 100],
    [200, 50],
    [250, 100],
    [350, 30],
  ]);
  expect(apart[0].order()).toBeUndefined();
  expect(planWindows(blocks, 380, undefined)).toHaveLength(1);
});

test("a shuffle of what fits is one permutation over the blocks as they are stored", () => {
  const [window, ...others] = planWindows(blocks, 380, { seed: 1, epoch: 0 });
  expect(others).toEqual([]);
  expect(window.blocks).toEqual(blocks);
  expect([...window.order()!].sort((a, b) => a - b)).toEqual(Array.from({ length: 380 }, (_, k) => k));
});

test("a block shuffle covers every row once, and is a function of seed and epoch", () => {
  const rowsOf = (seed: number, epoch: number): string[] =>
    planWindows(blocks, 160, { seed, epoch }).flatMap((window) => {
      const rows = window.blocks.flatMap(({ part, start, rows }) =>
        Array.from({ length: rows }, (_, k) => `${part}:${start + k}`),
      );
      expect(window.rows).toBe(rows.length);
      expect(window.rows).toBeLessThanOrEqual(160);
      return Array.from(window.order()!, (k) => rows[k]);
    });
  const one = rowsOf(1, 0);
  expect(new Set(one).size).toBe(380);
  expect(one).toHaveLength(380);
  expect(rowsOf(1, 0)).toEqual(one);
  expect(rowsOf(1, 1)).not.toEqual(one);
  expect(rowsOf(2, 0)).not.toEqual(one);
});

test("windows know what comes before them", () => {
  const windows = planWindows(blocks, 160, { seed: 5, epoch: 3 });
  let start = 0;
  for (const window of windows) {
    expect(window.start).toBe(start);
    start += window.rows;
  }
  expect(start).toBe(380);
});
