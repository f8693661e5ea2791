import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import { DenseArena } from "./dense-arena.ts";
import type { Optimizer } from "./optimizer.ts";
import { RowArena } from "./row-arena.ts";

const ROWS = 12;
const DIM = 3;
const POSITIONS = 20;
const SHARED = [
  { first: 1, count: 4 },
  { first: 7, count: 3 },
];
const adam: Optimizer = { name: "adam" };

/** An arena with a grouped batch and gradients of `tasks` tasks on it. */
function filled(tasks: number, taskStates: "each" | "one"): RowArena {
  const arena = new RowArena({
    dim: DIM,
    rows: ROWS,
    positions: POSITIONS,
    optimizer: adam,
    tasks,
    taskStates,
  });
  arena.setFrozen([{ first: 0, count: 1 }]);
  const random = new CounterRandom(5, "task gradients");
  for (let i = 0; i < POSITIONS; i++) arena.positionRows[i] = random.integer(i, ROWS);
  arena.group(POSITIONS);
  for (let task = 0; task < tasks; task++) {
    const gradients = arena.gradients(0, POSITIONS, task);
    for (let i = 0; i < gradients.length; i++) gradients[i] = random.normal(1000 * (task + 1) + i);
  }
  return arena;
}

/** The whole table's gradient of one task, `[rows, dim]`, from the arena's positions. */
function dense(arena: RowArena, task: number): Float64Array {
  const sums = new Float64Array(ROWS * DIM);
  const gradients = arena.gradients(0, POSITIONS, task);
  for (let i = 0; i < POSITIONS; i++) {
    const row = arena.positionRows[i];
    if (row !== 0) for (let d = 0; d < DIM; d++) sums[row * DIM + d] += gradients[i * DIM + d];
  }
  return sums;
}

const inShared = (row: number): boolean =>
  SHARED.some(({ first, count }) => row >= first && row < first + count);

describe("gradients of several tasks on the same rows", () => {
  test("have the inner products of the whole table's gradients over shared rows", () => {
    const arena = filled(3, "one");
    const tables = [0, 1, 2].map((task) => dense(arena, task));
    const products = arena.taskProducts(SHARED);
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        const expected = tables[a].reduce(
          (sum, value, i) => sum + (inShared(Math.floor(i / DIM)) ? value * tables[b][i] : 0),
          0,
        );
        expect(products[3 * a + b]).toBeCloseTo(expected, 5);
      }
    }
  });

  test("mixed into one: combined on shared rows, added up on the others", () => {
    const arena = filled(3, "one");
    const tables = [0, 1, 2].map((task) => dense(arena, task));
    arena.mixTasks([[0.5, -2, 3]], SHARED);
    for (const [u, row] of arena.uniqueRows.entries()) {
      const factors = inShared(row) ? [0.5, -2, 3] : [1, 1, 1];
      for (let d = 0; d < DIM; d++) {
        const expected = factors.reduce((sum, factor, k) => sum + factor * tables[k][row * DIM + d], 0);
        expect(arena.rowGradient(u)[d]).toBeCloseTo(expected, 5);
      }
    }
  });

  test("mixed task by task: rows that are not shared keep their own", () => {
    const arena = filled(2, "each");
    const tables = [0, 1].map((task) => dense(arena, task));
    const coefficients = [
      [1, 0.25],
      [-1, 2],
    ];
    arena.mixTasks(coefficients, SHARED);
    for (const [u, row] of arena.uniqueRows.entries()) {
      for (const task of [0, 1]) {
        const factors = inShared(row) ? coefficients[task] : [1 - task, task];
        for (let d = 0; d < DIM; d++) {
          const expected = factors[0] * tables[0][row * DIM + d] + factors[1] * tables[1][row * DIM + d];
          expect(arena.rowGradient(u, task)[d]).toBeCloseTo(expected, 5);
        }
      }
    }
  });

  test("the plain sum with one state is a step on the sum", () => {
    const arena = filled(2, "one");
    const single = filled(1, "one");
    const gradients = single.gradients(0, POSITIONS);
    gradients.set(
      arena.gradients(0, POSITIONS, 0).map((value, i) => value + arena.gradients(0, POSITIONS, 1)[i]),
    );
    arena.mixTasks([[1, 1]], SHARED);
    for (const each of [arena, single]) each.step({ learningRate: 0.1, step: 1 });
    const all = { first: 0, count: ROWS };
    const [a, b] = [arena.readWeights(all), single.readWeights(all)];
    for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i], 6);
  });

  test("one state for all tasks takes the memory of one", () => {
    const bytes = (taskStates: "each" | "one"): number =>
      filled(3, taskStates)
        .rowBytes({ first: 0, count: ROWS })
        .reduce((sum, view) => sum + view.byteLength, 0);
    expect(bytes("one")).toBe(ROWS * DIM * 3 * 4);
    expect(bytes("each")).toBe(ROWS * DIM * 7 * 4);
  });
});

describe("dense parameters with tasks", () => {
  const parameters = [{ size: 5 }, { size: 3, l2: 0.5 }];

  test("step each task with its own state; one task is the plain optimizer, bit for bit", () => {
    for (const optimizer of [adam, { name: "adagrad" }, { name: "rmsprop" }] as const) {
      const both = new DenseArena({ parameters, optimizer, tasks: 2 });
      const plain = new DenseArena({ parameters, optimizer });
      const random = new CounterRandom(2, "dense tasks");
      for (const [i, { size }] of parameters.entries()) {
        for (let d = 0; d < size; d++)
          both.parameter(i)[d] = plain.parameter(i)[d] = random.normal(10 * i + d);
      }
      for (let step = 1; step <= 4; step++) {
        for (const [i, { size }] of parameters.entries()) {
          for (let d = 0; d < size; d++) {
            const g = random.normal(100 * step + 10 * i + d);
            both.gradient(i, 1)[d] = g;
            plain.gradient(i)[d] = g;
          }
        }
        // Task 0 has no gradient and no share of L2, so it moves nothing.
        both.step({ learningRate: 0.1, step, task: 0, l2Shares: [0, 0] });
        both.step({ learningRate: 0.1, step, task: 1 });
        plain.step({ learningRate: 0.1, step });
      }
      for (const [i] of parameters.entries()) {
        expect(both.parameter(i)).toEqual(plain.parameter(i));
        expect(both.state(i, 1)).toEqual(plain.state(i));
      }
    }
  });

  test("checkpoints hold weights and every state, not gradients", () => {
    const count = (tasks: number, taskStates: "each" | "one"): number =>
      new DenseArena({ parameters, optimizer: adam, tasks, taskStates }).stateBytes().length;
    expect([count(1, "each"), count(3, "one"), count(3, "each")]).toEqual([3, 3, 7]);
  });
});
