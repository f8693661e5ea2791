/**
 * Rows of a Postgres query as local Parquet files: the query runs in a read-only transaction behind a
 * cursor, so that neither side holds more than a few thousand rows, and what comes is written in parts.
 * Integers of any width become int64 (`numeric` without a scale up to 18 digits, too), other numbers
 * float64, times timestamps in UTC; arrays become lists (nested ones flat); everything else is the text that psql prints.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBValue,
  LIST,
  listValue,
  VARCHAR,
} from "@duckdb/node-api";
import type pg from "pg";
import { ConfigError, DataError, MillraceError } from "../core/index.ts";
import { readerError } from "./source-defect.ts";
import { checkNames } from "./source-names.ts";
import { clip } from "./source-scan.ts";
import type { SourceQuery } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";

export interface FetchedQuery {
  /** Parquet files, in the order of the rows. */
  readonly files: readonly string[];
  /** Hash of column names, types and all values. */
  readonly identity: string;
  /** The query as messages call it. */
  readonly shown: string;
}

/** Rows fetched at a time. */
const FETCH_ROWS = 8192;
/** Rows of a part, about. */
const PART_ROWS = 1 << 18;
/** Rows of a chunk of the database. */
const CHUNK_ROWS = 2048;

/**
 * Runs a query and keeps its rows in a folder.
 *
 * @throws ConfigError for a query or a connection that cannot be; DataError for a server that is not there,
 * and for a query without rows
 */
export async function fetchQuery(
  connection: DuckDBConnection,
  { sql, server }: SourceQuery,
  folder: string,
): Promise<FetchedQuery> {
  const shown = `Postgres query ${JSON.stringify(clip(sql.replace(/\s+/g, " ").trim()))}`;
  // Loaded by those who need it alone: it takes as long as the rest of the command line.
  const { default: postgres } = await import("pg");
  const parseArray = (postgres.types.getTypeParser as ParserOf)(TEXT_ARRAY, "text") as ParseArray;
  const client = new postgres.Client({
    connectionString: connectionString(server),
    application_name: "millrace",
  });
  // Without a listener, a connection that breaks would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    // Texts that do not depend on the server's or the user's settings; and all rows will be read.
    await client.query(
      "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL cursor_tuple_fraction = 1.0",
    );
    // A named statement is one statement: a second one behind a semicolon could end the read-only transaction.
    await client.query({
      name: "declare",
      text: `DECLARE rows NO SCROLL CURSOR FOR ${sql.trim().replace(/;+$/, "")}`,
    });
    return await readCursor(connection, client, { folder, shown, parseArray });
  } catch (cause) {
    throw queryError(shown, cause);
  } finally {
    await client.end().catch(() => {});
  }
}

/** @throws ConfigError for an absent variable, and for a password in a config */
function connectionString(server: string | undefined): string | undefined {
  if (server === undefined) return undefined;
  if (server.startsWith("$")) {
    const value = process.env[server.slice(1)];
    if (value !== undefined && value !== "") return value;
    throw new ConfigError(`the environment variable ${server.slice(1)} is not set`, {
      details: { key: "postgres", received: server },
      hint: "set it to postgresql://user:password@host/database",
    });
  }
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new ConfigError("postgres: expected an address such as postgresql://user@host/database", {
      details: { key: "postgres" },
    });
  }
  if (url.password !== "" || url.searchParams.has("password")) {
    throw new ConfigError("postgres: a password in a configuration would be copied into every run", {
      details: { key: "postgres" },
      hint: "leave it out and set PGPASSWORD or ~/.pgpass, or name an environment variable: postgres: $DATABASE_URL",
    });
  }
  return server;
}

interface QueryColumn {
  readonly name: string;
  readonly isList: boolean;
  /** DuckDB type of the values, read from their text. */
  readonly type: string;
}

const SCALARS: ReadonlyMap<number, string> = new Map([
  [16, "BOOLEAN"],
  [20, "BIGINT"],
  [21, "BIGINT"],
  [23, "BIGINT"],
  [26, "BIGINT"],
  [700, "FLOAT"],
  [701, "DOUBLE"],
  [1700, "DOUBLE"],
  [1082, "TIMESTAMP"],
  [1114, "TIMESTAMP"],
  [1184, "TIMESTAMPTZ"],
]);

/** Array types and what they are arrays of. */
const ARRAYS: ReadonlyMap<number, string> = new Map([
  [1000, "BOOLEAN"],
  [1016, "BIGINT"],
  [1005, "BIGINT"],
  [1007, "BIGINT"],
  [1021, "FLOAT"],
  [1022, "DOUBLE"],
  [1231, "DOUBLE"],
  [1182, "TIMESTAMP"],
  [1115, "TIMESTAMP"],
  [1185, "TIMESTAMPTZ"],
  [1009, "VARCHAR"],
  [1015, "VARCHAR"],
  [1014, "VARCHAR"],
  [1002, "VARCHAR"],
  [2951, "VARCHAR"],
]);

function columnsOf(fields: readonly pg.FieldDef[], shown: string): QueryColumn[] {
  checkNames(
    shown,
    fields.map(({ name }) => name),
    [],
  );
  return fields.map(({ name, dataTypeID, dataTypeModifier }) => {
    const list = ARRAYS.get(dataTypeID);
    if (list !== undefined) return { name, isList: true, type: list };
    // numeric(precision, scale) as its modifier packs it.
    const packed = dataTypeModifier - 4;
    const whole = dataTypeID === 1700 && packed >= 0 && (packed & 0xffff) === 0 && packed >> 16 <= 18;
    return { name, isList: false, type: whole ? "BIGINT" : (SCALARS.get(dataTypeID) ?? "VARCHAR") };
  });
}

