import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { accuracy } from "./accuracy.ts";
import { auc } from "./auc.ts";
import { binaryMetrics, evaluateBinary, parseBinaryMetric } from "./binary-metrics.ts";
import { groupAuc } from "./group-auc.ts";
import { rankingMetrics } from "./ranking-metrics.ts";

const rows = {
  predictions: Float32Array.of(0.9, 0.2, 0.6, 0.6, 0.1),
  labels: Float32Array.of(1, 0, 1, 0, 1),
  groups: Int32Array.of(1, 1, 2, 2, 2),
};

describe("evaluateBinary", () => {
  test("gives the default metrics, gauc where there are groups", () => {
    expect(Object.keys(evaluateBinary(rows))).toEqual([
      "auc",
      "log_loss",
      "ne",
      "ece",
      "calibration_ratio",
      "gauc",
    ]);
    const { groups: _, ...ungrouped } = rows;
    expect(Object.keys(evaluateBinary(ungrouped))).not.toContain("gauc");
  });

  test("sorting once changes no value", () => {
    const together = evaluateBinary(rows, ["auc", "gauc", "group_ndcg@2", "group_mrr"]);
    expect(together.auc).toEqual(auc(rows));
    expect(together.gauc).toEqual(groupAuc(rows));
    expect(together.group_mrr.value).toBeGreaterThan(0);
  });

  test("every metric of the table runs, and is null with a reason on no rows", () => {
    const empty = { predictions: [], labels: [], groups: [] };
    for (const family of Object.keys(binaryMetrics)) {
      const name = family.replace("@k", "@3");
      expect(evaluateBinary(rows, [name])[name].value, name).not.toBeNull();
      expect(evaluateBinary(empty, [name])[name], name).toMatchObject({
        value: null,
        reason: expect.any(String),
      });
    }
  });

  test("a NaN prediction is an error that names the row, never a NaN metric", () => {
    const broken = { ...rows, predictions: Float32Array.of(0.9, 0.2, Number.NaN, 0.6, 0.1) };
    expect(() => evaluateBinary(broken)).toThrow("prediction of row 2 is NaN");
  });

  test("values survive JSON", () => {
    const values = evaluateBinary({ predictions: [0.5], labels: [1] });
    expect(JSON.parse(JSON.stringify(values))).toEqual(values);
  });
});

describe("metric names", () => {
  test.each([
    ["AUC", "auc"],
    ["gAUC", "gauc"],
    ["logloss", "log_loss"],
    ["logLoss", "log_loss"],
    ["Group-NDCG@5", "group_ndcg@5"],
  ])("%s is %s", (text, name) => {
    expect(parseBinaryMetric(text).name).toBe(name);
  });

  test("mistakes get a hint", () => {
    const hintOf = (text: string): string | undefined => {
      try {
        parseBinaryMetric(text);
      } catch (error) {
        return (error as { hint?: string }).hint;
      }
      return "no error";
    };
    expect(hintOf("acu")).toBe("did you mean auc?");
    expect(hintOf("ndcg@10")).toBe("for the rows of each group ask group_ndcg@10");
    expect(hintOf("group_ndcg")).toBe("group_ndcg is written group_ndcg@10");
    expect(hintOf("group_ndcg@0")).toBe("for example group_ndcg@10");
    expect(hintOf("auc@5")).toBe("auc takes no @k");
  });
});

test("accuracy counts predictions at the threshold as positive", () => {
  expect(accuracy({ predictions: [0.5, 0.49], labels: [1, 1] }).value).toBe(0.5);
  expect(accuracy({ predictions: [0.5, 0.49], labels: [1, 1] }, { threshold: 0.3 }).value).toBe(1);
});

test("docs/metrics.md defines every metric", () => {
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  for (const family of [...Object.keys(binaryMetrics), ...Object.keys(rankingMetrics)]) {
    expect(page).toContain(`\`${family}\``);
  }
});
