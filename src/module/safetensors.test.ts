import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeSafetensors,
  decodeSafetensorsHeader,
  encodeSafetensors,
  type SafetensorsTensor,
  safetensorsHeader,
} from "./safetensors.ts";

interface Golden {
  readonly file: string;
  readonly tensors: { readonly [name: string]: { readonly shape: number[]; readonly values: string[] } };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/golden/weight_file.json", import.meta.url), "utf8"),
);
const reference = Uint8Array.from(Buffer.from(golden.file, "base64"));

/** A file from a header object and data bytes, valid or not. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}
const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("against the reference implementation", () => {
  test("reads its file exactly", () => {
    const { tensors, metadata } = decodeSafetensors(reference);
    expect(metadata).toEqual({ format: "millrace" });
    expect(Object.keys(tensors).toSorted()).toEqual(Object.keys(golden.tensors).toSorted());
    for (const [name, { shape, values }] of Object.entries(golden.tensors)) {
      expect(tensors[name].shape, name).toEqual(shape);
      expect([...tensors[name].data].map(String), name).toEqual(
        values.map((value) => (tensors[name].dtype === "I64" ? value : String(Number(value)))),
      );
    }
  });

  test("writes the same bytes", () => {
    const { tensors, metadata } = decodeSafetensors(reference);
    expect(encodeSafetensors(tensors, metadata)).toEqual(reference);
  });
});

test("a file whose data are not aligned gives its numbers, in a Node Buffer, too", () => {
  for (let pad = 0; pad < 8; pad++) {
    const json = JSON.stringify({ a: f32([2], 0, 8) }) + " ".repeat(pad);
    const file = fileOf(json, 8);
    const data = new DataView(file.buffer, file.length - 8);
    data.setFloat32(0, 1.5, true);
    data.setFloat32(4, -3, true);
    for (const bytes of [file, Buffer.from(file.buffer)]) {
      expect(Array.from(decodeSafetensors(bytes).tensors.a.data as Float32Array)).toEqual([1.5, -3]);
    }
  }
});

test("write then read is identity, bit for bit", () => {
  const tensor = fc.oneof(
    fc
      .array(fc.float())
      .map((v): SafetensorsTensor => ({ dtype: "F32", shape: [v.length], data: Float32Array.from(v) })),
    fc
      .array(fc.double())
      .map((v): SafetensorsTensor => ({ dtype: "F64", shape: [1, v.length], data: Float64Array.from(v) })),
    fc.uint8Array().map((data): SafetensorsTensor => ({ dtype: "U8", shape: [data.length, 1], data })),
    fc.integer().map((v): SafetensorsTensor => ({ dtype: "I32", shape: [], data: Int32Array.of(v) })),
    fc.bigInt64Array().map((data): SafetensorsTensor => ({ dtype: "I64", shape: [data.length], data })),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), tensor),
      fc.dictionary(fc.string(), fc.string()),
      (tensors, metadata) => {
        const decoded = decodeSafetensors(encodeSafetensors(tensors, metadata));
        expect(decoded.tensors).toEqual(tensors);
        expect(decoded.metadata).toEqual(metadata);
      },
    ),
  );
});

test("data are views into the file where aligned, copies where not", () => {
  const file = encodeSafetensors({ table: { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } });
  expect(decodeSafetensors(file).tensors.table.data.buffer).toBe(file.buffer);
  const shifted = new Uint8Array(file.length + 1).subarray(1);
  shifted.set(file);
  expect(decodeSafetensors(shifted).tensors.table.data).toEqual(Float32Array.of(1, 2));
});

test("a file can be written tensor by tensor, and its header read alone", () => {
  const layout = safetensorsHeader([
    { name: "b", dtype: "F32", shape: [1_000_000_000, 16] },
    { name: "a", dtype: "F32", shape: [2] },
  ]);
  expect(layout.tensors.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(layout.fileBytes).toBe(layout.header.length + 8 + 64e9);
  const read = decodeSafetensorsHeader(layout.header, { fileBytes: layout.fileBytes });
  expect(read.tensors).toEqual(layout.tensors);
});

describe("refuses, and says why", () => {
  test.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "w: truncated: 0 bytes"],
    ["a cut header", reference.subarray(0, 100), "w: truncated: the header ends at byte"],
    ["cut data", reference.subarray(0, reference.length - 1), "w: truncated: the tensors end at byte"],
    [
      "another format",
      new TextEncoder().encode("PK\u0003\u0004 something else"),
      "w: not a safetensors file",
    ],
    ["a header that is not JSON", fileOf("{not json", 0), "w: the header is not JSON"],
    ["a header that is not an object", fileOf([1], 0), "w: the header is not a JSON object"],
    ["bytes to spare", fileOf({ a: f32([1], 0, 4) }, 5), "w: bytes to spare"],
    ["overlap", fileOf({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), 'tensor "b" begins at byte'],
    ["a gap", fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "it leaves a gap before it"],
    [
      "wrong size",
      fileOf({ a: f32([3], 0, 4) }, 4),
      'w: tensor "a" is F32 [3], which takes 12 bytes; it has 4',
    ],
    [
      "unknown dtype",
      fileOf({ a: { dtype: "F8", shape: [], data_offsets: [0, 1] } }, 1),
      'has dtype "F8"; known',
    ],
    ["negative size", fileOf({ a: f32([-1], 0, 4) }, 4), "has shape [-1], not a list of sizes"],
    ["a shape beyond 2^53", fileOf({ a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4), "which is no size"],
    ["bad offsets", fileOf({ a: f32([1], 4, 0) }, 4), "has data_offsets [4,0]"],
    ["no description", fileOf({ a: 3 }, 0), 'tensor "a" has no description'],
    ["metadata of numbers", fileOf({ __metadata__: { a: 1 } }, 0), "__metadata__ must map names to strings"],
    [
      "a name that comes twice",
      fileOf(
        '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061" : {"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      'the name "a" comes twice',
    ],
  ])("%s", (_, file, message) => {
    expect(() => decodeSafetensors(file, { source: "w" })).toThrow(message);
  });

  test("data that do not fit their dtype or shape", () => {
    const data = Float32Array.of(1, 2);
    expect(() => encodeSafetensors({ a: { dtype: "F32", shape: [3], data } })).toThrow(
      "it has 8 in a Float32Array",
    );
    expect(() => encodeSafetensors({ a: { dtype: "I32", shape: [2], data } })).toThrow(
      "takes 8 bytes in a Int32Array",
    );
    expect(() => encodeSafetensors({ __metadata__: { dtype: "F32", shape: [2], data } })).toThrow(
      "is reserved",
    );
  });

  test("every truncation of a good file", () => {
    for (let length = 0; length < reference.length; length++) {
      expect(() => decodeSafetensors(reference.slice(0, length))).toThrow("truncated");
    }
  });
});
