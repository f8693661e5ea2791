import { expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { KeyTable, NO_KEY } from "./key-table.ts";

/** Texts as DuckDB lays them out: length, then twelve bytes, or (here) four and nothing of the rest. */
function textWords(texts: readonly string[]): Int32Array {
  const words = new Int32Array(texts.length * 4);
  const bytes = new Uint8Array(words.buffer);
  texts.forEach((text, row) => {
    const utf8 = new TextEncoder().encode(text);
    words[4 * row] = utf8.length;
    bytes.set(utf8.subarray(0, utf8.length > 12 ? 4 : 12), 16 * row + 4);
  });
  return words;
}

function encode(table: KeyTable, texts: readonly string[], digests?: Int32Array): number[] {
  const codes = new Int32Array(texts.length);
  const keys = {
    words: textWords(texts),
    valid: null,
    digests: digests === undefined ? undefined : () => digests,
    textAt: (row: number) => texts[row],
  };
  table.encode(keys, texts.length, codes, 0);
  return [...codes];
}

test("codes count up from 0 in the order of first appearance, over any growth", () => {
  const table = new KeyTable("VARCHAR", "c");
  const random = new CounterRandom(1, "keys");
  const texts = Array.from({ length: 20_000 }, (_, k) => `t${random.integer(k, 5000)}é`);
  const first = [...new Set(texts)];
  const expected = new Map(first.map((text, code) => [text, code]));
  for (let at = 0; at < texts.length; at += 2048) {
    const part = texts.slice(at, at + 2048);
    expect(encode(table, part)).toEqual(part.map((text) => expected.get(text)));
  }
  expect(table.size).toBe(first.length);
  expect(first.map((_, code) => table.raw(code))).toEqual(first);
});

test("long texts are told apart by their digests, and without digests by their text", () => {
  const texts = ["same beginning, a", "same beginning, b", "short", "same beginning, a", "", "twelve bytes"];
  for (const digested of [true, false]) {
    const table = new KeyTable("VARCHAR", "c");
    const digests = Int32Array.from(texts.flatMap((text) => [0, 0, text.charCodeAt(text.length - 1), 1]));
    expect(encode(table, texts, digested ? digests : undefined)).toEqual([0, 1, 2, 0, 3, 4]);
    expect([0, 1, 2, 3, 4].map((code) => table.raw(code))).toEqual([
      "same beginning, a",
      "same beginning, b",
      "short",
      "",
      "twelve bytes",
    ]);
    // Growth must keep both kinds.
    encode(
      table,
      Array.from({ length: 2000 }, (_, k) => `x${k}`),
    );
    expect(encode(table, texts.slice(0, 3), digested ? digests : undefined)).toEqual([0, 1, 2]);
  }
});

test("numbers keep all their bits; rows without a value have no code", () => {
  const integers = [0n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 7n, 0n];
  const table = new KeyTable("BIGINT", "c");
  const words = new Int32Array(BigInt64Array.from(integers).buffer);
  const codes = new Int32Array(integers.length);
  const keys = { words, valid: Uint32Array.of(0b1011111), digests: undefined, textAt: () => "" };
  table.encode(keys, integers.length, codes, 0);
  expect([...codes]).toEqual([0, 1, 2, 3, 4, NO_KEY, 0]);
  expect([0, 1, 2, 3, 4].map((code) => table.raw(code))).toEqual([
    0,
    -1,
    2n ** 53n + 1n,
    -(2n ** 63n),
    2n ** 63n - 1n,
  ]);
  const doubles = Float64Array.of(0.1, 5e-324, 0.1, -1e300);
  const real = new KeyTable("DOUBLE", "c");
  const realCodes = new Int32Array(4);
  real.encode(
    { words: new Int32Array(doubles.buffer), valid: null, digests: undefined, textAt: () => "" },
    4,
    realCodes,
    0,
  );
  expect([...realCodes]).toEqual([0, 1, 0, 2]);
  expect([0, 1, 2].map((code) => real.raw(code))).toEqual([0.1, 5e-324, -1e300]);
});
