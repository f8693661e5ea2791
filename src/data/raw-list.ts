/** Raw list columns in SQL: arrays, or text cut at a separator, by the rules of `listEntries`. */
import { ConfigError } from "../core/index.ts";
import { sqlText } from "./source-sql.ts";

export interface RawList {
  /** SQL of the list, never NULL; entries have `elementType`. */
  readonly sql: string;
  readonly elementType: string;
}

/** @throws ConfigError for text without a separator, which nothing could cut */
export function rawList(
  x: string,
  duckdbType: string,
  column: string,
  separator: string | undefined,
): RawList {
  if (duckdbType.endsWith("[]")) {
    return { sql: `coalesce(${x}, [])`, elementType: duckdbType.slice(0, -2) };
  }
  if (duckdbType !== "VARCHAR") {
    return { sql: `CASE WHEN ${x} IS NULL THEN [] ELSE [${x}] END`, elementType: duckdbType };
  }
  if (separator === undefined) {
    throw new ConfigError(`column ${column} holds text, expected lists`, {
      details: { column, expected: "arrays, or text with a separator", received: duckdbType },
      hint: "set the feature's separator to what stands between the entries",
    });
  }
  const split = `string_split(${x}, ${sqlText(separator)})`;
  return { sql: `CASE WHEN ${x} IS NULL OR ${x} = '' THEN [] ELSE ${split} END`, elementType: "VARCHAR" };
}

/** A list's last entries. */
export function lastEntries(list: string, count: number): string {
  return `list_slice(${list}, -${count}, -1)`;
}
