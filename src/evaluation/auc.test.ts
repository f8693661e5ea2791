import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { auc } from "./auc.ts";
import { groupAuc } from "./group-auc.ts";
import { crossTaskLevels, multiAuc } from "./multi-auc.ts";
import type { ScoredRows } from "./scored-rows.ts";

/** The definition, pair by pair: `better(i, j)` says whether row i should stand above row j. */
function byPairs(
  { predictions, weights }: ScoredRows,
  better: (i: number, j: number) => boolean,
): number | null {
  let ordered = 0;
  let pairs = 0;
  for (let i = 0; i < predictions.length; i++) {
    for (let j = 0; j < predictions.length; j++) {
      if (!better(i, j)) continue;
      const weight = (weights?.[i] ?? 1) * (weights?.[j] ?? 1);
      pairs += weight;
      if (predictions[i] > predictions[j]) ordered += weight;
      else if (predictions[i] === predictions[j]) ordered += weight / 2;
    }
  }
  return pairs === 0 ? null : ordered / pairs;
}

const row = fc.record({
  // A few repeated scores, so that ties are common; -0 and 0 are a tie.
  prediction: fc.oneof(fc.constantFrom(-0, 0, 0.25, 0.5), fc.double({ min: -5, max: 5, noNaN: true })),
  label: fc.constantFrom(0, 1),
  weight: fc.constantFrom(0, 0.5, 1, 3),
  group: fc.constantFrom(-7, 0, 3, 1_000_000_000),
});
const someRows = fc.array(row, { minLength: 1, maxLength: 40 }).map((entries) => ({
  predictions: Float64Array.from(entries, (entry) => entry.prediction),
  labels: Float32Array.from(entries, (entry) => entry.label),
  weights: Float64Array.from(entries, (entry) => entry.weight),
  groups: Int32Array.from(entries, (entry) => entry.group),
}));

function expectSame(actual: number | null, expected: number | null): void {
  if (expected === null || actual === null) expect(actual).toBe(expected);
  else expect(actual).toBeCloseTo(expected, 12);
}

describe("AUC", () => {
  test("equals the count over all pairs, with and without weights, in float32 and float64", () => {
    fc.assert(
      fc.property(someRows, ({ predictions, labels, weights }) => {
        const better = (i: number, j: number): boolean => labels[i] > labels[j];
        expectSame(auc({ predictions, labels }).value, byPairs({ predictions, labels }, better));
        expectSame(
          auc({ predictions, labels, weights }).value,
          byPairs({ predictions, labels, weights }, better),
        );
        const single = Float32Array.from(predictions);
        expectSame(
          auc({ predictions: single, labels }).value,
          byPairs({ predictions: single, labels }, better),
        );
      }),
    );
  });

  test("does not change under a strictly increasing map, and mirrors under a decreasing one", () => {
    fc.assert(
      fc.property(someRows, ({ labels, predictions }) => {
        // Integers: the maps below stay exact, so ties stay ties.
        const scores = predictions.map((value) => Math.round(value * 4));
        const { value } = auc({ predictions: scores, labels });
        expect(auc({ predictions: scores.map((score) => score ** 3 + 2 * score), labels }).value).toBe(value);
        expectSame(
          auc({ predictions: scores.map((score) => -score), labels }).value,
          value === null ? null : 1 - value,
        );
      }),
    );
  });

  test("a weight of two is a row that comes twice", () => {
    const once = { predictions: [0.1, 0.4, 0.4, 0.8], labels: [0, 1, 0, 1], weights: [1, 2, 1, 1] };
    const twice = { predictions: [0.1, 0.4, 0.4, 0.4, 0.8], labels: [0, 1, 1, 0, 1] };
    expect(auc(once).value).toBe(auc(twice).value);
  });

  test("is null with a reason where it is undefined", () => {
    expect(auc({ predictions: [0.1, 0.2], labels: [1, 1] })).toEqual({
      value: null,
      reason: "only one class: no negatives",
    });
    expect(auc({ predictions: [0.1, 0.2], labels: [0, 0] })).toEqual({
      value: null,
      reason: "only one class: no positives",
    });
    expect(auc({ predictions: [0.1, 0.2], labels: [0, 1], weights: [1, 0] }).value).toBeNull();
    expect(auc({ predictions: [], labels: [] })).toEqual({ value: null, reason: "no rows" });
  });

  test("ranks infinite scores", () => {
    expect(auc({ predictions: [-Infinity, 0, Infinity], labels: [0, 0, 1] }).value).toBe(1);
  });

  test("names the row of a NaN, a label that is not 0 or 1, a negative weight", () => {
    expect(() => auc({ predictions: [0.1, Number.NaN], labels: [0, 1] })).toThrow(
      "prediction of row 1 is NaN",
    );
    expect(() => auc({ predictions: [0.1, 0.2], labels: [0, 2] })).toThrow("label of row 1 is 2");
    expect(() => auc({ predictions: [0.1], labels: [1], weights: [-1] })).toThrow("weight of row 0 is -1");
    expect(() => auc({ predictions: [0.1], labels: [1, 0] })).toThrow("1 predictions but 2 labels");
  });
});

