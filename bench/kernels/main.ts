/**
 * Times the host's kernels, WebAssembly against the JavaScript twin and against the plain loop one would
 * write first: `npm run bench:kernels`. Batch 4096 of 26 fields, width 16, one million rows in all,
 * uniform and Zipf ids. Milliseconds, median. Before each run another 64 MB array is changed, as the graph
 * pushes the rows out of the caches, and then the gradients are written, as the graph does last.
 */
import { CounterRandom } from "../../src/core/index.ts";
import { DenseArena, type Optimizer, RowArena } from "../../src/embeddings/kernels/index.ts";
import { naiveLazyAdam } from "./naive-lazy-adam.ts";

const BATCH = 4096;
const FIELDS = 26;
const POSITIONS = BATCH * FIELDS;
const DIM = 16;
const ROWS = 1_000_000;
const DENSE = 1_100_000;

/** Rows looked up by one batch; each field has its own stretch of rows. */
function drawRows(kind: string, batch: number): Int32Array {
  const random = new CounterRandom(1, kind, batch);
  const perField = Math.floor(ROWS / FIELDS);
  const exponent = kind === "uniform" ? undefined : Number(kind.slice("zipf ".length));
  return Int32Array.from({ length: POSITIONS }, (_, i) => {
    const u = random.uniform(i);
    if (exponent === undefined) return Math.floor(u * ROWS);
    // Inverse of the continuous Zipf law on [1, perField + 1).
    const power = 1 - exponent;
    const rank = Math.floor((u * ((perField + 1) ** power - 1) + 1) ** (1 / power)) - 1;
    return (i % FIELDS) * perField + Math.min(rank, perField - 1);
  });
}

const elsewhere = new Float64Array(8_000_000);

/** Pushes everything else out of the caches. */
function evict(): void {
  for (let j = 0; j < elsewhere.length; j++) elsewhere[j] += 1;
}

function median(repeats: number, prepare: (i: number) => void, run: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    prepare(i);
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[repeats >> 1];
}

function report(name: string, milliseconds: { [variant: string]: number }): void {
  const shown = Object.entries(milliseconds).map(([variant, ms]) => `${variant} ${Number(ms.toFixed(2))}`);
  console.log(`${name.padEnd(48)} ${shown.join("   ")}`);
}

function benchRows(kind: string, optimizer: Optimizer, scope: "batch" | "table"): void {
  for (const kernels of ["wasm", "javascript"] as const) {
    const arena = new RowArena({ dim: DIM, rows: ROWS, positions: POSITIONS, optimizer, scope, kernels });
    const random = new CounterRandom(2);
    arena.tensor.forEach((_, i, all) => {
      all[i] = 1e-3 * random.uniform(i);
    });
    const gradients = Float32Array.from({ length: POSITIONS * DIM }, (_, i) => 1e-3 * random.normal(i));
    const repeats = kernels === "wasm" ? 15 : 3;
    let steps = 0;
    const load = (i: number): void => {
      arena.positionRows.set(drawRows(kind, i));
      evict();
    };
    const group = (): void => {
      arena.group(POSITIONS);
    };
    const backward = (i: number): void => {
      load(i);
      group();
      evict();
      arena.gradients(0, POSITIONS).set(gradients);
    };
    const step = (): void => arena.step({ learningRate: 1e-3, step: ++steps });
    const clipped = (): void => {
      const gradientScale = Math.min(1, 10 / Math.sqrt(arena.sumOfSquares()));
      arena.step({ learningRate: 1e-3, step: ++steps, gradientScale });
    };
    report(`${kernels}: ${optimizer.name} ${scope}, ${kind}`, {
      group: median(repeats, load, group),
      step: median(repeats, backward, step),
      "norm + step": median(repeats, backward, clipped),
      "unique rows": arena.uniqueRows.length,
    });
  }
}

function benchDense(optimizer: Optimizer): void {
  const times: { [variant: string]: number } = {};
  for (const kernels of ["wasm", "javascript"] as const) {
    const arena = new DenseArena({ parameters: [{ size: DENSE }], optimizer, kernels });
    arena.gradient(0).fill(1e-3);
    let step = 0;
    const run = (): void => arena.step({ learningRate: 1e-3, step: ++step });
    const backward = (): void => {
      evict();
      arena.gradient(0).fill(1e-3);
    };
    const norm = (): void => {
      arena.sumOfSquares();
    };
    times[kernels] = median(15, backward, run);
    times[`${kernels}, norm`] = median(15, backward, norm);
  }
  report(`dense ${optimizer.name}, ${DENSE} parameters`, times);
}

for (const kind of ["uniform", "zipf 1.05", "zipf 1.2"]) {
  const naive = naiveLazyAdam(ROWS, DIM);
  const gradients = new Float32Array(POSITIONS * DIM).fill(1e-3);
  let rows = new Int32Array(0);
  report(`plain JavaScript loop, lazy adam, ${kind}`, {
    "group + step": median(
      5,
      (i) => {
        rows = Int32Array.from(drawRows(kind, i));
        evict();
      },
      () => naive(rows, gradients),
    ),
  });
  benchRows(kind, { name: "adam" }, "batch");
  benchRows(kind, { name: "adam" }, "table");
  benchRows(kind, { name: "adagrad" }, "batch");
  benchRows(kind, { name: "rowwise-adagrad" }, "batch");
  benchRows(kind, { name: "sgd" }, "batch");
}
benchDense({ name: "adam" });
benchDense({ name: "adagrad" });
benchDense({ name: "sgd" });
