/** Raw list columns in SQL: arrays, or text cut at a separator, by the rules of `listEntries`. */
import { ConfigError } from "../core/index.ts";
import type { TimestampUnit } from "../schema/index.ts";
import { timeSql } from "./number-sql.ts";
import { type KeyCast, keyCast } from "./raw-key.ts";
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

/** A list of keys; NULL entries stay. */
export function keyList(list: RawList, column: string): { readonly sql: string; readonly cast: KeyCast } {
  const cast = keyCast(list.elementType, column);
  const plain = cast.sql("e") === "e";
  return { sql: plain ? list.sql : `list_transform(${list.sql}, e -> ${cast.sql("e")})`, cast };
}

/**
 * Seconds from each of the last entries to the row's time, as FLOAT[]; as many as there are ids, aligned
 * at the end, 0 where either time is unknown.
 */
export function ageList(
  ids: string,
  times: RawList,
  now: string,
  maxLength: number,
  unit: TimestampUnit,
  column: string,
): string {
  const count = `least(len(${ids}), ${maxLength})`;
  const age = `CAST(coalesce(__now - ${timeSql("e", times.elementType, unit, column)}, 0) AS FLOAT)`;
  const ages = `list_transform(${lastEntries("__times", maxLength)}, e -> ${age})`;
  const zeros = `list_transform(range(${count}), e -> CAST(0 AS FLOAT))`;
  const aligned = `list_slice(list_concat(${zeros}, ${ages}), -(${count}), -1)`;
  const shown = `CASE WHEN ${count} = 0 THEN CAST([] AS FLOAT[]) ELSE ${aligned} END`;
  return shown.replaceAll("__times", times.sql).replaceAll("__now", `(${now})`);
}
