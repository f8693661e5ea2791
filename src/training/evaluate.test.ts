import { describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { twoTaskSchema } from "../../test/models/two-tasks.ts";
import { logLoss } from "../evaluation/log-loss.ts";
import type { BatchSource, EncodedBatch, FeatureMap } from "../schema/index.ts";
import { measure, predictSplit } from "./index.ts";

/** Predicts a row's price squashed, so that rows can be told apart. */
const predictor = {
  async predict({ columns }: EncodedBatch): Promise<{ click: Float32Array; spent: Float32Array }> {
    const click = Float32Array.from(columns.price as Float32Array, (value) => 1 / (1 + Math.exp(-value)));
    return { click, spent: Float32Array.from(columns.age as Float32Array) };
  },
};

describe("predictions of a split", () => {
  test("are in stored order whatever the batches, the last one partial", async () => {
    const rows = drawRows(everyKind, 23, 1);
    const source = memorySource(everyKind, rows);
    const { click } = await predictor.predict(rows);
    for (const batchSize of [23, 100, 7, 1]) {
      const split = await predictSplit(predictor, source, { batchSize, schema: everyKind });
      expect(split.rows).toBe(23);
      expect(split.byLabel.click.predictions).toEqual(click);
      expect(split.byLabel.click.labels).toEqual(rows.columns.click);
      expect(split.byLabel.click.truth).toBeUndefined();
      expect([split.groups, split.domains, split.weights]).toEqual([undefined, undefined, undefined]);
    }
  });

  test("bring groups, domains, weights and every label along", async () => {
    const schema: FeatureMap = { ...twoTaskSchema, group: "user", domain: "page", weight: "w" };
    const rows = drawRows(schema, 11, 1);
    const split = await predictSplit(predictor, memorySource(schema, rows), { batchSize: 4, schema });
    expect(split.groups).toEqual(rows.columns["@group"]);
    expect(split.domains).toEqual(rows.columns["@domain"]);
    expect(split.weights).toEqual(rows.columns["@weight"]);
    expect(Object.keys(split.byLabel)).toEqual(["click", "spent"]);
    expect(split.byLabel.spent.predictions).toEqual(rows.columns.age);
    expect(split.byLabel.spent.labels).toEqual(rows.columns.spent);
  });
});

describe("metrics of a split", () => {
  test("are each label's, with the oracle's beside them where the truth is known", async () => {
    const rows = drawRows(everyKind, 50, 2);
    const source = withTruth(memorySource(everyKind, rows), rows);
    const split = await predictSplit(predictor, source, { batchSize: 8, schema: everyKind });
    const { metrics, oracle, rows: count } = measure(split, ["auc", "log_loss"]);
    const { predictions, labels } = split.byLabel.click;
    expect(count).toBe(50);
    expect(Object.keys(metrics.click)).toEqual(["auc", "log_loss"]);
    expect(metrics.click.log_loss).toEqual(logLoss({ predictions, labels }));
    // The truth knows every label: nothing ranks better.
    expect(oracle.click.auc.value).toBe(1);
    expect(metrics.click.auc.value).toBeLessThan(0.8);
  });

  test("are null with a reason where they are undefined", async () => {
    const rows = drawRows(everyKind, 6, 2);
    (rows.columns.click as Float32Array).fill(1);
    const split = await predictSplit(predictor, memorySource(everyKind, rows), {
      batchSize: 4,
      schema: everyKind,
    });
    const { auc } = measure(split).metrics.click;
    expect(auc.value).toBeNull();
    expect(auc.reason).toBeTruthy();
  });
});

/** A source with the column of true probabilities that generated data carry. */
function withTruth(source: BatchSource, rows: EncodedBatch): BatchSource {
  const truth = Float32Array.from(rows.columns.click as Float32Array, (label) => (label === 1 ? 0.9 : 0.1));
  return {
    ...source,
    layout: [...source.layout, { name: "true_click", role: "truth", dtype: "float32", width: 1 }],
    async *batches(options) {
      let at = 0;
      for await (const batch of source.batches(options)) {
        yield { ...batch, columns: { ...batch.columns, true_click: truth.slice(at, at + batch.size) } };
        at += batch.size;
      }
    },
  };
}
