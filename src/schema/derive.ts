/**
 * Computing derived columns: for each definition the columns it reads, what it gives, and the function
 * from the one to the other. The batch path calls the function from the database, the row encoder with
 * the fields of a row.
 */
import { type CanonicalForm, canonical } from "./canonical.ts";
import { tokenHasher, vectorHasher } from "./content-id.ts";
import type {
  CrossColumn,
  DerivedColumn,
  DerivedList,
  LookupColumn,
  OverlapColumn,
  PrefixColumn,
  SimilarityColumn,
  TextIdColumn,
  TimeColumn,
  VectorIdColumn,
} from "./derived-column.ts";
import { parseExpression } from "./expression.ts";
import { listEntries } from "./list-entries.ts";
import { parseInstant, parseNumber, parseTime, type RawRow, type RawValue } from "./raw-value.ts";
import { tokensOf } from "./tokens.ts";

/** What a derived column holds: one text, one number, or a list of texts a row. */
export type DerivedType = "text" | "number" | "texts";

/** A column that a derivation reads: one value, or what may be a list. */
export interface DerivedArgument {
  readonly column: string;
  readonly list: boolean;
}

export interface Derivation {
  readonly arguments: readonly DerivedArgument[];
  readonly type: DerivedType;
  /** From the raw values of the arguments; undefined: missing. */
  readonly compute: (values: readonly RawValue[]) => string | number | readonly string[] | undefined;
}

/** How a column is derived. @throws ConfigError for an expression that cannot be read */
export function derivation(derived: DerivedColumn): Derivation {
  switch (derived.kind) {
    case "cross":
      return cross(derived);
    case "lookup":
      return lookup(derived);
    case "expression":
      return expression(derived.expression);
    case "ratio":
      return {
        arguments: scalars([derived.numerator, derived.denominator]),
        type: "number",
        compute: ([numerator, denominator]) =>
          number((parseNumber(numerator) ?? Number.NaN) / (parseNumber(denominator) ?? Number.NaN)),
      };
    case "time":
      return {
        arguments: scalars([derived.column]),
        type: "number",
        compute: ([value]) => {
          const seconds = parseTime(value, derived.unit);
          return seconds === undefined ? undefined : timePart(seconds, derived);
        },
      };
    case "tokens":
      return {
        arguments: scalars([derived.column]),
        type: "texts",
        compute: ([value]) => {
          const text = textOf(value);
          return text === undefined ? undefined : tokensOf(text, derived);
        },
      };
    case "overlap":
      return overlap(derived);
    case "similarity":
      return similarity(derived);
    case "text_id":
      return textId(derived);
    case "vector_id":
      return vectorId(derived);
    case "prefix":
      return prefix(derived);
    case "count":
      return { arguments: scalars([derived.name]), type: "number", compute: ([value]) => parseNumber(value) };
  }
}

/** Adds derived columns to a row, in their order: later ones may read earlier ones. */
export type Deriver = (row: RawRow) => RawRow;

/** @throws ConfigError for an expression that cannot be read */
export function createDeriver(derived: readonly DerivedColumn[]): Deriver {
  const steps = derived.map((column) => ({ name: column.name, ...derivation(column) }));
  return (row) => {
    const made: { [column: string]: RawValue } = { ...row };
    for (const step of steps)
      made[step.name] = step.compute(step.arguments.map(({ column }) => made[column]));
    return made;
  };
}

function scalars(columns: readonly string[]): DerivedArgument[] {
  return columns.map((column) => ({ column, list: false }));
}

function number(x: number): number | undefined {
  return Number.isFinite(x) ? x + 0 : undefined;
}

const TEXT: CanonicalForm = { valueType: "string", trim: false };

function textOf(value: RawValue): string | undefined {
  return canonical(value, TEXT);
}

/** `a|b`, with a backslash before a bar or a backslash inside a value, so that no two crosses are one text. */
function cross({ inputs }: CrossColumn): Derivation {
  return {
    arguments: scalars(inputs.map(({ column }) => column)),
    type: "text",
    compute(values) {
      let text = "";
      for (let k = 0; k < inputs.length; k++) {
        const part = canonical(values[k], { valueType: inputs[k].valueType, trim: false });
        if (part === undefined) return undefined;
        const plain = /[\\|]/.test(part) ? part.replace(/[\\|]/g, "\\$&") : part;
        text = k === 0 ? plain : `${text}|${plain}`;
      }
      return text;
    },
  };
}

/** What a lookup compares: the canonical text or, where times are instants, the seconds of a value that is one. */
export function lookupKey(
  value: RawValue,
  { input, instants }: Pick<LookupColumn, "input" | "instants">,
): string | number | undefined {
  return (
    (instants ? parseInstant(value) : undefined) ??
    canonical(value, { valueType: input.valueType, trim: false })
  );
}

