/**
 * What type a text column of keys has, told from its distinct values by the rules of
 * `source-column-type.ts`: the narrowest type that every value has in its plain form, else string.
 */
import type { ValueType } from "../schema/index.ts";
import type { KeyTable } from "./key-table.ts";

const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/;
const FLOAT = /^[+-]?(nan|inf|infinity|((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?)$/i;
/** Sixteen digits and more without a point are an identifier; a double would merge neighbours. */
const LONG_DIGITS = /^[+-]?[0-9]{16,}$/;
const TRUTH = /^(true|false)$/i;

const RULES: readonly (readonly [ValueType, (text: string) => boolean])[] = [
  ["boolean", (text) => TRUTH.test(text)],
  [
    "int64",
    (text) => INTEGER.test(text) && (text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text)),
  ],
  ["float64", (text) => FLOAT.test(text) && !LONG_DIGITS.test(text)],
];

/** The type of a table of texts; a table without any is one of strings. */
export function textType(table: KeyTable): ValueType {
  let left = RULES;
  for (let code = 0; code < table.size && left.length > 0; code++) {
    const text = table.raw(code) as string;
    left = left.filter(([, fits]) => fits(text));
  }
  return table.size === 0 || left.length === 0 ? "string" : left[0][0];
}
