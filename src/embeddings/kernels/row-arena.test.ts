import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import type { Optimizer } from "./optimizer.ts";
import { RowArena, type RowL2, type RowRange } from "./row-arena.ts";
import { rowArenaBytes } from "./row-plan.ts";

const OPTIMIZERS: readonly Optimizer[] = [
  { name: "sgd" },
  { name: "adagrad" },
  { name: "rowwise-adagrad" },
  { name: "adam" },
  { name: "rmsprop" },
];
const DIMS = [1, 2, 3, 5, 7, 10, 16, 20, 35];
const ROWS = 300;
const POSITIONS = 257;
/** A padding row, a frozen table in the middle, the table's last row. */
const FROZEN: readonly RowRange[] = [
  { first: 0, count: 1 },
  { first: 40, count: 25 },
  { first: 299, count: 1 },
];

interface Scenario {
  readonly dim: number;
  readonly optimizer: Optimizer;
  readonly scope: "batch" | "table";
  readonly l2?: RowL2;
  readonly clip: boolean;
  readonly tasks?: number;
}

/** Runs some steps on skewed random ids; gives every bit that the steps left, and the norms. */
function run(kernels: "wasm" | "javascript", { dim, optimizer, scope, l2, clip, tasks = 1 }: Scenario) {
  const arena = new RowArena({
    dim,
    rows: ROWS,
    positions: POSITIONS,
    optimizer,
    scope,
    tasks,
    kernels,
  });
  arena.setFrozen(FROZEN);
  const random = new CounterRandom(7, "rows", dim);
  let counter = 0;
  arena.fill({ first: 0, count: ROWS }, (_row, weights) => {
    for (let d = 0; d < dim; d++) weights[d] = 0.1 * random.normal(counter++);
  });
  const norms: number[] = [];
  const batches: number[][] = [];
  for (let step = 1; step <= 5; step++) {
    // The last batch is partial, the first one has every position on few rows.
    const count = step === 5 ? 31 : POSITIONS;
    for (let i = 0; i < count; i++) {
      const u = random.uniform(counter++);
      arena.positionRows[i] = Math.floor(step === 1 ? u * 3 : u ** 3 * ROWS);
    }
    batches.push([...arena.positionRows.subarray(0, count)]);
    arena.group(count);
    for (let task = 0; task < tasks; task++) {
      const gradients = arena.gradients(0, count, task);
      for (let i = 0; i < gradients.length; i++) gradients[i] = random.normal(counter++);
      let gradientScale = 1;
      if (clip) {
        const norm = arena.sumOfSquares({ l2, task });
        norms.push(norm);
        gradientScale = Math.min(1, 3 / Math.sqrt(norm));
      }
      arena.step({ learningRate: 0.01, step, gradientScale, l2, task });
    }
  }
  const bytes = arena.rowBytes({ first: 0, count: ROWS }).map((view) => Buffer.from(view).toString("base64"));
  return { arena, bytes, norms, batches };
}

describe("the WebAssembly kernels and their JavaScript twin leave the same bits", () => {
  const l2s: readonly (RowL2 | undefined)[] = [
    undefined,
    { lambda: 0.03, scope: "batch" },
    { lambda: 0.03, scope: "table" },
  ];
  for (const optimizer of OPTIMIZERS) {
    for (const scope of ["batch", "table"] as const) {
      test(`${optimizer.name}, ${scope}`, () => {
        for (const dim of DIMS) {
          for (const l2 of l2s) {
            if (scope === "batch" && l2?.scope === "table") continue;
            for (const clip of [false, true]) {
              const scenario = { dim, optimizer, scope, l2, clip };
              const wasm = run("wasm", scenario);
              const twin = run("javascript", scenario);
              expect({ scenario, bytes: wasm.bytes }).toEqual({ scenario, bytes: twin.bytes });
              expect(wasm.norms).toEqual(twin.norms);
            }
          }
        }
      });
    }
  }

  test("with gradients and states kept apart for three tasks", () => {
    for (const optimizer of OPTIMIZERS) {
      const scenario = { dim: 10, optimizer, scope: "batch", clip: true, tasks: 3 } as const;
      expect(run("wasm", scenario).bytes).toEqual(run("javascript", scenario).bytes);
    }
  });

  test("with row indices of one, two and three sorting digits", () => {
    for (const rows of [2048, 2049, 4_194_304, 4_194_305]) {
      const random = new CounterRandom(3, "digits", rows);
      const [wasm, twin] = (["wasm", "javascript"] as const).map((kernels) => {
        const arena = new RowArena({ dim: 1, rows, positions: 1000, optimizer: { name: "sgd" }, kernels });
        for (let i = 0; i < 1000; i++) arena.positionRows[i] = random.integer(i, rows);
        arena.positionRows.set([rows - 1, 0, rows - 1], 500);
        arena.group(1000);
        arena.gradients(0, 1000).forEach((_, i, all) => {
          all[i] = random.normal(i);
        });
        arena.step({ learningRate: 1, step: 1 });
        return { unique: [...arena.uniqueRows], weights: arena.readWeights({ first: 0, count: rows }) };
      });
      expect(wasm.unique).toEqual(twin.unique);
      expect(wasm.unique).toEqual([...new Set(wasm.unique)].sort((a, b) => a - b));
      expect(Buffer.compare(bytesOf(wasm.weights), bytesOf(twin.weights))).toBe(0);
    }
  });
});