function lookup(column: LookupColumn): Derivation {
  const { input, table, fallback } = column;
  const known = new Map(table.map(([value, becomes]) => [lookupKey(value, column), becomes]));
  const [sample = fallback] = known.values();
  return {
    arguments: scalars([input.column]),
    type: typeof sample === "number" ? "number" : "text",
    compute([value]) {
      const key = lookupKey(value, column);
      return (key === undefined ? undefined : known.get(key)) ?? fallback;
    },
  };
}

function expression(text: string): Derivation {
  const { columns, evaluate } = parseExpression(text);
  const numbers = new Float64Array(columns.length);
  return {
    arguments: scalars(columns),
    type: "number",
    compute(values) {
      for (let k = 0; k < numbers.length; k++) numbers[k] = parseNumber(values[k]) ?? Number.NaN;
      return number(evaluate(numbers));
    },
  };
}

const DAY = 86_400;

function timePart(seconds: number, { part, offsetSeconds }: TimeColumn): number | undefined {
  const local = seconds + offsetSeconds;
  const days = Math.floor(local / DAY);
  const second = Math.floor(local - days * DAY);
  // 1970-01-01 was a Thursday; Monday is 1 and Sunday 7.
  const weekday = ((((days + 3) % 7) + 7) % 7) + 1;
  const date = new Date(days * DAY * 1e3);
  switch (part) {
    case "minute":
      return Math.floor(second / 60) % 60;
    case "hour":
      return Math.floor(second / 3600);
    case "weekday":
      return weekday;
    case "hour_of_week":
      return (weekday - 1) * 24 + Math.floor(second / 3600);
    case "is_weekend":
      return Number(weekday >= 6);
    case "day":
      return number(date.getUTCDate());
    case "day_of_year":
      return number(days - newYear(date.getUTCFullYear()) + 1);
    case "month":
      return number(date.getUTCMonth() + 1);
    case "year":
      return number(date.getUTCFullYear());
  }
}

/** Days from 1970 to the first of January. */
function newYear(year: number): number {
  const date = new Date(0);
  // The constructor would take the year 99 for 1999.
  date.setUTCFullYear(year, 0, 1);
  return date.getTime() / (DAY * 1e3);
}

function overlap({ lists, measure }: OverlapColumn): Derivation {
  return {
    arguments: lists.map(({ column }) => ({ column, list: true })),
    type: "number",
    compute([first, second]) {
      const [a, b] = [entrySet(first, lists[0]), entrySet(second, lists[1])];
      let shared = 0;
      for (const entry of a) if (b.has(entry)) shared++;
      // Of two empty lists no share can be told.
      return measure === "size" ? shared : number(shared / (a.size + b.size - shared));
    },
  };
}

function entrySet(value: RawValue, list: DerivedList): Set<string> {
  const entries = new Set<string>();
  for (const entry of listEntries(value, list)) {
    const text = textOf(entry);
    if (text !== undefined) entries.add(text);
  }
  return entries;
}

/** The numbers of a list as float32, or undefined where one is none or too large. */
function vectorOf(value: RawValue, list: DerivedList): number[] | undefined {
  const entries = listEntries(value, list);
  const vector: number[] = [];
  for (const entry of entries) {
    const x = Math.fround(parseNumber(entry) ?? Number.NaN);
    if (!Number.isFinite(x)) return undefined;
    vector.push(x);
  }
  return vector.length === 0 ? undefined : vector;
}

function similarity({ vectors, measure }: SimilarityColumn): Derivation {
  return {
    arguments: vectors.map(({ column }) => ({ column, list: true })),
    type: "number",
    compute([first, second]) {
      const [a, b] = [vectorOf(first, vectors[0]), vectorOf(second, vectors[1])];
      if (a === undefined || b === undefined || a.length !== b.length) return undefined;
      let [dot, aa, bb] = [0, 0, 0];
      for (let k = 0; k < a.length; k++) {
        dot += a[k] * b[k];
        aa += a[k] * a[k];
        bb += b[k] * b[k];
      }
      // Rounding may carry a cosine past 1; of a vector of zeros there is none.
      return number(measure === "inner" ? dot : Math.min(Math.max(dot / Math.sqrt(aa * bb), -1), 1));
    },
  };
}

function textId({ columns, bits, seed, ...how }: TextIdColumn): Derivation {
  const hash = tokenHasher(bits, seed);
  return {
    arguments: scalars(columns),
    type: "number",
    compute: (values) => hash(values.flatMap((value) => tokensOf(textOf(value) ?? "", how))),
  };
}

function vectorId({ vector: list, bits, seed }: VectorIdColumn): Derivation {
  const hash = vectorHasher(bits, seed);
  return {
    arguments: [{ column: list.column, list: true }],
    type: "number",
    compute([value]) {
      const vector = vectorOf(value, list);
      return vector === undefined ? undefined : hash(vector);
    },
  };
}

function prefix({ column, separator, depth }: PrefixColumn): Derivation {
  return {
    arguments: scalars([column]),
    type: "text",
    compute: ([value]) => textOf(value)?.split(separator, depth).join(separator),
  };
}
