import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { createEngine, type Engine, type HostTensor } from "../engine/index.ts";
import { prepareDataset } from "../data/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { dataConfigOf, openRun, parseConfig, type StageFiles, trainRun, writeStages } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-stages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

test("a run's stages, read back from files, say what the run says", async () => {
  const random = new CounterRandom(1, "stages");
  const lines = Array.from({ length: 200 }, (_, i) => {
    const events = Array.from({ length: i % 8 }, (_, t) => random.integer(9 * i + t, 12));
    return `${i % 5},${random.integer(9999 + i, 12)},${events.join("|")},${random.integer(5000 + i, 2)}`;
  });
  const file = join(folder, "rows.csv");
  writeFileSync(file, `user,item,history,click\n${lines.join("\n")}\n`);
  const config = parseConfig({
    data: { train: file },
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
      { name: "history", kind: "sequence", target: "item", separator: "|", maxLength: 7 },
    ],
    labels: [{ name: "click" }],
    model: { name: "DARE", embeddingDim: 4, attentionDim: 2, embeddingStd: 0.5, k: 3, hiddenUnits: [6] },
    training: { epochs: 1, batchSize: 50, learningRate: 0.02 },
  });
  const directory = join(folder, "run");
  await trainRun(config, { directory, engine });
  const run = openRun(directory);
  const out = join(folder, "stages");
  const written = writeStages(run, out);
  expect(JSON.parse(readFileSync(join(out, "stages.json"), "utf8")) as StageFiles).toEqual(written);
  expect(readdirSync(out).sort()).toEqual([
    "keys-history.onnx",
    "represent.onnx",
    "search-history.onnx",
    "stages.json",
  ]);
  const [{ keys, search, keyWidth, k, length }] = written.histories;
  expect([keyWidth, k, length]).toEqual([2, 3, 7]);
  expect(keys.tables).toEqual(["attention.tables.item"]);
  expect(written.represent.tables.toSorted()).toEqual([
    "embedding.tables.user",
    "representation.tables.item",
  ]);

  const dataset = await prepareDataset(dataConfigOf(config));
  const predictor = await run.load(engine);
  const load = async (name: string) => engine.load(readFileSync(join(out, name)));
  const [makeKeys, find, represent] = await Promise.all(
    [keys, search, written.represent].map(({ file: name }) => load(name)),
  );
  for await (const batch of dataset.splits.train.batches({ batchSize: 40 })) {
    const { click } = await predictor.predict(batch);
    const { columns } = batch;
    for (let row = 0; row < batch.size; row++) {
      const count = columns["history.length"][row];
      if (count === 0) continue;
      const events = columns.history.slice(row * 7, row * 7 + count) as Int32Array;
      const one = (name: string): HostTensor => hostTensor("int32", [1], Int32Array.of(columns[name][row]));
      const made = await makeKeys.run({ history: hostTensor("int32", [count], events) });
      const kept = new Float32Array(7 * keyWidth);
      kept.set(made.keys.data as Float32Array);
      const found = await find.run({
        item: one("item"),
        keys: hostTensor("float32", [7, keyWidth], kept),
        length: hostTensor("int32", [1], Int32Array.of(count)),
      });
      const ids = Int32Array.from(
        Array.from(found.index.data as BigInt64Array, Number),
        (at) => events[at] ?? 0,
      );
      const { probability } = await represent.run({
        user: one("user"),
        item: one("item"),
        history: hostTensor("int32", [1, k], ids),
        "weights:history": found.weights,
        "distances:history": found.distances,
      });
      expect(Math.abs((probability.data as Float32Array)[0] - click[row])).toBeLessThan(1e-6);
    }
    break;
  }
  await dataset.close();
});
