/**
 * Writing a split: encoded columns are gathered in memory, and the database, asking for them as for the
 * rows of a table, writes them as Parquet parts of bounded size. While one part is compressed and
 * written, the next one is already being filled.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  DOUBLE,
  type DuckDBDataChunk,
  DuckDBTableFunction,
  FLOAT,
  INTEGER,
  LIST,
  UTINYINT,
} from "@duckdb/node-api";
import { assert } from "../core/index.ts";
import type { BatchColumn } from "../schema/index.ts";
import { BLOCK_ROWS } from "./read-source.ts";
import type { Session } from "./session.ts";
import { sqlName, sqlText } from "./source-sql.ts";
import { columnVector, fillLists, fillVector } from "./vectors.ts";

export interface StoredPart {
  /** Relative to the dataset's folder. */
  readonly file: string;
  readonly rows: number;
}

type Values = Int32Array | Float32Array | Float64Array | Uint8Array;

/** A column of some rows: a value a row, or lists (of any or of one length) one after another. */
export interface EncodedColumn {
  readonly values: Values;
  readonly lengths: Int32Array | undefined;
}

export interface StoredColumn extends BatchColumn {
  readonly inLists: boolean;
  /** Type on disk; flags take a byte there, whatever they are in a batch. */
  readonly storage: BatchColumn["dtype"] | "uint8";
}

export interface PartWriterOptions {
  /** Folder of the dataset; parts go into its folder `name`. */
  readonly directory: string;
  readonly name: string;
  readonly columns: readonly StoredColumn[];
  /** Rows of a part, about. */
  readonly partRows: number;
}

export class PartWriter {
  readonly #session: Session;
  readonly #options: PartWriterOptions;
  readonly #parts: StoredPart[] = [];
  readonly #free: PartBuffer[];
  #filling: PartBuffer | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(session: Session, options: PartWriterOptions) {
    this.#session = session;
    this.#options = options;
    mkdirSync(join(options.directory, options.name), { recursive: true });
    // One being filled, one being written.
    this.#free = [0, 1].map((k) => new PartBuffer(session, `${options.name} rows ${k}`, options.columns));
  }

  /** Appends rows, given as their columns in order; their memory is the caller's again. */
  async append(rows: number, columns: readonly EncodedColumn[]): Promise<void> {
    if (this.#filling === undefined) {
      if (this.#free.length === 0) await this.#writing;
      this.#filling = this.#free.pop();
    }
    assert(this.#filling !== undefined, "a written part's memory is free");
    this.#filling.append(rows, columns);
    if (this.#filling.rows >= this.#options.partRows) await this.#finish(this.#filling);
  }

  /** Writes what is left; all parts in order. */
  async close(): Promise<readonly StoredPart[]> {
    if (this.#filling !== undefined) await this.#finish(this.#filling);
    await this.#writing;
    return this.#parts;
  }

  async #finish(buffer: PartBuffer): Promise<void> {
    const { directory, name } = this.#options;
    const file = join(name, `part-${String(this.#parts.length).padStart(5, "0")}.parquet`);
    this.#parts.push({ file, rows: buffer.rows });
    this.#filling = undefined;
    await this.#writing;
    this.#writing = this.#session.connection
      .run(
        `COPY (SELECT * FROM ${sqlName(buffer.name)}()) TO ${sqlText(join(directory, file))}
         (FORMAT parquet, ROW_GROUP_SIZE ${BLOCK_ROWS})`,
      )
      .then(() => {
        buffer.clear();
        this.#free.push(buffer);
      });
    // Whoever waits for the writer sees a failure; until then it is not unhandled.
    this.#writing.catch(() => {});
  }
}

const TYPES = { int32: INTEGER, float32: FLOAT, float64: DOUBLE, uint8: UTINYINT } as const;
const ARRAYS = {
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
} as const;
/** Rows of a chunk. */
const CHUNK = 2048;

/** Columns of a part in memory, which the database reads as a table function. */
class PartBuffer {
  readonly name: string;
  readonly #columns: readonly GrowingColumn[];
  #rows = 0;
  #read = 0;

  constructor(session: Session, name: string, columns: readonly StoredColumn[]) {
    this.name = name;
    this.#columns = columns.map((column) => new GrowingColumn(column));
    session.connection.registerTableFunction(
      DuckDBTableFunction.create({
        name,
        bindFunction: (info) => {
          for (const { name: column, storage, inLists } of columns) {
            info.addResultColumn(column, inLists ? LIST(TYPES[storage]) : TYPES[storage]);
          }
        },
        initFunction: () => {},
        mainFunction: (_, chunk) => this.#fill(chunk),
      }),
    );
  }

  get rows(): number {
    return this.#rows;
  }

  append(rows: number, columns: readonly EncodedColumn[]): void {
    for (const [k, column] of columns.entries()) this.#columns[k].append(column);
    this.#rows += rows;
  }

  clear(): void {
    for (const column of this.#columns) column.clear();
    this.#rows = 0;
    this.#read = 0;
  }

  /** The next rows; no rows at the end. */
  #fill(chunk: DuckDBDataChunk): void {
    const count = Math.min(CHUNK, this.#rows - this.#read);
    chunk.rowCount = count;
    if (count === 0) return;
    for (const [k, column] of this.#columns.entries()) {
      const vector = columnVector(chunk, k);
      const { values, lengths } = column.next(this.#read, count);
      if (lengths === undefined) fillVector(vector, values);
      else fillLists(vector, lengths, values);
    }
    this.#read += count;
  }
}

class GrowingColumn {
  readonly #make: (length: number) => Values;
  #values: Values;
  #lengths: Int32Array | undefined;
  #end = 0;
  #rows = 0;
  /** First entry of the next list to be read. */
  #entry = 0;

  constructor({ storage, inLists }: StoredColumn) {
    this.#make = (length) => new ARRAYS[storage](length);
    this.#values = this.#make(BLOCK_ROWS);
    this.#lengths = inLists ? new Int32Array(BLOCK_ROWS) : undefined;
  }

  append({ values, lengths }: EncodedColumn): void {
    const end = this.#end + values.length;
    if (end > this.#values.length) {
      const grown = this.#make(Math.max(end, this.#values.length * 2));
      grown.set(this.#values.subarray(0, this.#end));
      this.#values = grown;
    }
    this.#values.set(values, this.#end);
    this.#end = end;
    if (lengths === undefined) return;
    assert(this.#lengths !== undefined, "a column is of lists or not");
    if (this.#rows + lengths.length > this.#lengths.length) {
      const grown = new Int32Array(Math.max(this.#rows + lengths.length, this.#lengths.length * 2));
      grown.set(this.#lengths.subarray(0, this.#rows));
      this.#lengths = grown;
    }
    this.#lengths.set(lengths, this.#rows);
    this.#rows += lengths.length;
  }

  /** Rows from `row` on, which follow the ones asked for before. */
  next(row: number, count: number): EncodedColumn {
    if (this.#lengths === undefined) {
      return { values: this.#values.subarray(row, row + count), lengths: undefined };
    }
    const lengths = this.#lengths.subarray(row, row + count);
    const end = lengths.reduce((sum, length) => sum + length, this.#entry);
    const values = this.#values.subarray(this.#entry, end);
    this.#entry = end;
    return { values, lengths };
  }

  clear(): void {
    this.#end = 0;
    this.#rows = 0;
    this.#entry = 0;
  }
}
