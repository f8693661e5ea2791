/**
 * `npm run bench:sequence`: long histories, Millrace beside PyTorch in one run, in turns.
 *
 * - search: DARE's first stage, one user's 1,000 or 10,000 kept keys against 64 candidates: scores, the 20
 *   highest and their softmax;
 * - training: a whole step of DARE and of DIN, histories of 200 events, lazy row Adam beside SparseAdam.
 *
 *     --json         one JSON object on stdout
 *     --turns N      turns of each side; the median counts (default 5)
 *     --steps N      training steps, or searches times ten, of a turn (default 10)
 *     --only TEXT    only cases whose name holds TEXT, e.g. search/10000
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../../src/core/index.ts";
import { nativeEngine } from "../../src/engine/native.ts";
import { timedSearch } from "../../src/recipes/search-time.ts";
import { batchLayout } from "../../src/schema/index.ts";
import { defaultObjective, Learner, optimizerOptions } from "../../src/training/index.ts";
import { LinePeer } from "../line-peer.ts";
import { historyBatches, makeModel, type SequenceModel, sizes, trainingMap } from "./workload.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    turns: { type: "string", default: "5" },
    steps: { type: "string", default: "10" },
    only: { type: "string", default: "" },
  },
});
const turns = Number(args.turns);
const steps = Number(args.steps);
const threads = 2;

interface Result {
  readonly case: string;
  /** What one of the milliseconds covers. */
  readonly unit: string;
  readonly millraceMilliseconds: number;
  readonly torchMilliseconds: number | null;
  /** How many times faster than PyTorch. */
  readonly ratio: number | null;
}

const engine = await nativeEngine();
const peer = await LinePeer.start(fileURLToPath(new URL("./peer.py", import.meta.url)), [
  "--threads",
  String(threads),
]);
const results: Result[] = [];
for (const length of [1000, 10_000]) await searchCase(length);
for (const model of ["DARE", "DIN"] as const) await trainingCase(model);
peer?.stop();
const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
if (args.json) console.log(JSON.stringify({ machine, threads, results }, null, 2));

async function searchCase(length: number): Promise<void> {
  const name = `search/${length}`;
  if (!name.includes(args.only)) return;
  const { attentionDim, candidates, k } = sizes.search;
  const search = await timedSearch({ length, ...sizes.search, engine, threads });
  const repeats = 10 * steps;
  await compare(name, `search for ${candidates} candidates`, {
    job: { kind: "search", length, attentionDim, candidates, k, repeats, warmup: 3 },
    async ours() {
      let total = 0;
      for (let r = 0; r < repeats; r++) total += await search.run();
      return total / repeats;
    },
  });
  await search.release();
}

async function trainingCase(model: SequenceModel): Promise<void> {
  const name = `training/${model}`;
  if (!name.includes(args.only)) return;
  const map = trainingMap();
  const { batch } = sizes.training;
  const learner = await Learner.create({
    engine,
    model: makeModel(model, map),
    schema: map,
    layout: batchLayout(map),
    batchSize: batch,
    seed: 1,
    threads,
    objective: defaultObjective(map),
    optimizer: optimizerOptions.parse({ embeddingUpdate: "lazy", maxGradientNorm: null }),
  });
  const batches = historyBatches();
  let next = 0;
  await compare(name, `step of ${batch} rows`, {
    job: { kind: "training", model, ...sizes.training, steps, warmup: 2 },
    async ours() {
      const start = performance.now();
      for (let s = 0; s < steps; s++) await learner.step(batches[next++ % batches.length]);
      return (performance.now() - start) / steps;
    },
  });
  await learner.release();
}

/** Both sides in turns, after one turn that does not count. */
async function compare(
  name: string,
  unit: string,
  { job, ours }: { readonly job: object; readonly ours: () => Promise<number> },
): Promise<void> {
  const samples: { readonly ours: number[]; readonly torch: number[] } = { ours: [], torch: [] };
  await ours();
  for (let turn = 0; turn < turns; turn++) {
    samples.ours.push(await ours());
    if (peer !== undefined) samples.torch.push((await peer.ask(job)).milliseconds);
  }
  const millraceMilliseconds = median(samples.ours);
  const torchMilliseconds = peer === undefined ? null : median(samples.torch);
  const ratio = torchMilliseconds === null ? null : torchMilliseconds / millraceMilliseconds;
  results.push({ case: name, unit, millraceMilliseconds, torchMilliseconds, ratio });
  console.error(
    `${name.padEnd(16)} ${millraceMilliseconds.toFixed(2)} ms, PyTorch ${torchMilliseconds?.toFixed(2) ?? "-"} ms a ${unit}, ` +
      `ratio ${ratio?.toFixed(2) ?? "-"}`,
  );
}
