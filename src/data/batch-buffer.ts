/** The memory of a batch: all its columns in one buffer, so that a batch changes threads as a whole. */
import type { BatchLayout, ColumnData, EncodedBatch } from "../schema/index.ts";

/** Columns start on cache lines. */
const ALIGN = 64;

export interface BatchShape {
  readonly layout: BatchLayout;
  readonly size: number;
}

/** A zeroed buffer that holds the columns of `size` rows. */
export function allocateBatch({ layout, size }: BatchShape): ArrayBuffer {
  let bytes = 0;
  for (const { dtype, width } of layout)
    bytes = aligned(bytes) + size * width * (dtype === "float64" ? 8 : 4);
  return new ArrayBuffer(aligned(bytes));
}

/** The batch that a buffer of `allocateBatch` holds. */
export function viewBatch(buffer: ArrayBuffer, { layout, size }: BatchShape): EncodedBatch {
  const columns: Record<string, ColumnData> = {};
  let at = 0;
  for (const { name, dtype, width } of layout) {
    at = aligned(at);
    const length = size * width;
    switch (dtype) {
      case "int32":
        columns[name] = new Int32Array(buffer, at, length);
        break;
      case "float32":
        columns[name] = new Float32Array(buffer, at, length);
        break;
      case "float64":
        columns[name] = new Float64Array(buffer, at, length);
    }
    at += columns[name].byteLength;
  }
  return { size, columns };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN) * ALIGN;
}
