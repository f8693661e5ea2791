/**
 * Singular values of a tall matrix such as an embedding table: the square roots of the eigenvalues of
 * its Gram matrix. Squaring halves the digits: values below about 1e-8 of the largest are rounding
 * noise, which is far below what spectra of float32 tables are read for. Singular vectors are not
 * computed.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { DataError } from "../core/index.ts";
import { type DenseMatrix, gramMatrix } from "./gram-matrix.ts";

/**
 * In descending order, `[columns]` (zeros where there are fewer rows than columns).
 *
 * @throws DataError when a number is not finite; ShapeError when sizes differ
 */
export function singularValues(matrix: DenseMatrix): Float64Array {
  const { columns } = matrix;
  const gram = gramMatrix(matrix);
  let trace = 0;
  for (let i = 0; i < columns; i++) trace += gram[i * columns + i];
  if (!Number.isFinite(trace)) {
    throw new DataError(
      "singularValues: the matrix holds numbers that are not finite (or too large to square)",
      {
        details: { rows: matrix.rows, columns },
      },
    );
  }
  if (trace === 0) return new Float64Array(columns);
  // Scaled to trace 1, so that tables of any magnitude meet the same tolerances.
  const scaled = Matrix.from1DArray(
    columns,
    columns,
    gram.map((value) => value / trace),
  );
  const { realEigenvalues } = new EigenvalueDecomposition(scaled, { assumeSymmetric: true });
  const values = Float64Array.from(realEigenvalues, (eigenvalue) =>
    Math.sqrt(Math.max(0, eigenvalue) * trace),
  );
  return values.sort().reverse();
}
