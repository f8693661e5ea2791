/**
 * The Gram matrix `EᵀE` of a tall matrix: one pass over the rows, `columns²` numbers in memory however
 * many rows there are. Sums are float64.
 */
import { ShapeError } from "../core/index.ts";

/** Row-major matrix. */
export interface DenseMatrix {
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/**
 * `[columns, columns]`, symmetric, row-major.
 *
 * @throws ShapeError when `data` does not hold rows x columns numbers
 */
export function gramMatrix({ data, rows, columns }: DenseMatrix): Float64Array {
  if (data.length !== rows * columns) {
    throw new ShapeError("gramMatrix: data must hold rows x columns numbers", {
      rows,
      columns,
      length: data.length,
    });
  }
  const gram = new Float64Array(columns * columns);
  for (let start = 0; start < data.length; start += columns) {
    for (let i = 0; i < columns; i++) {
      const value = data[start + i];
      const target = i * columns;
      for (let j = 0; j <= i; j++) gram[target + j] += value * data[start + j];
    }
  }
  for (let i = 0; i < columns; i++) for (let j = 0; j < i; j++) gram[j * columns + i] = gram[i * columns + j];
  return gram;
}
