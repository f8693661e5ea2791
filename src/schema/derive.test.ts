import { expect, test } from "vitest";
import type { DerivedColumn, TimePart } from "./derived-column.ts";
import { createDeriver, derivation } from "./derive.ts";
import type { RawRow } from "./raw-value.ts";
import { tokensOf, words } from "./tokens.ts";

function derive(column: DerivedColumn, row: RawRow): unknown {
  return createDeriver([column])(row)[column.name];
}

test("crosses are canonical, unambiguous, and missing where a part is", () => {
  const cross: DerivedColumn = {
    kind: "cross",
    name: "x",
    inputs: [
      { column: "a", valueType: "int64" },
      { column: "b", valueType: "string" },
    ],
  };
  expect(derive(cross, { a: "3.0", b: "u" })).toBe("3|u");
  expect(derive(cross, { a: 3n, b: "u" })).toBe("3|u");
  expect(derive(cross, { a: "x|", b: "y" })).not.toBe(derive(cross, { a: "x", b: "|y" }));
  expect(derive(cross, { a: "x\\", b: "|y" })).not.toBe(derive(cross, { a: "x\\|", b: "y" }));
  expect(derive(cross, { a: 3, b: "" })).toBeUndefined();
  expect(derive(cross, { b: "u" })).toBeUndefined();
});

test("lookups map canonical values, with a fallback for the others", () => {
  const lookup: DerivedColumn = {
    kind: "lookup",
    name: "x",
    input: { column: "code", valueType: "int64" },
    table: [
      ["1", 0.5],
      ["2", 2],
    ],
    fallback: undefined,
  };
  expect([1, "1.0", 2n, 3, null, "__proto__"].map((code) => derive(lookup, { code }))).toEqual([
    0.5,
    0.5,
    2,
    undefined,
    undefined,
    undefined,
  ]);
  expect(derivation(lookup).type).toBe("number");
  expect(derive({ ...lookup, fallback: -1 }, { code: null })).toBe(-1);
});

test("ratios and expressions take numbers as cells have them", () => {
  const ratio: DerivedColumn = { kind: "ratio", name: "x", numerator: "a", denominator: "b" };
  expect(derive(ratio, { a: "6", b: 4n })).toBe(1.5);
  expect(derive(ratio, { a: 6, b: 0 })).toBeUndefined();
  expect(derive(ratio, { a: 6 })).toBeUndefined();
  expect(Object.is(derive(ratio, { a: 0, b: -1 }), 0), "never -0").toBe(true);
  const expression: DerivedColumn = { kind: "expression", name: "x", expression: "coalesce(a, 1) + b" };
  expect(derive(expression, { a: "none", b: true })).toBe(2);
});

test("parts of times, before 1970 and in other zones too", () => {
  const part = (kind: TimePart, column: string | number, offsetSeconds = 0): unknown =>
    derive({ kind: "time", name: "x", column: "t", part: kind, unit: "s", offsetSeconds }, { t: column });
  const saturday = "2024-12-28T23:59:59.5Z";
  const parts = ["minute", "hour", "weekday", "hour_of_week", "day", "day_of_year", "month", "year"] as const;
  expect(parts.map((kind) => part(kind, saturday))).toEqual([59, 23, 6, 143, 28, 363, 12, 2024]);
  expect(part("is_weekend", saturday)).toBe(1);
  expect(part("weekday", saturday, 3600)).toBe(7);
  expect(part("weekday", "2024-12-30", 0)).toBe(1);
  expect(part("hour", -1)).toBe(23);
  expect(part("year", -1)).toBe(1969);
  expect(part("day_of_year", "0099-03-01")).toBe(60);
  expect(part("hour", "2024-01-01", -19_800)).toBe(18);
  expect(part("hour", "never")).toBeUndefined();
});

test("words of many scripts", () => {
  expect(words("Don't stop — node.js, 3.14 or 1,000!")).toEqual([
    "Don't",
    "stop",
    "node.js",
    "3.14",
    "or",
    "1,000",
  ]);
  expect(words("snake_case a.b. 'quoted' x.")).toEqual(["snake_case", "a.b", "quoted", "x"]);
  expect(words("我爱cats и собаки")).toEqual(["我", "爱", "cats", "и", "собаки"]);
  expect(words("ひらカタカナ")).toEqual(["ひ", "ら", "カタカナ"]);
  expect(words("हिन्दी")).toEqual(["हिन्दी"]);
  expect(words(" \n…!?")).toEqual([]);
});

test("word and character n-grams", () => {
  expect(tokensOf("Red red CAR", { words: [1, 2], characters: undefined, lowerCase: true })).toEqual([
    "red",
    "red",
    "car",
    "red red",
    "red car",
  ]);
  expect(tokensOf("né", { words: undefined, characters: [3, 9], lowerCase: false })).toEqual([
    "#<né",
    "#né>",
    "#<né>",
  ]);
  // The ligature and the full-width letter are compatibility forms.
  expect(tokensOf("ﬁＡ", { words: [1, 1], characters: undefined, lowerCase: true })).toEqual(["fia"]);
  const tokens: DerivedColumn = {
    kind: "tokens",
    name: "x",
    column: "t",
    words: [1, 1],
    characters: undefined,
    lowerCase: true,
  };
  expect(derive(tokens, { t: 12 })).toEqual(["12"]);
  expect(derive(tokens, { t: "" })).toBeUndefined();
});

test("overlaps of lists as sets", () => {
  const overlap = (measure: "size" | "jaccard"): DerivedColumn => ({
    kind: "overlap",
    name: "x",
    lists: [
      { column: "a", separator: "," },
      { column: "b", separator: undefined },
    ],
    measure,
  });
  const row = { a: "1,2,2,3", b: [3, "2", 9, null] };
  expect(derive(overlap("size"), row)).toBe(2);
  expect(derive(overlap("jaccard"), row)).toBe(0.5);
  expect(derive(overlap("size"), { a: "7,8", b: 8 })).toBe(1);
  expect(derive(overlap("size"), {})).toBe(0);
  expect(derive(overlap("jaccard"), {})).toBeUndefined();
});

test("prefixes of a hierarchy", () => {
  const prefix = (depth: number): DerivedColumn => ({
    kind: "prefix",
    name: "x",
    column: "p",
    separator: "/",
    depth,
  });
  expect([1, 2, 9].map((depth) => derive(prefix(depth), { p: "a/b/c" }))).toEqual(["a", "a/b", "a/b/c"]);
  expect(derive(prefix(2), { p: null })).toBeUndefined();
});

test("later columns read earlier ones, and counts come with the row", () => {
  const row = createDeriver([
    { kind: "prefix", name: "top", column: "path", separator: "/", depth: 1 },
    { kind: "expression", name: "twice", expression: "2 * seen" },
    {
      kind: "count",
      name: "seen",
      by: [{ column: "top", valueType: "string" }],
      timestamp: "t",
      unit: "s",
      windowSeconds: undefined,
      delaySeconds: 0,
      sum: undefined,
    },
    {
      kind: "cross",
      name: "both",
      inputs: [
        { column: "top", valueType: "string" },
        { column: "seen", valueType: "float64" },
      ],
    },
  ])({ path: "x/y", seen: "4" });
  expect(row).toEqual({ path: "x/y", seen: 4, top: "x", twice: 8, both: "x|4" });
});
