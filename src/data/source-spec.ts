/** What a raw data source is: which files, how they are written, and the columns found in them. */
import type { ValueType } from "../schema/index.ts";

export type SourceFormat = "csv" | "tsv" | "jsonl" | "parquet" | "libsvm" | "libfm";

/** Rows of a Postgres query. */
export interface SourceQuery {
  readonly sql: string;
  /** Connection string without a password, or `$NAME` of an environment variable. @default libpq's variables */
  readonly server: string | undefined;
}

/** A table with one row a key, whose columns are added to the rows that have the key. */
export interface JoinSpec {
  readonly source: SourceSpec;
  /** Key columns: the rows' column, and the side table's column that it equals. */
  readonly on: { readonly [column: string]: string };
  /** Put before the names of the columns that come in. */
  readonly prefix: string;
}

export interface SourceSpec {
  /**
   * Paths, globs (`*`, `**`, `?`, `[…]`) or http(s) addresses; text files may be gzip (`.gz`). All hold the
   * same columns.
   */
  readonly files: readonly string[];
  /** In place of files. */
  readonly query?: SourceQuery;
  /** Absent: told from the file's name, else from its first bytes. */
  readonly format?: SourceFormat;
  /** Column names of header-less text, in file order. */
  readonly columns?: readonly string[];
  /** Declared column types; they win over what the values look like, and every value must fit. */
  readonly types?: Readonly<Record<string, ValueType>>;
  /** Whether delimited text starts with a line of names. Absent: told from the first lines. */
  readonly header?: boolean;
  /** Field separator of delimited text. Absent: told from the first lines. */
  readonly separator?: string;
  /** Texts of delimited files that mean "no value", besides the empty text. */
  readonly nullText?: readonly string[];
  /** @default "utf-8" */
  readonly encoding?: "utf-8" | "latin-1";
  /** Parquet: folders `key=value` are columns, and a folder stands for the files under it. @default false */
  readonly hivePartitioning?: boolean;
  /** Side tables, joined in order. */
  readonly joins?: readonly JoinSpec[];
  /** Columns of delimited text whose values stay as they are written, as far as they exist. */
  readonly textColumns?: readonly string[];
}

export interface RawColumn {
  readonly name: string;
  /** DuckDB type, such as `BIGINT` or `VARCHAR[]`. */
  readonly type: string;
  readonly valueType: ValueType | "list" | "timestamp";
}

/** Something that was put right or decided while reading, and how often. */
export interface SourceNote {
  readonly kind: string;
  readonly file?: string;
  readonly column?: string;
  readonly count: number;
  /** One plain sentence. */
  readonly text: string;
}

/** Where a row stands for a person: the file, and its line in text or its row (from 1) in Parquet. */
export interface RowPlace {
  readonly file: string;
  readonly row: number;
}

export interface OpenOptions {
  /**
   * Leaves the values of delimited text as they are written, except in columns whose type is declared:
   * spares a pass over the files that tells types. @default false
   */
  readonly untyped?: boolean;
  /** Columns that will be read: of a remote Parquet file nothing else is fetched. @default all */
  readonly wanted?: readonly string[];
  /** Folder of copies of remote files. @default `.millrace/datasets` */
  readonly cacheDir?: string;
}

/** What is left to whoever reads an untyped source. */
export interface UncheckedRows {
  /** Compares the number of rows read with the lines of the files. @throws DataError */
  checkCount(rows: number): void;
  /** The reader's error as one that names file and line. */
  explain(cause: unknown): Promise<unknown>;
}

export interface RawSource {
  /** Whether columns of text may hold numbers and the like, because nobody looked. @default false */
  readonly untyped?: boolean;
  readonly format: SourceFormat;
  readonly files: readonly string[];
  readonly columns: readonly RawColumn[];
  /** Rows of all files together; of an unchecked source, what the line ends promise. */
  readonly rows: number;
  readonly notes: readonly SourceNote[];
  /** A DuckDB table expression, to be used after `FROM`. Columns have the names and types of `columns`. */
  readonly sql: string;
  /**
   * Places of rows given by their number in the table (from 0, ascending, over all files). Text is read
   * again up to the last of them, slowly: meant for messages. Works after `close`, too.
   */
  locate(rows: readonly number[]): Promise<RowPlace[]>;
  /** Present when the rows were not read yet: columns are text because nobody looked what is in them. */
  readonly unchecked?: UncheckedRows;
  /** Removes temporary files, if any were made. */
  close(): Promise<void>;
}
