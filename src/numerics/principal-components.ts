/**
 * Principal components of rows: their coordinates along the directions in which they vary most. The eigenvectors of
 * the covariance matrix, each turned so that its largest entry is positive, so that pictures do not flip.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { type DenseMatrix, gramMatrix } from "./gram-matrix.ts";

export interface PrincipalComponents {
  /** Coordinates, row-major `[rows, components]`. */
  readonly coordinates: Float64Array;
  /** Share of the variance along each component, in [0, 1]. */
  readonly shares: readonly number[];
  /** Unit directions, row-major `[components, columns]`. */
  readonly directions: Float64Array;
}

/** @throws ShapeError when `data` does not hold rows x columns numbers */
export function principalComponents(matrix: DenseMatrix, components: number): PrincipalComponents {
  const { rows, columns } = matrix;
  const data = Float64Array.from(matrix.data);
  for (let column = 0; column < columns; column++) {
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += data[row * columns + column] / rows;
    for (let row = 0; row < rows; row++) data[row * columns + column] -= mean;
  }
  const gram = gramMatrix({ data, rows, columns });
  let trace = 0;
  for (let i = 0; i < columns; i++) trace += gram[i * columns + i];
  const scale = trace === 0 ? 1 : trace;
  const square = Matrix.from1DArray(
    columns,
    columns,
    gram.map((value) => value / scale),
  );
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(square, {
    assumeSymmetric: true,
  });
  const kept = Math.min(components, columns);
  const order = realEigenvalues.map((_, k) => k).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const directions = new Float64Array(kept * columns);
  for (let k = 0; k < kept; k++) {
    const direction = Array.from({ length: columns }, (_, i) => eigenvectorMatrix.get(i, order[k]));
    const largest = direction.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    for (let i = 0; i < columns; i++) directions[k * columns + i] = direction[i] * (largest < 0 ? -1 : 1);
  }
  const coordinates = new Float64Array(rows * kept);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < kept; k++) {
      let value = 0;
      for (let i = 0; i < columns; i++) value += data[row * columns + i] * directions[k * columns + i];
      coordinates[row * kept + k] = value;
    }
  }
  const shares = order
    .slice(0, kept)
    .map((k) => (trace === 0 ? 0 : Math.min(1, Math.max(0, realEigenvalues[k]))));
  return { coordinates, shares, directions };
}