describe("which rows move", () => {
  test("frozen rows keep their weights and state, and do not count in the norm", () => {
    for (const scope of ["batch", "table"] as const) {
      const { arena, batches } = run("wasm", { dim: 3, optimizer: { name: "adam" }, scope, clip: false });
      const fresh = new RowArena({ dim: 3, rows: ROWS, positions: POSITIONS });
      const random = new CounterRandom(7, "rows", 3);
      let counter = 0;
      fresh.fill({ first: 0, count: ROWS }, (_row, weights) => {
        for (let d = 0; d < 3; d++) weights[d] = 0.1 * random.normal(counter++);
      });
      expect(batches.flat()).toContain(0);
      for (const range of FROZEN) expect(arena.readWeights(range)).toEqual(fresh.readWeights(range));
      const last = new Set(batches.flat().filter((row) => row !== 0 && (row < 40 || row > 64) && row < 299));
      for (let row = 0; row < ROWS; row++) {
        const moved = !sameValues(
          arena.readWeights({ first: row, count: 1 }),
          fresh.readWeights({ first: row, count: 1 }),
        );
        expect([row, moved]).toEqual([row, last.has(row)]);
      }
      arena.positionRows.set([0, 50, 299]);
      expect(arena.group(3)).toBe(0);
      arena.gradients(0, 3).fill(1);
      expect(arena.sumOfSquares()).toBe(0);
    }
  });

  test("a lazy step leaves a row outside the batch alone; a dense step moves it by its momentum", () => {
    for (const scope of ["batch", "table"] as const) {
      const arena = new RowArena({ dim: 2, rows: 3, positions: 1, optimizer: { name: "adam" }, scope });
      arena.positionRows[0] = 1;
      arena.group(1);
      arena.gradients(0, 1).fill(1);
      arena.step({ learningRate: 0.1, step: 1 });
      const before = arena.readWeights({ first: 1, count: 1 });
      expect(before[0]).toBeCloseTo(-0.1, 6);
      arena.positionRows[0] = 2;
      arena.group(1);
      arena.step({ learningRate: 0.1, step: 2 });
      const moved = !sameValues(before, arena.readWeights({ first: 1, count: 1 }));
      expect(moved).toBe(scope === "table");
      expect([...arena.readWeights({ first: 0, count: 1 })]).toEqual([0, 0]);
    }
  });

  test("duplicates are added in ascending position order", () => {
    const arena = new RowArena({ dim: 1, rows: 2, positions: 4, optimizer: { name: "sgd" } });
    arena.positionRows.set([1, 1, 0, 1]);
    arena.group(4);
    arena.gradients(0, 4).set([2 ** 24, 1, 5, -(2 ** 24)]);
    arena.step({ learningRate: 1, step: 1 });
    // (2²⁴ + 1) rounds back to 2²⁴, so this order gives 0 and any other 1.
    expect([...arena.readWeights({ first: 0, count: 2 })]).toEqual([-5, 0]);
  });
});

