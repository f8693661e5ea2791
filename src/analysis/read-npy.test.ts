import { expect, test } from "vitest";
import { readNpy } from "./read-npy.ts";

/** What numpy.save writes. */
function npy(
  descr: string,
  shape: string,
  data: Uint8Array,
  { fortran = false, version = 1 } = {},
): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${shape}, }`;
  const prefix = version === 1 ? 10 : 12;
  const header = `${text.padEnd(64 * Math.ceil((text.length + prefix + 1) / 64) - prefix - 1)}\n`;
  const bytes = new Uint8Array(prefix + header.length + data.length);
  bytes.set([0x93, ...Buffer.from("NUMPY"), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, header.length, true);
  else view.setUint32(8, header.length, true);
  bytes.set(Buffer.from(header), prefix);
  bytes.set(data, prefix + header.length);
  return bytes;
}

const bytesOf = (array: Float32Array | Float64Array | BigInt64Array): Uint8Array =>
  new Uint8Array(array.buffer);

test("matrices of every type, rows or columns first, both versions of the header", () => {
  const float = npy("<f4", "(2, 3)", bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6)));
  expect(readNpy(float, "a.npy")).toEqual({ rows: 2, columns: 3, data: Float64Array.of(1, 2, 3, 4, 5, 6) });
  const double = npy("<f8", "(3, 2)", bytesOf(Float64Array.of(1, 3, 5, 2, 4, 6)), {
    fortran: true,
    version: 2,
  });
  expect(readNpy(double, "a.npy")).toEqual({ rows: 3, columns: 2, data: Float64Array.of(1, 2, 3, 4, 5, 6) });
  const whole = npy("<i8", "(1, 2)", bytesOf(BigInt64Array.of(-7n, 8n)));
  expect(Array.from(readNpy(whole, "a.npy").data)).toEqual([-7, 8]);
});

test("float16: normal, subnormal, negative", () => {
  const bits = new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7bff).buffer);
  const data = Array.from(readNpy(npy("<f2", "(2, 2)", bits), "a.npy").data);
  expect(data).toEqual([1, -2.5, 2 ** -24, 65504]);
});

test("what is no such matrix is refused by name", () => {
  const data = bytesOf(Float32Array.of(1, 2));
  expect(() => readNpy(Uint8Array.of(1, 2, 3), "a.npy")).toThrow("a.npy: not an .npy file");
  expect(() => readNpy(npy("<f4", "(2,)", data), "a.npy")).toThrow("expected a matrix of rows and columns");
  expect(() => readNpy(npy("|O", "(1, 2)", data), "a.npy")).toThrow("expected numbers of type");
  expect(() => readNpy(npy("<f4", "(2, 2)", data), "a.npy")).toThrow("shorter or longer");
});
