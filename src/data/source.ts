/**
 * Raw data as one table: CSV and TSV (plain or gzip), JSON lines (plain or gzip), Parquet, libsvm and
 * libfm. What is read is what the file says: a file that does not hold one well-formed table is a
 * DataError with file, row and column, and whatever is put right on the way is counted in `notes`
 * (the full list stands in docs/bad-input.md).
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { detectFormat } from "./source-format.ts";
import { openDelimited } from "./source-delimited.ts";
import { expandFiles } from "./source-files.ts";
import { openJsonLines } from "./source-json.ts";
import { openParquet } from "./source-parquet.ts";
import type { OpenOptions, RawSource, SourceSpec } from "./source-spec.ts";
import { openLibsvm } from "./libsvm.ts";

/**
 * Opens and checks files as one table. Every file is read once from end to end, in bounded memory, so
 * that a broken row is found here and not in the middle of training. (Of an untyped source, a broken
 * row is found by whoever reads it, and `explain` says where it is.)
 *
 * @throws DataError for data that is not a well-formed table; ConfigError for a spec that cannot be
 */
export async function openSource(
  connection: DuckDBConnection,
  spec: SourceSpec,
  options: OpenOptions = {},
): Promise<RawSource> {
  // An extension that is not built in would be fetched from the network: never.
  await connection.run("SET autoinstall_known_extensions = false");
  await connection.run("SET autoload_known_extensions = false");
  const files = await expandFiles(connection, spec.files);
  const format = spec.format ?? detectFormat(files[0]);
  switch (format) {
    case "csv":
    case "tsv":
      return openDelimited(connection, files, format, spec, options);
    case "jsonl":
      return openJsonLines(connection, files, spec);
    case "parquet":
      return openParquet(connection, files, spec);
    case "libsvm":
    case "libfm":
      return openLibsvm(connection, files, format, spec);
  }
}
