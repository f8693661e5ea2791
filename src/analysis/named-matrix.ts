/** A matrix with the name it is shown under: an embedding table of a run or of a file. */
import type { DenseMatrix } from "../numerics/index.ts";

export interface NamedMatrix extends DenseMatrix {
  readonly name: string;
}

/** The rows that `keep` names, in its order. */
export function takeRows({ name, columns, data }: NamedMatrix, keep: readonly number[]): NamedMatrix {
  const taken = new Float64Array(keep.length * columns);
  for (const [at, row] of keep.entries())
    taken.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  return { name, rows: keep.length, columns, data: taken };
}

/** Matrices of as many rows each, side by side. */
export function sideBySide(name: string, parts: readonly NamedMatrix[]): NamedMatrix {
  const { rows } = parts[0];
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const data = new Float64Array(rows * columns);
  let start = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      data.set(part.data.subarray(row * part.columns, (row + 1) * part.columns), row * columns + start);
    }
    start += part.columns;
  }
  return { name, rows, columns, data };
}
