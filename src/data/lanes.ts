/**
 * Lanes: what is read of a raw source, each raw column once in each form that something needs. A lane is
 * a SQL expression over the source and a way to keep its values.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { NumericTransform, TimestampUnit } from "../schema/index.ts";
import { KeyTable, type KeyType, SHORT } from "./key-table.ts";
import { anyNumberSql, timeSql } from "./number-sql.ts";
import { type KeyCast, keyCast } from "./raw-key.ts";
import { lastEntries, rawList } from "./raw-list.ts";
import { requireColumn } from "./source-columns.ts";
import type { RawSource } from "./source-spec.ts";
import { queryRow, sqlName } from "./source-sql.ts";

/** How numbers are brought into shape while they are read; the transform without its fitted part. */
export type NumberShape = Pick<NumericTransform, "clip" | "log">;

/** Codes of a column's keys; of lists, the codes of all entries. */
export interface KeyLane {
  readonly kind: "key" | "keys";
  readonly column: string;
  readonly sql: string;
  /** SQL of a text's digest, for texts too long for a key. */
  readonly digestSql: string | undefined;
  readonly table: KeyTable;
}

/** Numbers: NaN where there is none, Infinity where the raw value is none that can be used. */
export interface NumberLane {
  readonly kind: "number" | "numbers";
  readonly column: string;
  readonly sql: string;
  readonly shape: NumberShape;
}

export type Lane = KeyLane | NumberLane;

const AS_IT_IS: NumberShape = { clip: undefined, log: false };

/** Collects the lanes that are needed of one source; each method returns a lane's index. */
export class LanePlan {
  readonly lanes: Lane[] = [];
  readonly #source: Pick<RawSource, "columns" | "files">;
  readonly #indices = new Map<string, number>();
  readonly #tables = new Map<string, KeyTable>();
  readonly #longTexts: ReadonlySet<string> | undefined;

  /** @param longTexts text columns whose texts are often too long for a key; absent: any may be */
  constructor(source: Pick<RawSource, "columns" | "files">, longTexts?: ReadonlySet<string>) {
    this.#source = source;
    this.#longTexts = longTexts;
  }

  has(column: string | undefined): column is string {
    return column !== undefined && this.#source.columns.some(({ name }) => name === column);
  }

  /**
   * @param user what needs the column, for the message
   * @throws ConfigError when the source has no such column
   */
  typeOf(column: string, user: string): string {
    return requireColumn(this.#source, column, user).type;
  }

  /** @param group lanes of one group and type share their codes */
  key(column: string, user: string, group?: string): number {
    const cast = keyCast(this.typeOf(column, user), column);
    const { type } = cast;
    const x = keySql(cast, sqlName(column));
    const digested = type === "VARCHAR" && (this.#longTexts?.has(column) ?? true);
    return this.#add(`key ${column} ${group}`, () => ({
      kind: "key",
      column,
      sql: x,
      digestSql: digested ? digest(x) : undefined,
      table: this.#table(type, column, group),
    }));
  }

  /** @param count entries that are kept, the last ones */
  keys(column: string, user: string, separator: string | undefined, count: number, group?: string): number {
    const list = rawList(sqlName(column), this.typeOf(column, user), column, separator);
    const cast = keyCast(list.elementType, column);
    const { type } = cast;
    const last = lastEntries(list.sql, count);
    const key = keySql(cast, "e");
    const sql = key === "e" ? last : `list_transform(${last}, e -> ${key})`;
    return this.#add(`keys ${column} ${separator} ${count} ${group}`, () => ({
      kind: "keys",
      column,
      sql,
      digestSql: type === "VARCHAR" ? `list_transform(${sql}, e -> ${digest("e")})` : undefined,
      table: this.#table(type, column, group),
    }));
  }

  number(column: string, user: string, shape: NumberShape = AS_IT_IS): number {
    const sql = anyNumberSql(sqlName(column), this.typeOf(column, user), column);
    return this.#add(`number ${column} ${JSON.stringify(shape)}`, () => ({
      kind: "number",
      column,
      sql,
      shape,
    }));
  }

  /** Seconds since 1970. */
  time(column: string, user: string, unit: TimestampUnit): number {
    const sql = timeSql(sqlName(column), this.typeOf(column, user), unit, column);
    return this.#add(`time ${column} ${unit}`, () => ({ kind: "number", column, sql, shape: AS_IT_IS }));
  }

  numbers(column: string, user: string, separator: string | undefined): number {
    const list = rawList(sqlName(column), this.typeOf(column, user), column, separator);
    const sql = `list_transform(${list.sql}, e -> ${anyNumberSql("e", list.elementType, column)})`;
    return this.#add(`numbers ${column} ${separator}`, () => ({
      kind: "numbers",
      column,
      sql,
      shape: AS_IT_IS,
    }));
  }

  times(
    column: string,
    user: string,
    separator: string | undefined,
    count: number,
    unit: TimestampUnit,
  ): number {
    const list = rawList(sqlName(column), this.typeOf(column, user), column, separator);
    const time = timeSql("e", list.elementType, unit, column);
    const sql = `list_transform(${lastEntries(list.sql, count)}, e -> ${time})`;
    return this.#add(`times ${column} ${separator} ${count} ${unit}`, () => ({
      kind: "numbers",
      column,
      sql,
      shape: AS_IT_IS,
    }));
  }

  #table(type: KeyType, column: string, group: string | undefined): KeyTable {
    if (group === undefined) return new KeyTable(type, column);
    const name = `${group} ${type}`;
    const table = this.#tables.get(name) ?? new KeyTable(type, column);
    this.#tables.set(name, table);
    return table;
  }

  #add(name: string, make: () => Lane): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    this.#indices.set(name, this.lanes.length);
    this.lanes.push(make());
    return this.lanes.length - 1;
  }
}

/** Rows at the start that tell whether texts are long. */
const LOOKED_AT = 4096;

/** Text columns with texts too long for a key among the first rows. */
export async function findLongTexts(
  connection: DuckDBConnection,
  { columns, sql }: Pick<RawSource, "columns" | "sql">,
): Promise<Set<string>> {
  const texts = columns.filter(({ type }) => type === "VARCHAR").map(({ name }) => name);
  if (texts.length === 0) return new Set();
  const longest = texts.map((name, k) => `max(strlen(${sqlName(name)})) AS l${k}`);
  const row = await queryRow(
    connection,
    `SELECT ${longest.join(", ")} FROM (SELECT ${texts.map(sqlName).join(", ")} FROM ${sql} LIMIT ${LOOKED_AT})`,
  );
  return new Set(texts.filter((_, k) => Number(row[`l${k}`] ?? 0) > SHORT));
}

/** A key of two or four words. */
function keySql({ type, sql }: KeyCast, x: string): string {
  return type === "BOOLEAN" ? `CAST(${sql(x)} AS BIGINT)` : sql(x);
}

/** 128 bits for texts whose bytes do not fit a key. */
function digest(x: string): string {
  return `CASE WHEN strlen(${x}) > ${SHORT} THEN md5_number(${x}) END`;
}
