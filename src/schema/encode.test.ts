import { expect, test } from "vitest";
import { canonical } from "./canonical.ts";
import { createRowEncoder } from "./encode.ts";
import { encodeId } from "./encode-id.ts";
import { bucketId, transformNumber } from "./encode-number.ts";
import type { FeatureMap, IdEncoder, ValueType } from "./feature-map.ts";
import { murmur32 } from "./hash.ts";
import { parseNumber, parseTime, type RawValue } from "./raw-value.ts";

const form = (valueType: ValueType, trim = false): { valueType: ValueType; trim: boolean } => ({
  valueType,
  trim,
});

test("canonical forms", () => {
  const cases: [RawValue, ValueType, string | undefined][] = [
    [3, "int64", "3"],
    ["3.0", "int64", "3"],
    [" 3 ", "int64", "3"],
    ["+03", "int64", "3"],
    [3n, "int64", "3"],
    [-0, "float64", "0"],
    ["-0.0", "float64", "0"],
    [0.1, "float64", "0.1"],
    ["0.10", "float64", "0.1"],
    [1e21, "float64", "1e+21"],
    [1e21, "int64", "1000000000000000000000"],
    ["9007199254740993", "int64", "9007199254740993"],
    ["9007199254740993", "float64", "9007199254740992"],
    [9007199254740993n, "string", "9007199254740993"],
    ["abc", "int64", "abc"],
    ["007", "string", "007"],
    ["e\u0301", "string", "\u00e9"],
    [" a", "string", " a"],
    ["", "string", undefined],
    [null, "string", undefined],
    [undefined, "int64", undefined],
    [Number.NaN, "float64", undefined],
    ["-inf", "float64", undefined],
    ["nan", "string", "nan"],
    [true, "boolean", "true"],
    ["T", "boolean", "true"],
    [0, "boolean", "false"],
    [true, "int64", "1"],
    [true, "string", "true"],
    [new Date(Date.UTC(2001, 0, 1, 0, 1)), "string", "2001-01-01 00:01:00"],
    [new Date(Date.UTC(2001, 0, 1, 0, 1, 0, 250)), "string", "2001-01-01 00:01:00.25"],
  ];
  for (const [value, type, expected] of cases) {
    expect(canonical(value, form(type)), `${String(value)} as ${type}`).toBe(expected);
  }
  expect(canonical("\u00a0a\n", form("string", true))).toBe("a");
  expect(canonical("  ", form("string", true))).toBeUndefined();
});

test("the hash is MurmurHash3 x86_32 over UTF-8", () => {
  // Published test vectors.
  expect(murmur32("", 0)).toBe(0);
  expect(murmur32("", 1)).toBe(0x514e28b7);
  expect(murmur32("a", 0x9747b28c)).toBe(0x7fa09ea6);
  expect(murmur32("aa", 0x9747b28c)).toBe(0x5d211726);
  expect(murmur32("aaa", 0x9747b28c)).toBe(0x283e0130);
  expect(murmur32("aaaa", 0x9747b28c)).toBe(0x5a97808a);
  expect(murmur32("Hello, world!", 0x9747b28c)).toBe(0x24884cba);
  expect(murmur32("ππππππππ", 0x9747b28c)).toBe(0xd58063c1);
});

const list: IdEncoder = {
  ...form("int64"),
  vocabulary: { type: "list", values: ["5", "7"], minCount: 1 },
  size: 5,
};

test("ids: missing, unknown, known and hashed", () => {
  expect([null, "", Number.NaN, 6, "x", 5, "7.0", 7n].map((value) => encodeId(value, list))).toEqual([
    1, 1, 1, 2, 2, 3, 4, 4,
  ]);
  const hashed: IdEncoder = { ...list, vocabulary: { type: "hash", buckets: 10, seed: 0 }, size: 13 };
  expect(encodeId(5, hashed)).toBe(3 + (murmur32("5", 0) % 10));
  expect(encodeId(null, hashed)).toBe(1);
});

