import { describe, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import type { DenseMatrix } from "./gram-matrix.ts";
import { informationAbundance } from "./information-abundance.ts";
import { singularValues } from "./singular-values.ts";

function normalMatrix(rows: number, columns: number, seed: number): DenseMatrix & { data: Float64Array } {
  const random = new CounterRandom(seed);
  return { data: Float64Array.from({ length: rows * columns }, (_, i) => random.normal(i)), rows, columns };
}

/** The same rows times a rotation by `angle` of columns 0 and 1. */
function rotated({ data, rows, columns }: DenseMatrix, angle: number): DenseMatrix {
  const turned = Float64Array.from(data);
  for (let row = 0; row < rows; row++) {
    const [x, y] = [data[row * columns], data[row * columns + 1]];
    turned[row * columns] = x * Math.cos(angle) - y * Math.sin(angle);
    turned[row * columns + 1] = x * Math.sin(angle) + y * Math.cos(angle);
  }
  return { data: turned, rows, columns };
}

describe("singular values", () => {
  test("of a small matrix equal numpy's", () => {
    const data = Float64Array.of(3, 1, 0.5, 1, 2, -1, 0.25, 0, 4, 2, 2, 2, -1, 0.5, 0);
    const values = singularValues({ data, rows: 5, columns: 3 });
    [5.210730048386555, 3.914250959610411, 1.7576779534460905].forEach((expected, i) => {
      expect(values[i]).toBeCloseTo(expected, 12);
    });
  });

  test("their squares sum to the sum of all squares", () => {
    const matrix = normalMatrix(300, 16, 1);
    const squares = matrix.data.reduce((sum, value) => sum + value * value, 0);
    const values = singularValues(matrix);
    expect(values.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(squares, 8);
    expect(Array.from(values)).toEqual(Array.from(values).toSorted((a, b) => b - a));
  });

  test("fewer rows than columns leave zeros", () => {
    const values = singularValues(normalMatrix(2, 5, 3));
    // A zero eigenvalue comes out as rounding noise of 1e-16; its root is 1e-8.
    for (const value of values.subarray(2)) expect(value).toBeLessThan(1e-7 * values[0]);
  });

  test("scale with the matrix from the smallest to the largest float32", () => {
    const { data, rows, columns } = normalMatrix(40, 4, 4);
    const base = singularValues({ data, rows, columns });
    for (const scale of [1e-30, 1e30]) {
      const values = singularValues({
        data: Float32Array.from(data, (value) => value * scale),
        rows,
        columns,
      });
      for (const [i, value] of values.entries()) expect(value / scale / base[i]).toBeCloseTo(1, 6);
    }
  });

  test("wrong sizes and numbers that are not finite are errors", () => {
    expect(() => singularValues({ data: new Float32Array(5), rows: 2, columns: 3 })).toThrow(
      "rows x columns",
    );
    expect(() => singularValues({ data: Float32Array.of(1, Number.NaN), rows: 1, columns: 2 })).toThrow(
      "not finite",
    );
  });
});

describe("information abundance", () => {
  const abundance = (matrix: DenseMatrix): number =>
    informationAbundance(singularValues(matrix)) ?? Number.NaN;

  test("of orthonormal columns is their number", () => {
    const data = new Float64Array(60);
    for (let i = 0; i < 6; i++) data[(i + 2) * 6 + i] = 1;
    expect(abundance({ data, rows: 10, columns: 6 })).toBeCloseTo(6, 12);
  });

  test("of rank 1 is 1", () => {
    const data = Float64Array.from({ length: 100 }, (_, i) => (1 + Math.floor(i / 5)) * ((i % 5) + 1));
    expect(abundance({ data, rows: 20, columns: 5 })).toBeCloseTo(1, 6);
  });

  test("does not change with scale, rotation or the order of rows", () => {
    const matrix = normalMatrix(50, 4, 5);
    const expected = abundance(matrix);
    expect(abundance({ ...matrix, data: matrix.data.map((value) => value * 1000) })).toBeCloseTo(
      expected,
      10,
    );
    expect(abundance(rotated(matrix, 0.7))).toBeCloseTo(expected, 10);
    expect(abundance({ ...matrix, data: reversedRows(matrix) })).toBeCloseTo(expected, 10);
  });

  test("of zeros is undefined", () => {
    expect(
      informationAbundance(singularValues({ data: new Float32Array(6), rows: 3, columns: 2 })),
    ).toBeUndefined();
  });
});

function reversedRows({ data, rows, columns }: DenseMatrix): Float64Array {
  return Float64Array.from({ length: data.length }, (_, i) => {
    const row = rows - 1 - Math.floor(i / columns);
    return data[row * columns + (i % columns)];
  });
}
