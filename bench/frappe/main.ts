/**
 * `npm run bench:frappe`: seconds of one training epoch on Frappe by the configurations of recipe
 * bars-frappe, beside PyTorch in turns. `--json`, `--turns N` (default 5), `--steps N` a turn (default 10),
 * `--data DIR` (default ../shared/data).
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../../src/core/index.ts";
import { prepareDataset } from "../../src/data/index.ts";
import { nativeEngine } from "../../src/engine/index.ts";
import { buildModel, dataConfigOf, readConfig } from "../../src/run/index.ts";
import { defaultObjective, Learner } from "../../src/training/index.ts";
import { LinePeer } from "../line-peer.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    turns: { type: "string", default: "5" },
    steps: { type: "string", default: "10" },
    data: { type: "string", default: "../shared/data" },
  },
});
const turns = Number(args.turns);
const steps = Number(args.steps);
const train = join(args.data, "frappe/frappe.train.rebuilt.libfm.gz");
if (!existsSync(train)) {
  console.error(`${train} is not there; name the folder that holds frappe/ with --data`);
  process.exit(2);
}
const engine = await nativeEngine();
const peer = await LinePeer.start(fileURLToPath(new URL("./peer.py", import.meta.url)), [train]);
const results = [];
for (const name of ["lr", "fm", "deepfm", "dcnv2", "finalmlp"]) results.push(await runModel(name));
peer?.stop();
if (args.json) {
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
  console.log(JSON.stringify({ machine, results }, null, 2));
}

async function runModel(name: string) {
  const config = readConfig(
    fileURLToPath(new URL(`../../configs/bars-frappe/${name}.yaml`, import.meta.url)),
  );
  const dataset = await prepareDataset(dataConfigOf({ ...config, data: { ...config.data, train } }));
  const { map, splits } = dataset;
  const { batchSize, seed } = config.training;
  const learner = await Learner.create({
    engine,
    model: buildModel(config, map),
    schema: map,
    layout: splits.train.layout,
    objective: defaultObjective(map),
    optimizer: config.training,
    batchSize,
    seed,
  });
  const perEpoch = Math.ceil(splits.train.rows / batchSize);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    let taken = 0;
    const start = performance.now();
    for await (const batch of splits.train.batches({ batchSize, shuffle: { seed, epoch: turn } })) {
      await learner.step(batch);
      if (++taken === steps) break;
    }
    const seconds = ((performance.now() - start) / 1000 / taken) * perEpoch;
    const answer = await peer?.ask({ model: config.model.name, steps });
    // The first turn of each side warms up.
    if (turn === 0) continue;
    ours.push(seconds);
    if (answer !== undefined) theirs.push(answer.secondsPerEpoch);
  }
  await learner.release();
  await dataset.close();
  const millraceSeconds = median(ours);
  const torchSeconds = theirs.length === 0 ? null : median(theirs);
  const ratio = torchSeconds === null ? null : torchSeconds / millraceSeconds;
  console.error(
    `${String(config.model.name).padEnd(9)} ${millraceSeconds.toFixed(2)} s an epoch, PyTorch ${torchSeconds?.toFixed(2) ?? "-"} s, ratio ${ratio?.toFixed(2) ?? "-"}`,
  );
  return {
    model: config.model.name,
    millraceSecondsPerEpoch: millraceSeconds,
    torchSecondsPerEpoch: torchSeconds,
    ratio,
  };
}
