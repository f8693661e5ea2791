/** Derived columns in a config: what a user writes, before types, units and tables are known. */
import { z } from "zod";
import { ConfigError } from "../core/index.ts";
import { parseExpression } from "../schema/index.ts";
import { configError } from "./config-error.ts";
import { files } from "./source-config.ts";

const name = z.string().min(1).describe("the new column's name");
const column = z.string().min(1);
const grams = z.tuple([z.int().min(1).max(10), z.int().min(1).max(10)]);
const constant = z.union([z.string(), z.number()]);
const duration = z.union([
  z.number().min(0),
  z.string().regex(/^\d+(\.\d+)?(s|m|h|d|w)$/, "expected seconds, or a number with s, m, h, d or w"),
]);

const bits = z.int().min(1).max(32).default(16).describe("number of planes, one bit each");
const planeSeed = z.int().min(0).max(0xffffffff).default(0).describe("another seed draws other planes");

export const derivedSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({
      name,
      kind: z.literal("cross").describe("the values of several columns as one, missing where one of them is"),
      columns: z.array(column).min(2).describe("the columns"),
    }),
    z.strictObject({
      name,
      kind: z.literal("lookup").describe("what a table says of a value"),
      column: column.describe("the column whose values are looked up"),
      values: z
        .record(z.string(), constant)
        .optional()
        .describe("the table in place: `value: text or number`, all of one sort"),
      file: files.optional().describe("or the table as a file or a query"),
      key: z.string().optional().describe("the file's column of values; default: `column`"),
      value: z.string().optional().describe("the file's column of what they become; default: `name`"),
      default: constant.optional().describe("for values that the table does not have; default: missing"),
    }),
    z.strictObject({
      name,
      kind: z.literal("expression").describe("arithmetic over columns"),
      expression: z.string().max(2000).describe("such as (clicks + 1) / (views + 20)"),
    }),
    z.strictObject({
      name,
      kind: z.literal("ratio").describe("one column divided by another, missing where that is 0"),
      numerator: column.describe("the column above"),
      denominator: column.describe("the column below"),
    }),
    z.strictObject({
      name,
      kind: z.literal("time").describe("a part of a time, as a number"),
      column: z.string().optional().describe("the time's column; default: `timestamp`"),
      part: z
        .enum([
          "minute",
          "hour",
          "weekday",
          "hour_of_week",
          "day",
          "day_of_year",
          "month",
          "year",
          "is_weekend",
        ])
        .describe("which part; weekday: 1 Monday to 7 Sunday, day: of the month"),
      unit: z
        .enum(["s", "ms", "us"])
        .optional()
        .describe("unit of numeric times; default: told from the size of the training data's largest"),
      offset: z
        .string()
        .regex(/^(Z|[+-]\d\d:\d\d)$/, "expected Z or an offset such as +02:00")
        .default("Z")
        .describe("distance of the local clock from UTC, such as +02:00"),
    }),
    z.strictObject({
      name,
      kind: z.literal("tokens").describe("the words of a text, as a list for a bag"),
      column: column.describe("the text's column"),
      words: grams
        .optional()
        .describe("shortest and longest word n-gram; default: [1, 1] without `characters`"),
      characters: grams.optional().describe("shortest and longest character n-gram of the words"),
      lowerCase: z.boolean().default(true).describe("whether letter case is levelled"),
    }),
    z.strictObject({
      name,
      kind: z
        .literal("overlap")
        .describe("how much two lists have in common, as sets; one value is a list of one"),
      columns: z.tuple([column, column]).describe("the two columns"),
      separator: z.string().min(1).optional().describe("what stands between entries of lists in text"),
      measure: z
        .enum(["size", "jaccard"])
        .default("size")
        .describe("size: the number of shared values; jaccard: their share of all values of both"),
    }),
    z.strictObject({
      name,
      kind: z
        .literal("similarity")
        .describe(
          "how alike two vectors are that one model made elsewhere, such as of a user and of an item",
        ),
      columns: z.tuple([column, column]).describe("the columns of vectors"),
      separator: z.string().min(1).optional().describe("what stands between numbers of vectors in text"),
      measure: z
        .enum(["cosine", "inner"])
        .default("cosine")
        .describe("cosine, or the inner product: what the vectors were trained with"),
    }),
    z.strictObject({
      name,
      kind: z
        .literal("text_id")
        .describe(
          "a whole number whose bits are alike for texts alike: which side of random planes they lie on",
        ),
      columns: z.union([column, z.array(column).min(1)]).describe("the texts' columns, taken together"),
      words: grams
        .optional()
        .describe("shortest and longest word n-gram; default: [1, 1] without `characters`"),
      characters: grams.optional().describe("shortest and longest character n-gram of the words"),
      lowerCase: z.boolean().default(true).describe("whether letter case is levelled"),
      bits,
      seed: planeSeed,
    }),
    z.strictObject({
      name,
      kind: z.literal("vector_id").describe("the same of a vector"),
      column: column.describe("the vector's column"),
      separator: z.string().min(1).optional().describe("what stands between numbers of vectors in text"),
      bits,
      seed: planeSeed,
    }),
    z.strictObject({
      name,
      kind: z.literal("prefix").describe("the first levels of a hierarchy such as sports/ball/tennis"),
      column: column.describe("the path's column"),
      separator: z.string().min(1).default("/").describe("what stands between levels"),
      depth: z.int().min(1).default(1).describe("levels kept"),
    }),
    z.strictObject({
      name,
      kind: z
        .literal("count")
        .describe(
          "rows with the same key in a window strictly before the row's `timestamp`; served rows bring it along",
        ),
      by: z.union([column, z.array(column).min(1)]).describe("the key's columns"),
      window: duration.optional().describe("how far back, such as 7d; default: everything before"),
      delay: duration
        .default(0)
        .describe("how long a row stays unknown, such as 1h for labels that come late"),
      sum: z.string().optional().describe("a number column to add up, instead of counting rows"),
    }),
  ])
  .describe("a column made from others");

