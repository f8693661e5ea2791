import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/data/raw-files.ts";
import { Spool } from "./spool.ts";

test("blocks come back the same from memory and from the file", () => {
  const path = join(testFolder("spool"), "blocks");
  const spool = new Spool(path, 100);
  const blocks = [0, 1, 2].map((k) => [
    { values: Int32Array.of(k, k + 1, -k), lengths: undefined },
    {
      values: Float64Array.of(k / 3, Number.NaN, Number.POSITIVE_INFINITY, -0),
      lengths: Int32Array.of(1, 0, 3),
    },
    { values: new Float64Array(0), lengths: Int32Array.of(0, 0, 0) },
  ]);
  for (const block of blocks) spool.add(3, block);
  // The first block fits in 100 bytes, the others do not.
  expect(existsSync(path)).toBe(true);
  expect(spool.blocks).toBe(3);
  for (const [k, block] of blocks.entries()) {
    expect(spool.rowsOf(k)).toBe(3);
    for (const [column, expected] of block.entries()) {
      expect(spool.read(k, column)).toEqual(expected);
      expect(spool.entriesOf(k, column)).toBe(expected.values.length);
    }
  }
  spool.close();
});
