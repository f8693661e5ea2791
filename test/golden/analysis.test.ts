/** Analyses against numpy, scipy and scikit-learn (analysis.py). */
import { expect, test } from "vitest";
import {
  collapseOf,
  crossSubEmbeddings,
  learnedMap,
  mutualInformationMap,
} from "../../src/analysis/index.ts";
import { principalComponents, rankCorrelation } from "../../src/numerics/index.ts";
import golden from "./analysis.json" with { type: "json" };

const matrix = { name: "matrix", ...golden.matrix, data: Float64Array.from(golden.matrix.data) };

function expectClose(received: ArrayLike<number>, expected: readonly number[], digits = 10): void {
  expect(received.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(received[i]).toBeCloseTo(value, digits);
}

test("collapse of a table", () => {
  const { singularValues, informationAbundance, effectiveRank } = collapseOf(matrix);
  expectClose(singularValues, golden.singularValues);
  expect(informationAbundance).toBeCloseTo(golden.informationAbundance, 10);
  expect(effectiveRank).toBeCloseTo(golden.effectiveRank, 10);
});

test("principal components", () => {
  const { shares, coordinates } = principalComponents(matrix, 2);
  expectClose(shares, golden.principal.shares);
  // A component's sign is nobody's to say.
  for (const k of [0, 1]) {
    const sign = Math.sign(coordinates[k] * golden.principal.coordinates[k]);
    for (let row = 0; row < matrix.rows; row++) {
      expect(sign * coordinates[2 * row + k]).toBeCloseTo(golden.principal.coordinates[2 * row + k], 9);
    }
  }
});

test("rank correlation with ties", () => {
  const { left, right, spearman } = golden.ranks;
  expect(rankCorrelation(left, right)).toBeCloseTo(spearman, 12);
});

test("sub-embeddings of crosses", () => {
  const { tables, weight, abundance } = golden.subEmbeddings;
  const fields = tables.map(({ rows, data }, position) => ({
    table: { name: `f${position}`, rows, columns: 2, data: Float64Array.from(data) },
    position,
  }));
  const found = crossSubEmbeddings(fields, { rows: 6, columns: 6, data: Float64Array.from(weight) });
  for (const [i, row] of abundance.entries()) {
    for (const [j, value] of row.entries()) expect(found.abundance[i][j]).toBeCloseTo(value, 9);
  }
});

test("mutual information of labels and events", () => {
  const { information, ...rows } = golden.histories;
  const categories = [1, 2, 3, 4];
  const { values } = mutualInformationMap(rows, { candidate: 2, categories, distances: rows.length });
  // Counts of 0 are 1e-5 here, which is worth about 1e-6 bits.
  expectClose(values, information, 5);
});

test("the map that vectors make", () => {
  const categories = { name: "c", rows: 4, columns: 3, data: Float64Array.from(golden.learned.categories) };
  const distances = { name: "p", rows: 6, columns: 3, data: Float64Array.from(golden.learned.distances) };
  const candidate = categories.data.subarray(3, 6);
  const { values } = learnedMap(
    { categories, candidate, distances },
    { candidate: 2, categories: [1, 2, 3, 4], distances: 5 },
  );
  expectClose(values, golden.learned.values);
});
