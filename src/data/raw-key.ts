/**
 * Raw columns as SQL keys. A categorical column is brought into one of four key types; for nearly all
 * keys the canonical form is their own print, which SQL can tell, and only the others go through the
 * TypeScript code that defines it (`schema/canonical.ts`).
 */
import { ConfigError } from "../core/index.ts";
import type { CanonicalForm } from "../schema/index.ts";

export type KeyType = "VARCHAR" | "BIGINT" | "DOUBLE" | "BOOLEAN";

/** How a value of a DuckDB type becomes a key: the key's type, and SQL from an expression `x`. */
export interface KeyCast {
  readonly type: KeyType;
  readonly sql: (x: string) => string;
}

/** @throws ConfigError for types that hold no single value (structs, maps, nested lists, blobs) */
export function keyCast(duckdbType: string, column: string): KeyCast {
  if (/^(U?TINYINT|U?SMALLINT|U?INTEGER|BIGINT)$/.test(duckdbType)) {
    return { type: "BIGINT", sql: (x) => (duckdbType === "BIGINT" ? x : `CAST(${x} AS BIGINT)`) };
  }
  // The shortest text of a 32-bit float is what its reader sees; the double of its bits is not.
  if (duckdbType === "FLOAT") return { type: "DOUBLE", sql: (x) => `CAST(CAST(${x} AS VARCHAR) AS DOUBLE)` };
  if (duckdbType === "DOUBLE") return { type: "DOUBLE", sql: (x) => x };
  if (duckdbType.startsWith("DECIMAL")) return { type: "DOUBLE", sql: (x) => `CAST(${x} AS DOUBLE)` };
  if (duckdbType === "BOOLEAN") return { type: "BOOLEAN", sql: (x) => x };
  if (duckdbType === "VARCHAR") return { type: "VARCHAR", sql: (x) => x };
  if (/\]$|^(STRUCT|MAP|UNION|BLOB|BIT)/.test(duckdbType)) {
    throw new ConfigError(`column ${column} holds ${duckdbType}, expected one value a row`, {
      details: { column, expected: "text, numbers, truth values or times", received: duckdbType },
      hint: duckdbType.endsWith("]") ? "make it a bag, a sequence or a dense feature" : undefined,
    });
  }
  return { type: "VARCHAR", sql: (x) => `CAST(${x} AS VARCHAR)` };
}

const LARGEST_EXACT = "9007199254740991";

/** SQL condition that the canonical form of the non-null key `x` is not its own print. */
export function notOwnPrint(type: KeyType, x: string, { valueType, trim }: CanonicalForm): string {
  switch (type) {
    case "VARCHAR":
      switch (valueType) {
        case "string": {
          const outerSpace = `(ascii(${x}) <= 32 OR ascii(right(${x}, 1)) <= 32)`;
          return `(${x} = '' OR strlen(${x}) <> length(${x})${trim ? ` OR ${outerSpace}` : ""})`;
        }
        case "int64":
          return `NOT regexp_full_match(${x}, '0|-?[1-9][0-9]{0,17}')`;
        case "float64":
          return `NOT regexp_full_match(${x}, '0|-?[1-9][0-9]{0,14}')`;
        case "boolean":
          return `${x} NOT IN ('true', 'false')`;
      }
      break;
    case "BIGINT":
      if (valueType === "boolean") return "true";
      return valueType === "float64" ? `NOT (${x} BETWEEN -${LARGEST_EXACT} AND ${LARGEST_EXACT})` : "false";
    case "DOUBLE":
      return valueType === "boolean" ? "true" : `NOT (${x} = trunc(${x}) AND abs(${x}) <= ${LARGEST_EXACT})`;
    case "BOOLEAN":
      return valueType === "boolean" || valueType === "string" ? "false" : "true";
  }
}

/** SQL of the print of a key for which `notOwnPrint` is false. */
export function ownPrint(type: KeyType, x: string): string {
  switch (type) {
    case "VARCHAR":
      return x;
    case "DOUBLE":
      return `CAST(CAST(${x} AS BIGINT) AS VARCHAR)`;
    default:
      return `CAST(${x} AS VARCHAR)`;
  }
}

/** SQL of the key whose print is the text `x`, or NULL; the inverse of `ownPrint`. */
export function keyOfPrint(type: KeyType, x: string): string {
  if (type === "VARCHAR") return x;
  if (type === "BOOLEAN") return `CASE ${x} WHEN 'true' THEN true WHEN 'false' THEN false END`;
  const whole = `TRY_CAST(${x} AS BIGINT)`;
  const key = type === "DOUBLE" ? `CAST(${whole} AS DOUBLE)` : whole;
  return `CASE WHEN CAST(${whole} AS VARCHAR) = ${x} THEN ${key} END`;
}
