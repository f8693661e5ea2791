import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { makeLearner, weightSource } from "../../test/models/learner.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { ConfigError, CounterRandom } from "../core/index.ts";
import { dataConfigOf, openRun, parseConfig, trainRun } from "../run/index.ts";
import { prepareDataset } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { DARE, type DAREOptions } from "../models/index.ts";
import { optimizerOptions } from "../training/index.ts";
import { auditRun, auditTraining, GradientAuditor } from "./gradient-audit.ts";
import { PairedGradients } from "./paired-gradients.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

describe("paired gradients", () => {
  test("by hand: rows of one part only and padding are left out", () => {
    const pairs = new PairedGradients();
    pairs.add({
      attention: Float32Array.of(9, 9, 3, 4, 0, 0, 0, 1),
      representation: Float32Array.of(9, -9, 6, 8, 5, 5, 0, -2),
      rows: 4,
      dim: 2,
      first: 1,
    });
    const first = {
      steps: 1,
      attentionNorm: 3,
      representationNorm: 6,
      representationShare: 2 / 3,
      cosine: 0,
      conflictingRows: 0.5,
      conflictingSteps: 0,
    };
    expect(pairs.summary()).toEqual(first);
    pairs.add({ attention: Float32Array.of(1), representation: Float32Array.of(-1), rows: 1, dim: 1 });
    expect(pairs.summary()).toEqual({
      steps: 2,
      attentionNorm: 2,
      representationNorm: 3.5,
      representationShare: 7 / 11,
      cosine: -0.5,
      conflictingRows: 2 / 3,
      conflictingSteps: 0.5,
    });
  });

  test("nothing seen is not a number", () => {
    const { steps, cosine, conflictingRows } = new PairedGradients().summary();
    expect([steps, cosine, conflictingRows]).toEqual([0, Number.NaN, Number.NaN]);
  });
});

const options: DAREOptions = {
  tables: "shared",
  embeddingDim: 3,
  embeddingStd: 0.3,
  k: 2,
  hiddenUnits: [6],
  searchHiddenUnits: [5],
};

describe("the audit", () => {
  test("of a value's teaching alone finds attention untouched", async () => {
    // One event is found, with weight 1, and there is no loss of the whole history.
    const given = { ...options, k: 1, searchLossWeight: 0 };
    const auditor = await GradientAuditor.create({ schema: everyKind, options: given, engine });
    const learner = await makeLearner(new DARE(everyKind, given), everyKind, { engine, batchSize: 16 });
    await auditor.observe(weightSource(learner), drawRows(everyKind, 16, 4));
    // Attention's gradients are zeros, so no row is reached by both.
    expect(auditor.report().tables.map(({ steps }) => steps)).toEqual([0, 0, 0]);
    await learner.release();
    await auditor.release();
  });

  test("along a training sees every table at every step, and the same again", async () => {
    const audit = () =>
      auditTraining({
        schema: everyKind,
        options,
        source: memorySource(everyKind, drawRows(everyKind, 64, 9)),
        engine,
        optimizer: optimizerOptions.parse({ learningRate: 0.01 }),
        batchSize: 16,
        seed: 3,
        steps: 10,
        every: 2,
      });
    const found = await audit();
    expect(found.steps).toBe(5);
    expect(found.tables.map(({ table }) => table)).toEqual(["item", "category", "place 0"]);
    for (const {
      attentionNorm,
      representationNorm,
      representationShare,
      cosine,
      ...shares
    } of found.tables) {
      expect(attentionNorm).toBeGreaterThan(0);
      expect(representationShare).toBeCloseTo(representationNorm / (attentionNorm + representationNorm), 12);
      expect(Math.abs(cosine)).toBeLessThanOrEqual(1);
      expect(shares.conflictingRows).toBeGreaterThanOrEqual(0);
      expect(shares.conflictingRows).toBeLessThanOrEqual(1);
    }
    expect(await audit()).toEqual(found);
  });

  test("is about tables that serve as both", async () => {
    const given = { schema: everyKind, options: {}, engine };
    await expect(GradientAuditor.create(given)).rejects.toThrow(ConfigError);
    await expect(GradientAuditor.create(given)).rejects.toThrow(
      "the gradient audit is about tables that serve as attention and representation",
    );
  });
});

test("a run is audited at its checkpoint", async () => {
  const random = new CounterRandom(1, "audit");
  const lines = Array.from({ length: 200 }, (_, i) => {
    const events = Array.from({ length: i % 5 }, (_, t) => random.integer(7 * i + t, 12));
    return `${random.integer(9999 + i, 12)},${events.join("|")},${random.integer(5000 + i, 2)}`;
  });
  const file = join(folder, "rows.csv");
  writeFileSync(file, `item,history,click\n${lines.join("\n")}\n`);
  const config = parseConfig({
    data: { train: file, valid: file },
    features: [
      { name: "item", kind: "categorical" },
      { name: "history", kind: "sequence", target: "item", separator: "|", maxLength: 5 },
    ],
    labels: [{ name: "click" }],
    model: { name: "DARE", ...options },
    training: { epochs: 1, batchSize: 50 },
  });
  const directory = join(folder, "run");
  await trainRun(config, { directory, engine });
  const run = openRun(directory);
  const dataset = await prepareDataset(dataConfigOf(config));
  const audit = await auditRun(run, engine, dataset.splits.train, { steps: 3, batchSize: 64 });
  expect(audit.steps).toBe(3);
  expect(audit.tables.map(({ table }) => table)).toEqual(["item", "place 0"]);
  const other = { ...run, config: { ...config, model: { name: "DIN" } } };
  await expect(auditRun(other, engine, dataset.splits.train)).rejects.toThrow(
    "the gradient audit reads DARE with tables: shared; the run's model is DIN",
  );
  await dataset.close();
});
