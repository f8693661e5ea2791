/** MTAdam against its definition, written out in float64 on a few weights and rows. */
import { expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import { DenseArena, RowArena } from "../../embeddings/index.ts";
import { MTAdam } from "./mt-adam.ts";

const TASKS = 3;
const SIZE = 5;
const ROWS = 6;
const DIM = 2;
const adam = { name: "adam" } as const;
const ranks = [1, 0.5, 2];

/** One leaf's weights under the definition; gradients are given as they come, one list a task. */
function reference(start: readonly number[], rate: number) {
  const weights = [...start];
  const zero = () => start.map(() => 0);
  const [first, second] = [1, 2].map(() => ranks.map(zero));
  let norms: number[] = [];
  let step = 0;
  return (gradients: readonly (readonly number[])[]): number[] => {
    step++;
    const now = gradients.map((g) => Math.hypot(...g));
    norms = now.map((norm, k) => (step === 1 ? norm : 0.9 * norms[k] + 0.1 * norm));
    const anchor = norms.find((norm) => norm > 0) ?? 0;
    for (const [k, gradient] of gradients.entries()) {
      for (const [i, g] of gradient.entries()) {
        const scaled = norms[k] === 0 ? g : (ranks[k] * g * anchor) / norms[k];
        first[k][i] = 0.9 * first[k][i] + 0.1 * scaled;
        second[k][i] = 0.999 * second[k][i] + 0.001 * scaled * scaled;
      }
    }
    for (const i of weights.keys()) {
      const largest = Math.max(...second.map((v) => v[i] / (1 - 0.999 ** step)));
      const sum = first.reduce((all, m) => all + m[i] / (1 - 0.9 ** step), 0);
      if (sum !== 0) weights[i] -= (rate * sum) / (Math.sqrt(largest) + 1e-8);
    }
    return weights;
  };
}

function leaves(scope: "batch" | "table") {
  const options = { optimizer: adam, tasks: TASKS, taskStates: "each" } as const;
  const dense = new DenseArena({ ...options, parameters: [{ size: SIZE }] });
  const rows = new RowArena({ ...options, dim: DIM, rows: ROWS, positions: 4, scope });
  dense.parameter(0).set([1, 2, 3, 4, 5]);
  const range = { first: 0, count: ROWS };
  rows.writeWeights(
    range,
    Float32Array.from({ length: ROWS * DIM }, (_, i) => i / 10),
  );
  const shared = { parameters: [true], tables: [{ path: "table", arena: 0, range }] };
  return {
    dense,
    rows,
    range,
    mtAdam: new MTAdam({ weights: { dense, arenas: [rows] }, shared, tasks: TASKS, ranks }),
  };
}

test("weights and rows, with gradients of very different sizes, move as defined", () => {
  const { dense, rows, range, mtAdam } = leaves("table");
  const random = new CounterRandom(1, "gradients");
  const rate = 0.01;
  const ofDense = reference([...dense.parameter(0)], rate);
  const ofRows = reference([...rows.readWeights(range)], rate);
  let drawn = 0;
  for (let step = 1; step <= 4; step++) {
    // Row 3 twice, so that its gradients add up.
    const looked = step % 2 === 0 ? [3, 1, 3, 4] : [0, 3, 3, 5];
    rows.positionRows.set(looked);
    rows.group(4);
    const tables = ranks.map(() => new Array<number>(ROWS * DIM).fill(0));
    const plain = ranks.map((_, task) => {
      const scale = 100 ** (task - 1);
      const gradient = dense.gradient(0, task);
      for (let i = 0; i < SIZE; i++) gradient[i] = scale * random.normal(drawn++);
      const ofPositions = rows.gradients(0, 4, task);
      for (let i = 0; i < ofPositions.length; i++) {
        ofPositions[i] = scale * random.normal(drawn++);
        tables[task][looked[Math.floor(i / DIM)] * DIM + (i % DIM)] += ofPositions[i];
      }
      return [...gradient];
    });
    mtAdam.scale(step);
    for (let task = 0; task < TASKS; task++) {
      rows.step({ learningRate: 0, step, task });
      dense.step({ learningRate: 0, step, task });
    }
    mtAdam.move(rate, step);
    for (const [i, expected] of ofDense(plain).entries())
      expect(dense.parameter(0)[i]).toBeCloseTo(expected, 5);
    const moved = rows.readWeights(range);
    for (const [i, expected] of ofRows(tables).entries())
      expect(moved[i], `step ${step}`).toBeCloseTo(expected, 5);
  }
});

test("the largest second moment divides all tasks' steps", () => {
  const { dense, rows, mtAdam } = leaves("batch");
  rows.positionRows.fill(0);
  rows.group(4);
  dense.gradient(0, 0).set([1, 0, 0, 0, 0]);
  dense.gradient(0, 1).set([0.06, 0.08, 0, 0, 0]);
  mtAdam.scale(1);
  for (let task = 0; task < TASKS; task++) {
    rows.step({ learningRate: 0, step: 1, task });
    dense.step({ learningRate: 0, step: 1, task });
  }
  mtAdam.move(0.1, 1);
  // Of norms 1 and, by rank, 0.5: (1, 0) + (0.3, 0.4), over (1, 0.4). The third task's gradient is nowhere.
  const [x, y, z] = dense.parameter(0);
  expect(x).toBeCloseTo(1 - 0.1 * 1.3, 5);
  expect(y).toBeCloseTo(2 - 0.1, 5);
  expect(z).toBe(3);
});
