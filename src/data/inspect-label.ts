/**
 * Which column is the label, and how its values become 0 and 1 or a number. Given by the user as a column
 * or a comparison (`delay > 15`, `rating >= 4`, `status == sold`), else chosen by name.
 */
import { ConfigError, nearestName } from "../core/index.ts";
import type { ColumnProfile } from "./inspect-profile.ts";

export interface LabelChoice {
  readonly name: string;
  readonly column: string;
  readonly threshold: number | undefined;
  readonly positive: readonly (string | number | boolean)[] | undefined;
  readonly kind: "binary" | "real";
  /** Why this column and this rule, one sentence. */
  readonly reason: string;
}

/** Names that label columns have, most telling first. */
const LABEL_NAMES = [
  "click",
  "label",
  "clicked",
  "is_click",
  "is_clicked",
  "clk",
  "y",
  "target",
  "converted",
  "conversion",
  "is_conversion",
  "purchase",
  "purchased",
  "is_purchase",
  "buy",
  "install",
  "is_installed",
  "action",
  "response",
  "outcome",
  "rating",
  "ratings",
  "stars",
  "score",
  "book-rating",
];
const RATING = /rating|stars|score/i;
const POSITIVE_TEXT =
  /^\s*(1|yes|y|true|t|positive|pos|click(ed)?|buy|bought|sold|spam|attack|win|won|>.*|.*\+\.?)\s*$/i;

/**
 * The label of a file, or undefined when none can be told.
 *
 * @param wanted column or comparison from the user
 * @param named whether the file gives its columns names
 * @throws ConfigError for an unknown column, a comparison that cannot be kept, a column that is no label
 */
export function chooseLabel(
  columns: readonly ColumnProfile[],
  wanted: string | undefined,
  { named }: { named: boolean },
): LabelChoice | undefined {
  if (wanted !== undefined) return wantedLabel(columns, wanted);
  const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  for (const name of LABEL_NAMES) {
    const column = byName.get(name);
    const choice = column === undefined ? undefined : labelOf(column, `the label by its name`);
    if (choice !== undefined) return choice;
  }
  if (named) return undefined;
  // Without names, the label usually stands first or last and has two values.
  for (const column of [columns[0], columns.at(-1)]) {
    if (column === undefined || column.distinct !== 2) continue;
    const where = column === columns[0] ? "first" : "last";
    return labelOf(column, `the ${where} column, with two values, of a file without names`);
  }
  return undefined;
}

/** Columns with two values: what could be named as the label. */
export function labelCandidates(columns: readonly ColumnProfile[]): string[] {
  return columns
    .filter((column) => column.distinct === 2 && column.list === undefined)
    .map(({ name }) => name);
}