type Cell = string | null;

type ParserOf = (type: number, format: "text") => (text: string) => unknown;
/** Entries of `{1,NULL,"a b"}`; inner arrays are arrays in it. */
type ParseArray = (text: string) => unknown[];
const TEXT_ARRAY = 1009;

async function readCursor(
  connection: DuckDBConnection,
  client: pg.Client,
  { folder, shown, parseArray }: { folder: string; shown: string; parseArray: ParseArray },
): Promise<FetchedQuery> {
  mkdirSync(folder, { recursive: true });
  const hash = createHash("sha256");
  const files: string[] = [];
  let columns: QueryColumn[] | undefined;
  let part: PartTable | undefined;
  const texts = { getTypeParser: () => (text: string) => text };
  for (;;) {
    const { rows, fields } = await client.query<Cell[]>({
      text: `FETCH ${FETCH_ROWS} FROM rows`,
      rowMode: "array",
      types: texts,
    });
    if (columns === undefined) {
      columns = columnsOf(fields, shown);
      hash.update(JSON.stringify(columns));
    }
    if (rows.length > 0) {
      hash.update(JSON.stringify(rows));
      part ??= await PartTable.create(connection, columns, parseArray);
      part.add(rows);
    }
    const last = rows.length < FETCH_ROWS;
    if (part !== undefined && (last || part.rows >= PART_ROWS)) {
      const file = join(folder, `part-${String(files.length).padStart(5, "0")}.parquet`);
      await part.write(file, shown);
      files.push(file);
      part = undefined;
    }
    if (last) break;
  }
  if (files.length === 0) {
    throw new DataError(`${shown} gives no rows`, { details: { expected: "at least one row" } });
  }
  return { files, identity: hash.digest("hex"), shown };
}

const PART_TABLE = "postgres_rows";

/** Rows of a part as texts, in a table of the database. */
class PartTable {
  readonly #connection: DuckDBConnection;
  readonly #columns: readonly QueryColumn[];
  readonly #parseArray: ParseArray;
  readonly #appender: Awaited<ReturnType<DuckDBConnection["createAppender"]>>;
  rows = 0;

  private constructor(
    connection: DuckDBConnection,
    columns: readonly QueryColumn[],
    parseArray: ParseArray,
    appender: Awaited<ReturnType<DuckDBConnection["createAppender"]>>,
  ) {
    this.#connection = connection;
    this.#columns = columns;
    this.#parseArray = parseArray;
    this.#appender = appender;
  }

  static async create(
    connection: DuckDBConnection,
    columns: readonly QueryColumn[],
    parseArray: ParseArray,
  ): Promise<PartTable> {
    const types = columns.map(({ isList }, k) => `c${k} ${isList ? "VARCHAR[]" : "VARCHAR"}`);
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${PART_TABLE} (${types.join(", ")})`);
    return new PartTable(connection, columns, parseArray, await connection.createAppender(PART_TABLE));
  }

  add(rows: readonly (readonly Cell[])[]): void {
    const types = this.#columns.map(({ isList }) => (isList ? LIST(VARCHAR) : VARCHAR));
    for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
      const some = rows.slice(start, start + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(types, some.length);
      for (const [k, { isList }] of this.#columns.entries()) {
        // The entries of inner arrays come one after another.
        const vectorCell = (cell: Cell): DuckDBValue =>
          isList && cell !== null ? listValue(this.#parseArray(cell).flat(8) as Cell[]) : cell;
        chunk.setColumnValues(
          k,
          some.map((row) => vectorCell(row[k])),
        );
      }
      this.#appender.appendDataChunk(chunk);
    }
    this.rows += rows.length;
  }

  async write(file: string, shown: string): Promise<void> {
    this.#appender.closeSync();
    const selected = this.#columns.map(({ name, isList, type }, k) => {
      // An integer cannot be NaN, which `numeric` without a scale may be: it is missing.
      const cell = type === "BIGINT" && !isList ? `nullif(c${k}, 'NaN')` : `c${k}`;
      const cast = `CAST(${cell} AS ${isList ? `${type}[]` : type})`;
      return `${cast} AS ${sqlName(name)}`;
    });
    try {
      await this.#connection.run(
        `COPY (SELECT ${selected.join(", ")} FROM ${PART_TABLE}) TO ${sqlText(file)} (FORMAT parquet)`,
      );
    } catch (cause) {
      throw readerError([shown], cause);
    } finally {
      await this.#connection.run(`DROP TABLE ${PART_TABLE}`);
    }
  }
}

function queryError(shown: string, cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause;
  const { code = "", message, hint } = cause as Error & { readonly code?: string; readonly hint?: string };
  // Classes of SQLSTATE: syntax and access rules, and what a read-only transaction refuses.
  if (/^(42|25)/.test(code)) {
    return new ConfigError(`${shown}: ${message}`, {
      details: { key: "query", code },
      hint: hint ?? "a query is one SELECT that the user may run",
      cause,
    });
  }
  return new DataError(`${shown}: ${message || code}`, {
    details: { code },
    hint: hint ?? hintOf(code),
    cause,
  });
}

function hintOf(code: string): string | undefined {
  if (code.startsWith("28")) return "set PGPASSWORD or ~/.pgpass";
  // A server that speaks of the rows or of a limit is there: other classes of SQLSTATE than those of connections.
  if (/^[^E].{4}$/.test(code) && !/^(08|3D|57P)/.test(code)) return undefined;
  return "is the server there? see `postgres`, or PGHOST and PGPORT";
}
