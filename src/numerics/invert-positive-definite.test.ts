import { expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { invertPositiveDefinite } from "./index.ts";

test("a known inverse", () => {
  const inverse = invertPositiveDefinite(Float64Array.of(4, 0, 2, 3), 2); // of [[4, 2], [2, 3]]: the upper half is not read
  const expected = [3 / 8, -2 / 8, -2 / 8, 4 / 8];
  for (const [k, value] of expected.entries()) expect(inverse[k]).toBeCloseTo(value, 14);
});

test("times the matrix gives one", () => {
  const size = 23;
  const random = new CounterRandom(2, "matrix");
  const factor = Float64Array.from({ length: size * size }, (_, i) => random.normal(i));
  const at = (m: Float64Array, i: number, j: number): number => m[i * size + j];
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      for (let k = 0; k < size; k++) matrix[i * size + j] += at(factor, i, k) * at(factor, j, k);
      if (i === j) matrix[i * size + j] += 0.5;
    }
  const inverse = invertPositiveDefinite(matrix, size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += at(matrix, i, k) * at(inverse, k, j);
      expect(sum).toBeCloseTo(i === j ? 1 : 0, 10);
    }
});

test("what is not positive definite is refused", () => {
  expect(() => invertPositiveDefinite(Float64Array.of(1, 2, 2, 1), 2)).toThrow("pivot 1 is -3");
});
