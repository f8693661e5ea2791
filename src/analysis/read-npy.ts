/** NumPy's `.npy`: a magic word, a header that is a Python dictionary, then the numbers row by row. */
import { DataError } from "../core/index.ts";
import type { DenseMatrix } from "../numerics/index.ts";
import { halfFloat } from "./half-float.ts";

const readers: { readonly [descr: string]: (view: DataView, at: number) => number } = {
  "<f2": (view, at) => halfFloat(view.getUint16(at, true)),
  "<f4": (view, at) => view.getFloat32(at, true),
  "<f8": (view, at) => view.getFloat64(at, true),
  "<i4": (view, at) => view.getInt32(at, true),
  "<i8": (view, at) => Number(view.getBigInt64(at, true)),
};

/**
 * A matrix of little-endian float16, float32, float64, int32 or int64.
 *
 * @param name of the file, for errors
 * @throws DataError for anything else
 */
export function readNpy(bytes: Uint8Array, name: string): DenseMatrix {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string, received: unknown): DataError =>
    new DataError(`${name}: ${what}`, {
      details: { file: name, received },
      hint: "save a matrix of float32 with numpy.save",
    });
  if (bytes.length < 12 || bytes[0] !== 0x93 || Buffer.from(bytes.subarray(1, 6)).toString() !== "NUMPY") {
    throw fail("not an .npy file", bytes.length);
  }
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? "";
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "";
  const dims = shape
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  const read = Object.hasOwn(readers, descr) ? readers[descr] : undefined;
  if (read === undefined)
    throw fail("expected numbers of type float16, float32, float64, int32 or int64", descr);
  if (dims.length !== 2) throw fail("expected a matrix of rows and columns", dims);
  const [rows, columns] = dims;
  const size = Number(descr.slice(2));
  if (bytes.length - start - length !== rows * columns * size) {
    throw fail("the file is shorter or longer than its header says", bytes.length);
  }
  const columnFirst = /'fortran_order':\s*True/.test(header);
  const data = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = columnFirst ? column * rows + row : row * columns + column;
      data[row * columns + column] = read(view, start + length + place * size);
    }
  }
  return { data, rows, columns };
}
