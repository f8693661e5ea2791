/**
 * The canonical form of a categorical value: one string for everything that means the same value.
 * Training and serving both come here, so that `3`, `3.0`, `"3"` and `3n` of an integer column are one
 * id, and so are the composed and the decomposed form of `é`.
 */
import type { ValueType } from "./feature-map.ts";
import { NUMBER_PATTERN, type RawValue } from "./raw-value.ts";

/** A byte order mark, which many readers (the database's client among them) take off the beginning of a text. */
const BYTE_ORDER_MARK = "\ufeff";
const DIGITS = /^[+-]?[0-9]+$/;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;
const TRUE_WORDS: ReadonlySet<string> = new Set(["true", "t", "yes", "y", "1"]);
const FALSE_WORDS: ReadonlySet<string> = new Set(["false", "f", "no", "n", "0"]);
const NUMBER = new RegExp(`^${NUMBER_PATTERN}$`);

/** What canonicalisation needs to know of an encoder. */
export interface CanonicalForm {
  readonly valueType: ValueType;
  readonly trim: boolean;
}

/**
 * The canonical string of a raw value, or undefined where the value is missing: null, undefined, the
 * empty text, NaN and the infinities.
 *
 * - Integers print without point, other numbers as JavaScript prints them (shortest text that reads
 *   back as the same double); `-0` is `0`.
 * - Text is NFC, without a byte order mark before it, and trimmed only when the encoder says so. Text in an `int64` or `float64` column is
 *   read as a number where it is one; integers keep all their digits.
 * - Truth values are `true` and `false`; in a `boolean` column also 1, 0 and the usual texts.
 */
export function canonical(value: RawValue, { valueType, trim }: CanonicalForm): string | undefined {
  switch (typeof value) {
    case "string": {
      const bare = value.startsWith(BYTE_ORDER_MARK) ? value.replace(/^\ufeff+/, "") : value;
      const text = (trim ? bare.trim() : bare).normalize("NFC");
      if (text === "") return undefined;
      if (valueType === "string") return text;
      return valueType === "boolean" ? canonicalTruth(text) : canonicalNumberText(text, valueType);
    }
    case "number":
      return valueType === "boolean" ? canonicalTruth(String(value)) : canonicalNumber(value, valueType);
    case "bigint":
      return valueType === "boolean" ? canonicalTruth(String(value)) : canonicalInteger(value, valueType);
    case "boolean":
      return valueType === "int64" || valueType === "float64" ? String(Number(value)) : String(value);
    default:
      return value instanceof Date && !Number.isNaN(value.getTime()) ? canonicalDate(value) : undefined;
  }
}

/** Whether a canonical string is other text in a column of numbers, which no vocabulary takes up. */
export function isForeignText(text: string, { valueType }: CanonicalForm): boolean {
  return (valueType === "int64" || valueType === "float64") && !NUMBER.test(text);
}

/** Text of a numeric column; what is no number stays text, and will be out of vocabulary. */
function canonicalNumberText(text: string, valueType: ValueType): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (DIGITS.test(trimmed)) return canonicalInteger(BigInt(trimmed.replace(/^\+/, "")), valueType);
  if (NUMBER.test(trimmed)) return canonicalNumber(Number(trimmed), valueType);
  return NOT_FINITE.test(trimmed) ? undefined : text;
}

function canonicalNumber(value: number, valueType: ValueType): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const beyondExact = Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return beyondExact && valueType === "int64" ? String(BigInt(value)) : String(value === 0 ? 0 : value);
}

function canonicalInteger(value: bigint, valueType: ValueType): string | undefined {
  return valueType === "float64" ? canonicalNumber(Number(value), valueType) : String(value);
}

function canonicalTruth(text: string): string | undefined {
  const word = text.trim().toLowerCase();
  if (word === "" || NOT_FINITE.test(word)) return undefined;
  if (TRUE_WORDS.has(word)) return "true";
  return FALSE_WORDS.has(word) ? "false" : text;
}

/** As the database prints a timestamp: `2001-01-01 00:01:00`, with a fraction only where there is one. */
function canonicalDate(date: Date): string {
  return date
    .toISOString()
    .replace("T", " ")
    .replace(/\.000Z$|Z$/, "")
    .replace(/(\.\d*?)0+$/, "$1");
}
