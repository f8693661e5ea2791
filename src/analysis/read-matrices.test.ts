import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readMatrices } from "./read-matrices.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-matrices-"));
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function safetensors(values: readonly number[], shape: readonly number[]): Uint8Array {
  const data = Float32Array.from(values);
  const head = JSON.stringify({ ids: { dtype: "F32", shape, data_offsets: [0, data.byteLength] } });
  const bytes = new Uint8Array(8 + head.length + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(Buffer.from(head), 8);
  bytes.set(new Uint8Array(data.buffer), 8 + head.length);
  return bytes;
}

test("a number that is none is told by matrix, row and column", async () => {
  const good = put("good.safetensors", safetensors([1, 2, 3, 4, 5, 6], [3, 2]));
  expect(await readMatrices(good)).toMatchObject([{ name: "ids", rows: 3, columns: 2 }]);
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const bad = put("bad.safetensors", safetensors([1, 2, 3, value, 5, 6], [3, 2]));
    await expect(readMatrices(bad)).rejects.toThrow(`bad.safetensors, ids: row 2, column 2 is ${value}`);
  }
});

test("a table needs columns value and vector, and numbers of float32", async () => {
  const other = put("other.csv", "id,v\na,0.1 0.2\n");
  await expect(readMatrices(other)).rejects.toMatchObject({
    message: expect.stringContaining('has no column "value"'),
    hint: expect.stringContaining("vector (a list of numbers)"),
  });
  const huge = put("huge.csv", "value,vector\na,0.1 0.2\nb,1e39 0.2\n");
  await expect(readMatrices(huge)).rejects.toThrow("row 2 has no vector of numbers");
});
