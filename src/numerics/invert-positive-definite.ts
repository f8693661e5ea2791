/** The inverse of a symmetric positive definite matrix by Cholesky's factorisation, A = L Lᵀ. */
import { MillraceError } from "../core/index.ts";

/**
 * @param matrix `[size, size]`, of which the lower half is read
 * @throws MillraceError when it is not positive definite
 */
export function invertPositiveDefinite(matrix: Float64Array, size: number): Float64Array {
  const lower = cholesky(matrix, size);
  // Columns of L⁻¹, then A⁻¹ = L⁻ᵀ L⁻¹; both stored row by row so that inner loops run along rows.
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const row = inverse.subarray(i * size, (i + 1) * size);
    row[i] = 1;
    for (let k = 0; k < i; k++) {
      const factor = lower[i * size + k];
      const above = inverse.subarray(k * size, k * size + k + 1);
      for (let j = 0; j <= k; j++) row[j] -= factor * above[j];
    }
    const pivot = 1 / lower[i * size + i];
    for (let j = 0; j <= i; j++) row[j] *= pivot;
  }
  const result = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    const row = inverse.subarray(k * size, k * size + k + 1);
    for (let i = 0; i <= k; i++) {
      const out = result.subarray(i * size, i * size + k + 1);
      for (let j = 0; j <= i; j++) out[j] += row[i] * row[j];
    }
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) result[j * size + i] = result[i * size + j];
  return result;
}

/** L of A = L Lᵀ, `[size, size]` with zeros above the diagonal. */
export function cholesky(matrix: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const row = lower.subarray(i * size, (i + 1) * size);
    for (let j = 0; j <= i; j++) {
      const other = lower.subarray(j * size, (j + 1) * size);
      let sum = matrix[i * size + j];
      for (let k = 0; k < j; k++) sum -= row[k] * other[k];
      if (i !== j) row[j] = sum / other[j];
      else {
        if (!(sum > 0)) {
          throw new MillraceError(`the matrix is not positive definite: pivot ${i} is ${sum}`, {
            details: { size, pivot: i, value: sum },
          });
        }
        row[i] = Math.sqrt(sum);
      }
    }
  }
  return lower;
}
