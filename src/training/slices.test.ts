import { expect, test } from "vitest";
import { everyTask } from "../../test/models/every-kind.ts";
import { measureDomains, rowsById, selectRows } from "./slices.ts";

const floats = (...values: number[]): Float32Array => Float32Array.from(values);
const split = {
  rows: 6,
  byLabel: {
    click: {
      predictions: floats(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
      labels: floats(0, 1, 0, 1, 0, 1),
      truth: undefined,
    },
    spent: {
      predictions: floats(1, 2, 3, 4, 5, 6),
      labels: floats(1, 2, 3, 4, 5, 7),
      truth: undefined,
      kind: "real" as const,
    },
  },
  groups: Int32Array.of(0, 0, 1, 1, 2, 2),
  domains: Int32Array.of(4, 4, 3, 2, 4, 1),
  weights: undefined,
};

test("rows of a split keep their columns and the label's kind", () => {
  const part = selectRows(split, [5, 1]);
  expect(part.rows).toBe(2);
  expect(part.byLabel.click.predictions).toEqual(floats(0.6, 0.2));
  expect(part.byLabel.spent).toMatchObject({ labels: floats(7, 2), kind: "real" });
  expect(part.groups).toEqual(Int32Array.of(2, 0));
});

test("ids are listed by frequency", () => {
  expect(rowsById(split.domains)).toEqual([
    [4, [0, 1, 4]],
    [1, [5]],
    [2, [3]],
    [3, [2]],
  ]);
});

test("each domain is measured alone; rows of no known one together", () => {
  const domains = measureDomains(split, everyTask, ["auc", "rmse"]);
  expect(Object.keys(domains ?? {})).toEqual(["v1", "unknown", "v0"]);
  expect(domains?.v1.rows).toBe(3);
  expect(domains?.v1.metrics.click.auc.value).toBe(0.5);
  expect(domains?.v0.metrics.click.auc).toEqual({ value: null, reason: "only one class: no positives" });
  expect(domains?.unknown.metrics.spent.rmse.value).toBeCloseTo(Math.SQRT1_2);
  expect(measureDomains({ ...split, domains: undefined }, everyTask)).toBeUndefined();
});
