/**
 * The row encoder in Chromium gives the bytes that it gives in Node, for values chosen to differ between
 * careless implementations: number formats, Unicode forms, white space, huge integers, lists of all kinds.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import {
  type Feature,
  type FeatureMap,
  type IdEncoder,
  type NumeralFeature,
  numeralShape,
  type RawRow,
  type RawValue,
  createRowEncoder,
} from "../../src/schema/index.ts";
import { bundleForBrowser } from "./bundle.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { LocalServer } from "./local-server.ts";

const hashed = (valueType: IdEncoder["valueType"], trim = false): IdEncoder => ({
  valueType,
  trim,
  // Many buckets: two texts that differ at all get different ids almost surely.
  vocabulary: { type: "hash", buckets: 1_000_000, seed: 7 },
  size: 1_000_003,
});

/** The digits of a derived number of 32 bits. */
const digits = (column: string): NumeralFeature => ({
  name: column,
  kind: "numeral",
  column,
  scale: { kind: "integer", lowest: 0, largest: 2 ** 32 - 1 },
  bases: [2, 3],
  combine: "sum",
  ...numeralShape([2, 3], 2 ** 32 - 1),
});
const list = (column: string) => ({ column, separator: ";" });
const csv = (column: string) => ({ column, separator: "," });
const category = (column: string): Feature => ({
  name: `${column}_id`,
  kind: "categorical",
  column,
  encoder: "text",
});
const number = (column: string): Feature => ({
  name: column,
  kind: "numeric",
  column,
  transform: { clip: undefined, log: false, mean: 0, scale: 1, fill: -7 },
});
const tokens = (column: string): Feature => ({
  name: column,
  kind: "bag",
  column,
  encoder: "text",
  separator: undefined,
  maxLength: 24,
  pooling: "mean",
});

