/** From JavaScript values to a DuckDB table, chunk by chunk. */
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBValue } from "@duckdb/node-api";

const CHUNK = 2048;

/** A table being filled from JavaScript. */
export class TableLoader {
  readonly #appender: Awaited<ReturnType<DuckDBConnection["createAppender"]>>;
  readonly #columns: DuckDBValue[][];

  private constructor(appender: Awaited<ReturnType<DuckDBConnection["createAppender"]>>) {
    this.#appender = appender;
    this.#columns = Array.from({ length: appender.columnCount }, () => []);
  }

  /** Creates (or replaces) the table; `columns` as in `CREATE TABLE t (columns)`. */
  static async create(connection: DuckDBConnection, table: string, columns: string): Promise<TableLoader> {
    await connection.run(`CREATE OR REPLACE TABLE ${table} (${columns})`);
    return new TableLoader(await connection.createAppender(table));
  }

  add(...row: readonly DuckDBValue[]): void {
    row.forEach((value, k) => {
      this.#columns[k].push(value);
    });
    if (this.#columns[0].length === CHUNK) this.#flush();
  }

  close(): void {
    this.#flush();
    this.#appender.closeSync();
  }

  #flush(): void {
    if (this.#columns[0].length === 0) return;
    const types = this.#columns.map((_, k) => this.#appender.columnType(k));
    const chunk = DuckDBDataChunk.create(types, this.#columns[0].length);
    chunk.setColumns(this.#columns);
    this.#appender.appendDataChunk(chunk);
    for (const column of this.#columns) column.length = 0;
  }
}

/** Streams one column of a query without holding the result. */
export async function* streamColumn(
  connection: DuckDBConnection,
  sql: string,
): AsyncGenerator<readonly DuckDBValue[]> {
  const result = await connection.stream(sql);
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    yield chunk.getColumnValues(0);
  }
}