function wantedLabel(columns: readonly ColumnProfile[], wanted: string): LabelChoice {
  const exact = columns.find(({ name }) => name === wanted);
  if (exact !== undefined) {
    const choice = labelOf(exact, "named as the label");
    if (choice !== undefined) return choice;
    throw new ConfigError(
      `label ${wanted}: its ${exact.distinct} different values are neither numbers nor two texts`,
      {
        details: {
          column: wanted,
          expected: "numbers or two values",
          received: exact.top.map(({ value }) => value),
        },
        hint: `name the positive one, such as --label "${wanted} == ${exact.top[0]?.value ?? "value"}"`,
      },
    );
  }
  const [, left, operator, right] = /^\s*(.+?)\s*(>=|<=|==|!=|>|<|=)\s*(.+?)\s*$/.exec(wanted) ?? [];
  const columnName = left ?? wanted;
  const column = columns.find(({ name }) => name === columnName);
  if (column === undefined) {
    const names = columns.map(({ name }) => name);
    const near = nearestName(columnName, names);
    throw new ConfigError(`label: there is no column ${columnName}`, {
      details: { column: columnName, expected: names },
      hint: near === undefined ? `columns are ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return compared(column, operator, right.replace(/^(['"])(.*)\1$/, "$2"), wanted);
}

/** A comparison as a threshold (1 above it) or a positive value. */
function compared(column: ColumnProfile, operator: string, right: string, wanted: string): LabelChoice {
  const reason = `1 where ${wanted.trim()}, else 0`;
  const base = { column: column.name, kind: "binary", reason } as const;
  const slug = right.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "");
  if (operator === "=" || operator === "==") {
    const positive = column.numbers === undefined ? right : Number(right);
    if (column.numbers !== undefined && Number.isNaN(positive)) {
      throw new ConfigError(`label ${wanted}: ${column.name} holds numbers, ${right} is none`, {
        details: { column: column.name, expected: "a number", received: right },
      });
    }
    return { ...base, name: `${column.name}_is_${slug}`, threshold: undefined, positive: [positive] };
  }
  const bound = Number(right);
  const { numbers } = column;
  if (numbers === undefined || Number.isNaN(bound)) {
    throw new ConfigError(`label ${wanted}: ${operator} compares numbers`, {
      details: { column: column.name, expected: "numbers on both sides", received: wanted },
      hint: `for one value write --label "${column.name} == value"`,
    });
  }
  if (operator === ">") {
    return { ...base, name: `${column.name}_over_${slug}`, threshold: bound, positive: undefined };
  }
  if (operator === ">=" && numbers.whole) {
    // Whole numbers: at least n is above n - 1/2, whatever the number's type.
    const name = `${column.name}_from_${slug}`;
    return { ...base, name, threshold: Math.ceil(bound) - 0.5, positive: undefined };
  }
  throw new ConfigError(`label ${wanted}: ${operator} cannot be kept in a config`, {
    details: { column: column.name, expected: "> or ==", received: operator },
    hint: "a label is 1 above a threshold (column > number) or for named values (column == value)",
  });
}

/** The label that a column makes as it stands; undefined when its values make none. */
function labelOf(column: ColumnProfile, why: string): LabelChoice | undefined {
  const { name, distinct, numbers } = column;
  const base = { name, column: name, threshold: undefined, positive: undefined } as const;
  if (column.list !== undefined && column.valueType === "list") return undefined;
  if (column.valueType === "boolean") {
    return { ...base, kind: "binary", positive: [true], reason: `${why}; true is 1` };
  }
  if (numbers !== undefined) {
    const { min, max } = numbers;
    if (distinct <= 2 && (min === 0 || min === 1) && max <= 1) {
      return { ...base, kind: "binary", reason: `${why}; its values are 0 and 1` };
    }
    if (distinct === 2) {
      return { ...base, kind: "binary", threshold: min, reason: `${why}; ${max} is 1, ${min} is 0` };
    }
    if (RATING.test(name) && distinct <= 20 && max <= 10) {
      const from = max <= 5 ? 4 : 8;
      return {
        name: `${name}_from_${from}`,
        column: name,
        threshold: from - 0.5,
        positive: undefined,
        kind: "binary",
        reason: `${why}; ratings of ${from} and more (of ${max}) are 1. For the rating itself write kind: real and no threshold`,
      };
    }
    if (distinct < 2) return undefined;
    return {
      ...base,
      kind: "real",
      reason: `${why}; ${distinct} different numbers, so it is predicted as a number (0/1: name it as "${name} > number")`,
    };
  }
  if (column.valueType === "string" && distinct === 2 && column.top.length >= 2) {
    const told = column.top.filter(({ value }) => POSITIVE_TEXT.test(value));
    const positive = told.length === 1 ? told[0] : column.top[1];
    const rule = told.length === 1 ? "by its text" : "the rarer value";
    return {
      ...base,
      kind: "binary",
      positive: [positive.value],
      reason: `${why}; ${JSON.stringify(positive.value)} is 1 (${rule}: ${positive.count} rows)`,
    };
  }
  return undefined;
}

/** SQL of the label as 0, 1 or null. */
export function labelSql(
  label: LabelChoice,
  x: string,
  literal: (value: string | number | boolean) => string,
): string {
  if (label.positive !== undefined) {
    const values = label.positive.map(literal).join(", ");
    return `CASE WHEN ${x} IS NULL THEN NULL WHEN ${x} IN (${values}) THEN 1 ELSE 0 END`;
  }
  const threshold = label.threshold ?? 0.5;
  return `CASE WHEN ${x} IS NULL OR NOT isfinite(CAST(${x} AS DOUBLE)) THEN NULL WHEN CAST(${x} AS DOUBLE) > ${threshold} THEN 1 ELSE 0 END`;
}