const map: FeatureMap = {
  version: 1,
  derived: [
    {
      name: "text_id",
      kind: "text_id",
      columns: ["value"],
      words: [1, 1],
      characters: [2, 3],
      lowerCase: true,
      bits: 32,
      seed: 7,
    },
    { name: "vector_id", kind: "vector_id", vector: list("vector"), bits: 32, seed: 1 },
    { name: "alike", kind: "similarity", vectors: [list("vector"), list("other")], measure: "cosine" },
    {
      name: "looked_up",
      kind: "lookup",
      input: { column: "value", valueType: "string" },
      table: [
        ["é", "accent"],
        ["1", "one"],
        ["true", "yes"],
        ["0.1", "tenth"],
        ["한글", "hangul"],
      ],
      fallback: "other",
    },
    {
      name: "rank",
      kind: "lookup",
      input: { column: "value", valueType: "float64" },
      table: [
        ["1", 0.1],
        ["1000", -3],
        ["0.1", 1 / 3],
      ],
      fallback: undefined,
    },
    { name: "share", kind: "ratio", numerator: "value", denominator: "amount" },
    {
      name: "sum",
      kind: "expression",
      expression: "if(amount > 0, sqrt(abs(value)) + amount % 0.7, -amount)",
    },
    { name: "logs", kind: "expression", expression: "floor(log1p(abs(coalesce(value, share, 7))) * 1000)" },
    {
      name: "words",
      kind: "tokens",
      column: "value",
      words: [1, 2],
      characters: [2, 3],
      lowerCase: true,
    },
    {
      name: "as_written",
      kind: "tokens",
      column: "value",
      words: [1, 1],
      characters: undefined,
      lowerCase: false,
    },
    { name: "shared", kind: "overlap", lists: [csv("value"), csv("liked")], measure: "size" },
    { name: "jaccard", kind: "overlap", lists: [csv("value"), csv("liked")], measure: "jaccard" },
    { name: "top", kind: "prefix", column: "path", separator: "/", depth: 2 },
    { name: "weekday", kind: "time", column: "time", part: "weekday", unit: "ms", offsetSeconds: 19_800 },
    {
      name: "crossed",
      kind: "cross",
      inputs: [
        { column: "value", valueType: "string" },
        { column: "amount", valueType: "float64" },
        { column: "top", valueType: "string" },
      ],
    },
  ],
  features: [
    digits("text_id"),
    digits("vector_id"),
    {
      ...digits("alike"),
      scale: { kind: "linear", lowest: -1, highest: 1, largest: 2 ** 32 - 1 },
    },
    { ...digits("value"), name: "value_cut", scale: { kind: "cuts", cuts: [-1.5, 0, 0.1, 3], largest: 4 } },
    { name: "text", kind: "categorical", column: "value", encoder: "text" },
    { name: "trimmed", kind: "categorical", column: "value", encoder: "trimmed" },
    { name: "integer", kind: "categorical", column: "value", encoder: "integer" },
    { name: "float", kind: "categorical", column: "value", encoder: "float" },
    { name: "flag", kind: "categorical", column: "value", encoder: "flag" },
    { name: "listed", kind: "categorical", column: "value", encoder: "listed" },
    {
      name: "number",
      kind: "numeric",
      column: "value",
      transform: { clip: [-1e6, 1e6], log: true, mean: 0.3, scale: 1.7, fill: -0.25 },
    },
    { name: "bucket", kind: "bucket", column: "value", boundaries: [-1.5, 0, 0.1, 3, 1e9], size: 9 },
    {
      name: "bag",
      kind: "bag",
      column: "value",
      encoder: "text",
      separator: ",",
      maxLength: 4,
      pooling: "mean",
    },
    {
      name: "history",
      kind: "sequence",
      column: "value",
      encoder: "text",
      separator: " ",
      maxLength: 3,
      target: undefined,
      alignedWith: undefined,
      timesColumn: "times",
    },
    { name: "vector", kind: "dense", column: "vector", dim: 2, separator: ";" },
    category("looked_up"),
    number("rank"),
    number("share"),
    number("sum"),
    // A text of every bit of a number: two that differ at all get different ids.
    category("share"),
    category("sum"),
    category("logs"),
    tokens("words"),
    tokens("as_written"),
    number("shared"),
    number("jaccard"),
    category("top"),
    category("weekday"),
    category("crossed"),
  ],
  encoders: {
    text: hashed("string"),
    trimmed: hashed("string", true),
    integer: hashed("int64"),
    float: hashed("float64"),
    flag: hashed("boolean"),
    listed: {
      valueType: "string",
      trim: true,
      vocabulary: { type: "list", values: ["1", "1.0", "é", "é", "true", "null", "0", " "], minCount: 1 },
      size: 11,
    },
  },
  labels: [],
  weight: undefined,
  group: undefined,
  domain: undefined,
  timestamp: "time",
  timestampUnit: "ms",
};

const scalars: RawValue[] = [
  ...[
    null,
    "",
    " ",
    "\t1 ",
    "\u00a01",
    "1",
    "1.0",
    "01",
    "+1",
    "-0",
    "0",
    "-0.0",
    "1e0",
    "1E3",
    "1_000",
    ".5",
    "5.",
    "0x10",
  ],
  ...["NaN", "Infinity", "-inf", "null", "true", "TRUE", "false", "t", "yes"],
  ...["9007199254740993", "-9223372036854775808", "9223372036854775808", "123456789012345678901234567890"],
  ...[
    "é",
    "e\u0301",
    "Å",
    "\u212b",
    "ﬁ",
    "한글",
    "\u1112\u1161\u11ab",
    "ß",
    "İ",
    "🦀",
    "👩‍🚀",
    "\ud800",
    "\ufeff1",
    "\u200b",
  ],
  ...[
    "a,b,c",
    "a,,b,",
    "x y z",
    " x  y ",
    "1,2;3",
    "2024-02-29T12:00:00Z",
    "2024-02-30",
    "1e400",
    "4.9e-324",
  ],
  ...[
    0,
    -0,
    1,
    -1.5,
    0.1,
    0.1 + 0.2,
    1 / 3,
    1e21,
    1e-7,
    123456789.123,
    2 ** 53 + 2,
    5e-324,
    1.7976931348623157e308,
  ],
  ...[16777217, 3.4028236e38, true, false],
  ...[
    [],
    ["a"],
    ["a", null, "b", ""],
    [1, 1.5, "1"],
    ["one", "two", "three", "four", "five"],
    [true, 0, "é", "e\u0301"],
  ],
];

