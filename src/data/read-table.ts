/** A whole file as columns of raw values in memory: feature tables for serving, small side files. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawScalar, RawValue } from "../schema/index.ts";
import { openSession } from "./session.ts";
import { openSource } from "./source.ts";
import type { SourceSpec } from "./source-spec.ts";
import { sqlName } from "./source-sql.ts";

export interface RawTable {
  readonly rows: number;
  /** By column name, one value a row. */
  readonly columns: { readonly [column: string]: readonly RawValue[] };
}

const SCALAR = /^(VARCHAR|BOOLEAN|U?(TINY|SMALL|HUGE|BIG)?INT|INTEGER|UINTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const TIME = /^(DATE|TIME|TIMESTAMP.*)$/;

/**
 * Reads every row of a source. Values are what the row encoder takes: integers beyond 2^53 stay bigint,
 * dates and times are their ISO text (to the microsecond, which a Date would lose), structures are JSON text.
 * Columns of bytes are left out.
 *
 * @throws DataError for data that is not a well-formed table
 */
export async function readTable(spec: SourceSpec): Promise<RawTable> {
  const session = await openSession(join(tmpdir(), `millrace-table-${randomUUID().slice(0, 8)}`));
  try {
    const source = await openSource(session.connection, spec);
    const selected = source.columns.flatMap(({ name, type }) => {
      const element = type.replace(/\[\d*\]$/, "");
      if (TIME.test(type)) return [`CAST(${sqlName(name)} AS VARCHAR) AS ${sqlName(name)}`];
      if (TIME.test(element)) return [`CAST(${sqlName(name)} AS VARCHAR[]) AS ${sqlName(name)}`];
      return SCALAR.test(element) ? [sqlName(name)] : [];
    });
    const reader = await session.connection.runAndReadAll(
      `SELECT ${selected.length === 0 ? "1" : selected.join(", ")} FROM ${source.sql}`,
    );
    const columns: { [column: string]: RawValue[] } = {};
    for (const [name, values] of Object.entries(reader.getColumnsObjectJS())) {
      columns[name] = values.map((value) => rawOf(value));
    }
    await source.close();
    return { rows: reader.currentRowCount, columns };
  } finally {
    session.close();
  }
}

function rawOf(value: unknown): RawValue {
  if (Array.isArray(value)) return value.map((entry) => rawOf(entry) as RawScalar);
  if (typeof value !== "bigint") return value as RawScalar;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
