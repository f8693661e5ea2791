/** Raw columns of categorical values: how each DuckDB type becomes one of the four key types. */
import { ConfigError } from "../core/index.ts";
import type { KeyType } from "./key-table.ts";

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
  if (duckdbType === "FLOAT") {
    return { type: "DOUBLE", sql: (x) => `(CAST(CAST(${x} AS VARCHAR) AS DOUBLE) + 0)` };
  }
  if (duckdbType === "DOUBLE" || duckdbType.startsWith("DECIMAL")) {
    return { type: "DOUBLE", sql: (x) => `(CAST(${x} AS DOUBLE) + 0)` };
  }
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
