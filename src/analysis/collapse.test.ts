import { describe, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import {
  effectiveRank,
  informationAbundance,
  randomAbundance,
  rankCorrelation,
  singularValues,
} from "../numerics/index.ts";
import { collapseByVocabulary, collapseOf } from "./collapse.ts";
import { learnedMap, observedMap } from "./learned-relevance.ts";
import { mutualInformationMap } from "./mutual-information.ts";
import { runTables } from "./run-tables.ts";
import { fieldAwareSubEmbeddings } from "./sub-embeddings.ts";

function normal(rows: number, columns: number, seed: number): Float64Array {
  const random = new CounterRandom(seed);
  return Float64Array.from({ length: rows * columns }, (_, i) => random.normal(i));
}

/** Orthonormal columns, the first `columns` unit vectors. */
function orthonormal(rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) =>
    Math.floor(i / columns) === i % columns ? 1 : 0,
  );
}

describe("collapse of matrices with known answers", () => {
  test("orthonormal columns use them all, rank 1 uses one", () => {
    const whole = collapseOf({ name: "q", rows: 9, columns: 4, data: orthonormal(9, 4) });
    expect(whole.informationAbundance).toBeCloseTo(4, 10);
    expect(whole.effectiveRank).toBeCloseTo(4, 10);
    const line = Float64Array.from({ length: 36 }, (_, i) => (1 + Math.floor(i / 4)) * (1 + (i % 4)));
    const one = collapseOf({ name: "l", rows: 9, columns: 4, data: line });
    expect(one.informationAbundance).toBeCloseTo(1, 5);
    expect(one.effectiveRank).toBeCloseTo(1, 4);
  });

  test("a table of zeros has no directions", () => {
    const { informationAbundance, effectiveRank } = collapseOf({
      name: "z",
      rows: 3,
      columns: 2,
      data: new Float64Array(6),
    });
    expect([informationAbundance, effectiveRank]).toEqual([null, null]);
  });

  test("scale changes neither measure", () => {
    const data = normal(30, 5, 3);
    const of = (factor: number): number[] => {
      const values = singularValues({ data: data.map((x) => factor * x), rows: 30, columns: 5 });
      return [informationAbundance(values) ?? 0, effectiveRank(values) ?? 0];
    };
    for (const [k, value] of of(1e-6).entries()) expect(value).toBeCloseTo(of(1)[k], 9);
  });

  test("a drawn table of any height is near all its directions, taller ones nearer", () => {
    const [low, high, highest] = [20, 4096, 1_000_000].map((rows) => randomAbundance(rows, 8));
    expect(low).toBeGreaterThan(3);
    expect(high).toBeGreaterThan(low);
    expect(highest).toBeGreaterThan(high);
    expect(highest).toBeLessThanOrEqual(8);
  });

  test("two sets side by side: equal sets add nothing, orthogonal ones everything", () => {
    const table = (place: string, data: Float64Array) => ({
      name: `${place}.tables.f`,
      vocabulary: "f",
      place,
      rows: 12,
      columns: 3,
      data,
    });
    const first = orthonormal(12, 3);
    const moved = Float64Array.from({ length: 36 }, (_, i) => (i >= 9 ? first[i - 9] : 0));
    const [same] = collapseByVocabulary([table("sets.0", first), table("sets.1", first)]);
    expect(same.informationAbundance).toBeCloseTo(3, 6);
    const [apart] = collapseByVocabulary([table("sets.0", first), table("sets.1", moved)]);
    expect(apart.informationAbundance).toBeCloseTo(6, 10);
    expect(apart).toMatchObject({ name: "f", tables: 2, rows: 12, dim: 6 });
    expect(apart.meanAbundance).toBeCloseTo(3, 10);
  });

  test("a run's tables: reserved rows, weights of linear parts and rare values left out", () => {
    const table = (name: string, rows: number, dim: number) => ({
      name: `table:${name}`,
      rows,
      dim,
      data: Float32Array.from({ length: rows * dim }, (_, i) => i),
    });
    const tables = [
      table("linear.weights.tables.user", 9, 1),
      table("sets.1.embedding.tables.user", 9, 2),
      table("embedding.tables.one", 4, 2),
    ];
    expect(runTables({ tables })).toMatchObject([
      {
        name: "sets.1.embedding.tables.user",
        vocabulary: "user",
        place: "sets.1.embedding",
        rows: 6,
        columns: 2,
      },
    ]);
    const [top] = runTables({ tables }, { rows: 2 });
    expect(Array.from(top.data)).toEqual([6, 7, 8, 9]);
  });

  test("parts of field-aware vectors are told apart", () => {
    // Field 0 keeps a line for field 1 and a plane for field 2.
    const data = Float64Array.from({ length: 32 }, (_, i) => {
      const [row, column] = [Math.floor(i / 4), i % 4];
      if (column < 2) return (row + 1) * (column + 1);
      return row === column - 2 ? 1 : 0;
    });
    const field = (position: number) => ({
      table: { name: `f${position}`, rows: 8, columns: 4, data },
      position,
    });
    const { abundance } = fieldAwareSubEmbeddings([field(0), field(1), field(2)], 2);
    expect(abundance[0][0]).toBeNull();
    expect(abundance[0][1]).toBeCloseTo(1, 5);
    expect(abundance[0][2]).toBeCloseTo(2, 10);
  });
});