/** The odd values, then texts drawn from an alphabet of troublesome characters. */
function oddRows(): RawRow[] {
  const random = new CounterRandom(11);
  const alphabet = [..."01.+-eE ,xé\u0301\u00a0🦀"];
  const drawn = Array.from({ length: 400 }, (_, row) =>
    Array.from({ length: 1 + random.integer(32 * row, 8) }, (_, k) => {
      return alphabet[random.integer(32 * row + 1 + k, alphabet.length)];
    }).join(""),
  );
  const vectors: RawValue[] = [null, "1;2", [0.1, 0.2], "1;", "x;y", [1e39, -1e-46]];
  const times: RawValue[] = [null, [1e12, 2e12], "2024-01-01 1700000000000", [1, null, 3, 4]];
  const liked: RawValue[] = [null, "a,é,1", ["b", 1, true], "c", "0.1,e\u0301"];
  const paths: RawValue[] = [null, "x/y/z", "x//é", "/", "한글/e\u0301/b", 7.5, "x"];
  const amounts: RawValue[] = [null, 0, 0.1, "3", -2.5, 1e21, "x", true];
  const nows: RawValue[] = [1.7e12, "1700000000000", "2024-02-29T12:00:00.123Z", "yesterday", null];
  return [...scalars, ...drawn].map((value, row) => ({
    value,
    vector: vectors[row % vectors.length],
    other: row % 7 === 0 ? null : [0.3, 1e-3],
    times: times[row % times.length],
    time: nows[row % nows.length],
    liked: liked[row % liked.length],
    path: paths[row % paths.length],
    amount: amounts[row % amounts.length],
  }));
}

/** Runs in both places: columns as the hexadecimal digits of their bytes, and what was counted. */
const encodeSource = `
export function encodeAll(createRowEncoder, map, rows) {
  const encoder = createRowEncoder(map, { roles: true });
  const { columns } = encoder.encode(rows);
  const hex = ({ buffer }) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { columns: Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, hex(data)])), counts: encoder.counts };
}
`;

let browser: Browser | undefined;
let server: LocalServer;

beforeAll(async () => {
  server = await LocalServer.start();
  if (noChromium === undefined) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server.close();
});
beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

test("the row encoder gives the same bytes in Chromium as in Node", async () => {
  const rows = oddRows();
  const { encodeAll } = await import(`data:text/javascript,${encodeURIComponent(encodeSource)}`);
  const here = encodeAll(createRowEncoder, map, rows);
  server.add(
    "/encode.js",
    await bundleForBrowser(`export { createRowEncoder } from "../../src/schema/index.ts"; ${encodeSource}`),
  );
  const page = await (browser as Browser).newPage();
  await page.goto(server.address);
  const script = `import("/encode.js").then((m) => m.encodeAll(m.createRowEncoder, ${JSON.stringify(map)}, ${JSON.stringify(rows)}))`;
  expect(await page.evaluate(script)).toEqual(
    encodeAll(createRowEncoder, map, JSON.parse(JSON.stringify(rows))),
  );
  // Each derived column has something to compare: more than one value over the rows.
  for (const { name } of map.derived ?? []) {
    const made = map.features.find(({ column }) => column === name) as Feature;
    const digits = here.columns[made.name];
    expect(digits, name).not.toBe(digits.slice(0, 8).repeat(digits.length / 8));
  }
  // JSON has no -0, and nothing else is lost on the way to the page.
  expect(here.columns.text.length).toBe(8 * rows.length);
});