describe("group AUC", () => {
  test("is the impression-weighted mean of the groups' AUCs, single-class groups left out", () => {
    fc.assert(
      fc.property(someRows, ({ predictions, labels, weights, groups }) => {
        let sum = 0;
        let total = 0;
        let droppedGroups = 0;
        for (const group of new Set(groups)) {
          const inGroup = <T extends Float32Array | Float64Array>(values: T): number[] =>
            Array.from(values).filter((_, i) => groups[i] === group);
          const own = {
            predictions: inGroup(predictions),
            labels: inGroup(labels),
            weights: inGroup(weights),
          };
          const { value } = auc(own);
          const impressions = own.weights.reduce((a, b) => a + b, 0);
          if (value === null) droppedGroups++;
          else {
            sum += value * impressions;
            total += impressions;
          }
        }
        const actual = groupAuc({ predictions, labels, weights, groups });
        expectSame(actual.value, total === 0 ? null : sum / total);
        expect(actual.counts?.droppedGroups).toBe(droppedGroups);
      }),
    );
  });

  test("of one group is AUC", () => {
    fc.assert(
      fc.property(someRows, ({ predictions, labels }) => {
        const groups = new Int32Array(labels.length).fill(42);
        expectSame(groupAuc({ predictions, labels, groups }).value, auc({ predictions, labels }).value);
      }),
    );
  });

  test("by hand: groups of 3 and 2 impressions, one dropped", () => {
    const rows = {
      predictions: [0.9, 0.1, 0.5, 0.2, 0.8, 0.3, 0.4],
      labels: [1, 0, 0, 1, 0, 1, 1],
      groups: [5, 5, 5, 9, 9, 2, 2],
    };
    expect(groupAuc(rows)).toEqual({ value: 3 / 5, counts: { groups: 2, droppedGroups: 1, droppedRows: 2 } });
  });

  test("asks for groups", () => {
    expect(() => groupAuc({ predictions: [1], labels: [1] })).toThrow("gauc needs groups");
  });
});

describe("multi-AUC", () => {
  const levelled = fc.array(fc.tuple(row, fc.constantFrom(0, 1, 2, 3)), { minLength: 1, maxLength: 30 });

  test("equals the count over all pairs of different levels", () => {
    fc.assert(
      fc.property(levelled, (entries) => {
        const predictions = Float64Array.from(entries, ([entry]) => entry.prediction);
        const labels = Int32Array.from(entries, ([, level]) => level);
        const expected = byPairs({ predictions, labels }, (i, j) => labels[i] > labels[j]);
        expectSame(multiAuc({ predictions, labels }).value, expected);
      }),
    );
  });

  test("of two levels is AUC; of a perfect order 1; of a constant score one half", () => {
    fc.assert(fc.property(someRows, (rows) => expectSame(multiAuc(rows).value, auc(rows).value)));
    expect(multiAuc({ predictions: [0.1, 0.2, 0.3, 0.4], labels: [0, 1, 2, 3] }).value).toBe(1);
    expect(multiAuc({ predictions: [1, 1, 1, 1], labels: [0, 1, 2, 3] }).value).toBe(0.5);
  });

  test("weighs two levels by pairs, or each two levels alike", () => {
    // Levels 0 (two rows), 1, 2: pairs 0-1 right twice, 0-2 right twice, 1-2 wrong once.
    const rows = { predictions: [0.1, 0.2, 0.9, 0.8], labels: [0, 0, 1, 2] };
    expect(multiAuc(rows).value).toBeCloseTo(4 / 5, 12);
    expect(multiAuc(rows, { weighting: "levels" }).value).toBeCloseTo(2 / 3, 12);
  });

  test("levels of two tasks: both, own only, other only, none", () => {
    expect(Array.from(crossTaskLevels([1, 1, 0, 0], [1, 0, 1, 0]))).toEqual([3, 2, 1, 0]);
    expect(multiAuc({ predictions: [1, 2], labels: [2, 2] })).toEqual({
      value: null,
      reason: "only one level: 2",
      counts: { levels: 1 },
    });
  });
});