describe("relevance of events", () => {
  const length = 3;
  /** The label is 1 exactly where the latest event has category 5. */
  const rows = (() => {
    const random = new CounterRandom(4);
    const count = 600;
    const events = Int32Array.from({ length: count * length }, (_, i) => 5 + random.integer(i, 2));
    return {
      candidates: new Int32Array(count).fill(7),
      events,
      length,
      labels: Int32Array.from({ length: count }, (_, row) =>
        events[row * length + length - 1] === 5 ? 1 : 0,
      ),
    };
  })();
  const options = { candidate: 7, categories: [5, 6], distances: 3 };

  test("an event that decides the label tells all of it, others nothing", () => {
    const { values } = mutualInformationMap(rows, options);
    const share = rows.labels.reduce((sum, label) => sum + label, 0) / rows.labels.length;
    const entropy = -(share * Math.log2(share) + (1 - share) * Math.log2(1 - share));
    expect(values[0]).toBeCloseTo(entropy, 5);
    expect(values[3]).toBeCloseTo(entropy, 5);
    for (const cell of [1, 2, 4, 5]) expect(values[cell]).toBeLessThan(0.02);
  });

  test("histories may be shorter; an unknown candidate is an error", () => {
    const short = { ...rows, events: rows.events.map((event, i) => (i % length === 2 ? 0 : event)) };
    const { values } = mutualInformationMap(short, options);
    // Nothing stands three events back.
    expect(values[2]).toBeLessThan(1e-6);
    expect(() => mutualInformationMap(rows, { ...options, candidate: 8 })).toThrow("no row has");
  });

  test("attention shown on rows is averaged by category and distance", () => {
    const weights = Float64Array.from(rows.events, (event, i) => (event === 5 ? 0.5 : 0.1) + (i % length));
    const { values } = observedMap(rows, weights, options);
    const expected = [2.5, 1.5, 0.5, 2.1, 1.1, 0.1];
    for (const [cell, value] of expected.entries()) expect(values[cell]).toBeCloseTo(value, 10);
    expect(observedMap(rows, weights, { ...options, categories: [9] }).values[0]).toBeNaN();
  });

  test("vectors without distances make columns alike", () => {
    const categories = { name: "c", rows: 2, columns: 2, data: Float64Array.of(1, 0, 0, 1) };
    const { values } = learnedMap({ categories, candidate: [1, 0] }, options);
    expect(Array.from(values)).toEqual([1, 1, 1, 0, 0, 0]);
  });
});

test("rank correlation: monotone maps are 1 and -1, constants have none", () => {
  const x = [3, 1, 4, 1.5, 9];
  expect(
    rankCorrelation(
      x,
      x.map((value) => value ** 3),
    ),
  ).toBeCloseTo(1, 12);
  expect(
    rankCorrelation(
      x,
      x.map((value) => -value),
    ),
  ).toBeCloseTo(-1, 12);
  expect(rankCorrelation(x, [1, 1, 1, 1, 1])).toBeUndefined();
});