describe("memory", () => {
  test("the graph's view holds row r at r·gatherFactor", () => {
    const arena = new RowArena({ dim: 3, rows: 5, positions: 2, optimizer: { name: "adam" } });
    arena.writeWeights({ first: 4, count: 1 }, Float32Array.of(7, 8, 9));
    arena.positionRows.set([4, 0]);
    arena.lookUp(2);
    expect(arena.gatherFactor).toBe(3);
    const at = arena.gatherIndices[0] * 3;
    expect([...arena.tensor.subarray(at, at + 3)]).toEqual([7, 8, 9]);
    expect(arena.tensor.buffer).toBeInstanceOf(ArrayBuffer);
  });

  test("restoring the bytes of some rows restores their weights and state", () => {
    for (const optimizer of OPTIMIZERS) {
      const scenario = { dim: 5, optimizer, scope: "batch", clip: false } as const;
      const { arena } = run("wasm", scenario);
      const copy = new RowArena({ dim: 5, rows: ROWS, positions: POSITIONS, optimizer });
      for (const range of [
        { first: 0, count: 100 },
        { first: 100, count: 200 },
      ]) {
        const from = arena.rowBytes(range);
        for (const [i, view] of copy.rowBytes(range).entries()) view.set(from[i]);
      }
      for (const each of [arena, copy]) {
        each.positionRows.set([5, 150, 5]);
        each.group(3);
        each.gradients(0, 3).fill(0.5);
        each.step({ learningRate: 0.1, step: 6 });
      }
      const all = { first: 0, count: ROWS };
      expect(copy.rowBytes(all).map((view) => [...view])).toEqual(
        arena.rowBytes(all).map((view) => [...view]),
      );
    }
  });

  test("sizes are told before anything is allocated", () => {
    const options = { dim: 16, rows: 1_000_000, positions: 4096 * 26 };
    const bytes = (optimizer: Optimizer): number => rowArenaBytes({ ...options, optimizer }).tableBytes;
    expect(bytes({ name: "sgd" })).toBeCloseTo(64e6, -3);
    expect(bytes({ name: "rowwise-adagrad" })).toBeCloseTo(68e6, -3);
    expect(bytes({ name: "adagrad" })).toBeCloseTo(128e6, -3);
    expect(bytes({ name: "adam" })).toBeCloseTo(192e6, -3);
    const { tableBytes, scratchBytes, totalBytes } = rowArenaBytes(options);
    expect(totalBytes).toBe(tableBytes + scratchBytes);
  });

  test("an arena beyond 4 GiB is refused with what to do", () => {
    const options = { dim: 64, rows: 10_000_000, positions: 1, optimizer: { name: "adam" } } as const;
    expect(() => new RowArena(options)).toThrow(
      /10000000 rows of 64 with 128 floats of optimizer state each, and 1 positions a batch, need 7\.2 GiB/,
    );
    expect(() => new RowArena(options)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("smaller") }),
    );
  });
});

describe("mistakes", () => {
  test("a row outside the table is named with its position", () => {
    for (const kernels of ["wasm", "javascript"] as const) {
      const arena = new RowArena({ dim: 2, rows: 5, positions: 3, kernels });
      for (const row of [5, -1, 2 ** 31 - 1]) {
        arena.positionRows.set([0, row, 4]);
        expect(() => arena.lookUp(3)).toThrow(
          `embedding row ${row} at position 1 is outside the table of 5 rows`,
        );
      }
    }
  });

  test("whole-table L2 needs the dense optimizer", () => {
    const arena = new RowArena({ dim: 2, rows: 5, positions: 3, optimizer: { name: "adam" } });
    arena.group(0);
    expect(() => arena.step({ learningRate: 1, step: 1, l2: { lambda: 1, scope: "table" } })).toThrow(
      /needs the dense optimizer/,
    );
  });

  test("sizes that are not whole numbers, and momentum on rows", () => {
    expect(() => new RowArena({ dim: 0, rows: 5, positions: 3 })).toThrow(
      /dim must be a positive integer; got 0/,
    );
    const optimizer = { name: "sgd", momentum: 0.9 } as const;
    expect(() => new RowArena({ dim: 1, rows: 5, positions: 3, optimizer })).toThrow(/no momentum/);
  });
});

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}