export type DerivedConfig = z.output<typeof derivedSchema>;
export type DerivedConfigInput = z.input<typeof derivedSchema>;

/** Checks definitions by themselves and fills in defaults. @throws ConfigError */
export function parseDerived(
  input: readonly DerivedConfigInput[],
  timestamp: string | undefined,
): DerivedConfig[] {
  const schema = z.object({ derived: z.array(derivedSchema) });
  const result = schema.safeParse({ derived: input });
  if (!result.success) throw configError(schema, result.error, { derived: input });
  checkDerived(result.data.derived, { timestamp, keep: [] });
  return result.data.derived;
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** Seconds of `90`, `30m`, `12h`, `7d`. */
export function durationSeconds(value: number | string): number {
  if (typeof value === "number") return value;
  return Number(value.slice(0, -1)) * SECONDS[value.at(-1) as keyof typeof SECONDS];
}

/** Seconds of `+02:00`. */
export function offsetSeconds(offset: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Columns that a definition reads. @throws ConfigError for an expression that cannot be read */
export function derivedInputs(derived: DerivedConfig, timestamp: string | undefined): string[] {
  switch (derived.kind) {
    case "cross":
    case "overlap":
    case "similarity":
      return [...derived.columns];
    case "text_id":
      return [derived.columns].flat();
    case "lookup":
    case "tokens":
    case "prefix":
    case "vector_id":
      return [derived.column];
    case "expression":
      return [...parseExpression(derived.expression).columns];
    case "ratio":
      return [derived.numerator, derived.denominator];
    case "time":
      return [timeColumn(derived, timestamp)];
    case "count":
      return [
        ...[derived.by].flat(),
        timeColumn(derived, timestamp),
        ...(derived.sum === undefined ? [] : [derived.sum]),
      ];
  }
}

/** @throws ConfigError when neither the definition nor the config names a time */
export function timeColumn(
  derived: Extract<DerivedConfig, { kind: "time" | "count" }>,
  timestamp: string | undefined,
): string {
  const column = derived.kind === "time" ? (derived.column ?? timestamp) : timestamp;
  if (column !== undefined) return column;
  throw new ConfigError(`config derived: ${derived.name} needs a time, and the config has no timestamp`, {
    details: { key: "timestamp" },
    hint:
      derived.kind === "time"
        ? "set its column, or timestamp"
        : "set timestamp to the column of the rows' times",
  });
}

/** Raw columns that definitions read, with the definition that reads them. */
export function rawInputs(
  derived: readonly DerivedConfig[],
  timestamp: string | undefined,
): { readonly column: string; readonly user: string }[] {
  const made = new Set<string>();
  return derived.flatMap((each) => {
    const inputs = derivedInputs(each, timestamp).filter((input) => !made.has(input));
    made.add(each.name);
    return inputs.map((input) => ({ column: input, user: `derived ${each.name}` }));
  });
}

/** Mistakes that need no data. @throws ConfigError */
export function checkDerived(
  derived: readonly DerivedConfig[],
  { timestamp, keep }: { readonly timestamp: string | undefined; readonly keep: readonly string[] },
): void {
  const names = derived.map((each) => each.name);
  for (const [k, each] of derived.entries()) {
    const fail = (message: string, hint?: string): never => {
      throw new ConfigError(`config derived: ${message}`, {
        details: { key: `derived[${k}]`, received: each.name },
        hint,
      });
    };
    if (names.indexOf(each.name) !== k || each.name.startsWith("@")) {
      fail(`the name ${each.name} ${each.name.startsWith("@") ? "starts with @" : "stands twice"}`);
    }
    // A kept column is carried along under its own name, and models see nothing of it.
    if (keep.includes(each.name)) fail(`${each.name} is also in data.keep`);
    for (const input of derivedInputs(each, timestamp)) {
      if (names.indexOf(input) < k) continue;
      fail(
        `${each.name} reads ${input}, which is ${input === each.name ? "itself" : "derived after it"}`,
        "definitions are computed in their order; name the new column otherwise than what it reads",
      );
    }
    checkOne(each, fail);
  }
}

function checkOne(each: DerivedConfig, fail: (message: string, hint?: string) => never): void {
  if (each.kind === "lookup") {
    if ((each.values === undefined) === (each.file === undefined)) {
      fail(`${each.name} needs a table, either values or file`);
    }
    const constants = [...Object.values(each.values ?? {}), each.default].filter((x) => x !== undefined);
    if (constants.some((x) => typeof x !== typeof constants[0])) {
      fail(
        `${each.name} gives numbers for some values and texts for others`,
        "write all of them as one sort",
      );
    }
  }
  if (each.kind === "tokens" || each.kind === "text_id") {
    for (const range of [each.words, each.characters]) {
      if (range !== undefined && range[0] > range[1]) {
        fail(`${each.name}: the shortest n-gram (${range[0]}) is longer than the longest (${range[1]})`);
      }
    }
  }
  if (each.kind === "count" && each.window !== undefined) {
    const [window, delay] = [durationSeconds(each.window), durationSeconds(each.delay)];
    if (window <= delay) fail(`${each.name}: the window of ${window} s ends before the delay of ${delay} s`);
  }
}