test("numbers, buckets and times", () => {
  expect(
    ["12", " 1e3 ", ".5", "5.", "", "1_000", "0x10", "inf", true, null, -0].map((v) => parseNumber(v)),
  ).toEqual([12, 1000, 0.5, 5, undefined, undefined, undefined, undefined, 1, undefined, 0]);
  const transform = { clip: [0, 99] as const, log: true, mean: 1, scale: 2, fill: 0 };
  expect(transformNumber(1000, transform)).toBe(Math.fround((Math.log(100) - 1) * 2));
  expect(transformNumber(-5, { ...transform, clip: undefined })).toBe(Math.fround((-Math.log(6) - 1) * 2));
  const boundaries = [1, 2, 4];
  expect([0, 1, 1.5, 2, 5, undefined].map((x) => bucketId(x, { boundaries }))).toEqual([3, 4, 4, 5, 6, 1]);
  expect(parseTime(1500, "ms")).toBe(1.5);
  expect(parseTime("2001-01-01 00:01:00", "ms")).toBe(978307260);
  expect(parseTime("2001-01-01T02:01:00.5+02:00", "s")).toBe(978307260.5);
  expect(parseTime("2001-02-30", "s")).toBeUndefined();
  expect(parseTime("978307260", "s")).toBe(978307260);
});

const map: FeatureMap = {
  version: 1,
  features: [
    { kind: "categorical", name: "item", column: "item", encoder: "item" },
    {
      kind: "sequence",
      name: "history",
      column: "past",
      encoder: "item",
      separator: " ",
      maxLength: 3,
      target: "item",
      alignedWith: undefined,
      timesColumn: undefined,
    },
    {
      kind: "bag",
      name: "tags",
      column: "past",
      encoder: "item",
      separator: " ",
      maxLength: 3,
      pooling: "mean",
    },
    { kind: "dense", name: "vector", column: "vector", dim: 2, separator: undefined },
  ],
  encoders: { item: list },
  labels: [{ name: "click", column: "click", threshold: undefined, positive: undefined, kind: "binary" }],
  weight: undefined,
  group: undefined,
  domain: undefined,
  timestamp: undefined,
  timestampUnit: undefined,
};

test("rows become a batch; lists keep their last entries, bags leave out what is missing", () => {
  const encoder = createRowEncoder(map);
  expect(encoder.layout.map(({ name }) => name)).toEqual([
    "item",
    "history",
    "history.length",
    "tags",
    "tags.length",
    "vector",
    "vector.missing",
  ]);
  const batch = encoder.encode([
    { item: 5, past: "9 5  7", vector: [1, 2] },
    { item: "nope", past: [7], vector: null },
    {},
  ]);
  expect(batch).toEqual({
    size: 3,
    columns: {
      item: Int32Array.of(3, 2, 1),
      history: Int32Array.of(3, 1, 4, 4, 0, 0, 0, 0, 0),
      "history.length": Int32Array.of(3, 1, 0),
      tags: Int32Array.of(3, 4, 0, 4, 0, 0, 0, 0, 0),
      "tags.length": Int32Array.of(2, 1, 0),
      vector: Float32Array.of(1, 2, 0, 0, 0, 0),
      "vector.missing": Float32Array.of(0, 1, 1),
    },
  });
  expect(encoder.counts).toEqual({
    item: { outOfVocabulary: 1, missing: 1 },
    history: { outOfVocabulary: 0, missing: 1 },
    tags: { outOfVocabulary: 0, missing: 1 },
    vector: { outOfVocabulary: 0, missing: 2 },
  });
});

test("an empty batch is a batch, and labels are checked", () => {
  const encoder = createRowEncoder(map, { labels: true });
  expect(encoder.encode([]).size).toBe(0);
  expect(() => encoder.encode([{ click: 1 }, { click: "maybe" }])).toThrow(
    'row 2, column click: the label is "maybe", expected 0 or 1',
  );
  expect(() => encoder.encode([{ vector: [1] }])).toThrow(
    "row 1, column vector: a vector of 1 numbers, expected 2",
  );
});
