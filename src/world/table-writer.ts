/** Tables of the world in DuckDB: filled column by column, then copied to Parquet in row order. */
import {
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";

export interface TableColumn {
  readonly name: string;
  readonly type: DuckDBType;
  /** The value of a row, 0 … rows - 1. */
  readonly at: (row: number) => DuckDBValue;
}

const rowsPerChunk = 2048;
/**
 * A row group waits in memory with its lists: at the usual size, three times this, ten million rows took 3.9 GB with
 * two threads.
 */
const rowGroupRows = 20 * rowsPerChunk;

export class TableWriter {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<TableWriter> {
    // Rows must leave in the order they came. A join's do not with several threads, whatever is said of order below
    // (20 of 20 copies with two threads had row groups exchanged, none with one).
    const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
    const connection = await instance.connect();
    await connection.run("SET preserve_insertion_order = true");
    // Joins keep the log on the probe side, as the SQL is written.
    await connection.run("SET disabled_optimizers = 'join_order,build_side_probe_side'");
    return new TableWriter(instance, connection);
  }

  /** Makes a table; `onRows` hears of the rows done so far. */
  async fill(
    table: string,
    rows: number,
    columns: readonly TableColumn[],
    onRows?: (done: number) => void,
  ): Promise<void> {
    const declared = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
    await this.#connection.run(`CREATE TABLE ${table} (${declared})`);
    const appender = await this.#connection.createAppender(table);
    const types = columns.map(({ type }) => type);
    for (let first = 0; first < rows; first += rowsPerChunk) {
      const count = Math.min(rowsPerChunk, rows - first);
      const chunk = DuckDBDataChunk.create(types, count);
      columns.forEach(({ at }, c) => {
        const vector = chunk.getColumnVector(c);
        for (let i = 0; i < count; i++) vector.setItem(i, at(first + i));
        vector.flush();
      });
      appender.appendDataChunk(chunk);
      onRows?.(first + count);
    }
    appender.closeSync();
  }

  async drop(table: string): Promise<void> {
    await this.#connection.run(`DROP TABLE ${table}`);
  }

  /** Writes a query's rows, in order. */
  async copy(query: string, path: string): Promise<void> {
    await this.#connection.run(
      `COPY (${query}) TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${rowGroupRows})`,
    );
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}
