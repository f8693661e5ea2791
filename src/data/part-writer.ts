/**
 * Writing a split: encoded columns into an in-memory table, tables into Parquet parts of bounded size.
 * While one part is compressed and written, the next one is already being filled.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type DuckDBAppender,
  DuckDBDataChunk,
  type DuckDBType,
  DOUBLE,
  FLOAT,
  INTEGER,
  LIST,
  UTINYINT,
} from "@duckdb/node-api";
import { assert } from "../core/index.ts";
import type { BatchColumn } from "../schema/index.ts";
import type { Session } from "./session.ts";
import { sqlName, sqlText } from "./source-sql.ts";
import { BLOCK_ROWS } from "./read-source.ts";
import { columnVector, fillLists, fillVector, type Vector } from "./vectors.ts";

export interface StoredPart {
  /** Relative to the dataset's folder. */
  readonly file: string;
  readonly rows: number;
}

/** A column of some rows: a value a row, or lists (of any or of one length) one after another. */
export interface EncodedColumn {
  readonly values: Int32Array | Float32Array | Float64Array | Uint8Array;
  readonly lengths: Int32Array | undefined;
}

export interface StoredColumn extends BatchColumn {
  readonly inLists: boolean;
  /** Type on disk; flags take a byte there, whatever they are in a batch. */
  readonly storage: BatchColumn["dtype"] | "uint8";
}

const CHUNK = 2048;
const TYPES = { int32: INTEGER, float32: FLOAT, float64: DOUBLE, uint8: UTINYINT } as const;
const SQL_TYPES = { int32: "INTEGER", float32: "FLOAT", float64: "DOUBLE", uint8: "UTINYINT" } as const;

export class PartWriter {
  readonly #session: Session;
  readonly #directory: string;
  readonly #name: string;
  readonly #columns: readonly StoredColumn[];
  readonly #chunk: DuckDBDataChunk;
  readonly #vectors: readonly Vector[];
  readonly #partRows: number;
  readonly #parts: StoredPart[] = [];
  #appender: DuckDBAppender | undefined;
  #rows = 0;
  #writing: Promise<unknown> = Promise.resolve();

  /**
   * @param directory folder of the dataset; parts go into its folder `name`
   * @param partRows rows of a part, about
   */
  constructor(
    session: Session,
    {
      directory,
      name,
      columns,
      partRows,
    }: {
      readonly directory: string;
      readonly name: string;
      readonly columns: readonly StoredColumn[];
      readonly partRows: number;
    },
  ) {
    this.#session = session;
    this.#directory = directory;
    this.#name = name;
    this.#columns = columns;
    const types: DuckDBType[] = columns.map(({ storage, inLists }) =>
      inLists ? LIST(TYPES[storage]) : TYPES[storage],
    );
    this.#chunk = DuckDBDataChunk.create(types, CHUNK);
    this.#vectors = types.map((_, k) => columnVector(this.#chunk, k));
    this.#partRows = partRows;
    mkdirSync(join(directory, name), { recursive: true });
  }

  /** Appends rows, given as their columns in order. */
  async append(rows: number, columns: readonly EncodedColumn[]): Promise<void> {
    const starts = columns.map(() => 0);
    for (let row = 0; row < rows; row += CHUNK) {
      this.#appender ??= await this.#begin();
      const count = Math.min(CHUNK, rows - row);
      this.#chunk.reset();
      this.#chunk.rowCount = count;
      for (const [k, { values, lengths }] of columns.entries()) {
        const vector = this.#vectors[k];
        if (lengths === undefined) {
          fillVector(vector, values.subarray(row, row + count));
          continue;
        }
        assert(values instanceof Int32Array || values instanceof Float32Array, "lists hold 32-bit values");
        const some = lengths.subarray(row, row + count);
        const end = some.reduce((sum, length) => sum + length, starts[k]);
        fillLists(vector, some, values.subarray(starts[k], end));
        starts[k] = end;
      }
      this.#appender.appendDataChunk(this.#chunk);
      this.#rows += count;
    }
    if (this.#rows >= this.#partRows) await this.#finish();
  }

  /** Writes what is left; all parts in order. */
  async close(): Promise<readonly StoredPart[]> {
    if (this.#rows > 0) await this.#finish();
    await this.#writing;
    return this.#parts;
  }

  get #table(): string {
    return sqlName(`${this.#name} part ${this.#parts.length}`);
  }

  async #begin(): Promise<DuckDBAppender> {
    const columns = this.#columns.map(
      ({ name, storage, inLists }) => `${sqlName(name)} ${SQL_TYPES[storage]}${inLists ? "[]" : ""}`,
    );
    await this.#session.writer.run(`CREATE TABLE ${this.#table} (${columns.join(", ")})`);
    return this.#session.writer.createAppender(`${this.#name} part ${this.#parts.length}`);
  }

  async #finish(): Promise<void> {
    const table = this.#table;
    this.#appender?.closeSync();
    this.#appender = undefined;
    const file = join(this.#name, `part-${String(this.#parts.length).padStart(5, "0")}.parquet`);
    this.#parts.push({ file, rows: this.#rows });
    this.#rows = 0;
    // At most two parts are in memory: the one being written and the one being filled.
    await this.#writing;
    const path = sqlText(join(this.#directory, file));
    const { connection } = this.#session;
    this.#writing = connection
      .run(`COPY ${table} TO ${path} (FORMAT parquet, ROW_GROUP_SIZE ${BLOCK_ROWS})`)
      .then(() => connection.run(`DROP TABLE ${table}`));
    // Whoever closes the writer sees a failure; until then it is not unhandled.
    this.#writing.catch(() => {});
  }
}
