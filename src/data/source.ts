/**
 * Raw data as one table: CSV and TSV (plain or gzip), JSON lines (plain or gzip), Parquet, libsvm and
 * libfm, from local files, http(s) addresses or a Postgres query, with the columns of side tables. What is
 * read is what the file says: a file that does not hold one well-formed table is a DataError with file,
 * row and column, and whatever is put right on the way is counted in `notes` (the full list stands in
 * docs/bad-input.md).
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError } from "../core/index.ts";
import { removePath } from "../core/node/index.ts";
import { joinSide } from "./join-side.ts";
import { openLibsvm } from "./libsvm.ts";
import { openDelimited } from "./source-delimited.ts";
import { detectFormat } from "./source-format.ts";
import { openJsonLines } from "./source-json.ts";
import { type LocalSource, nameCopies, SourceResolver } from "./source-local.ts";
import { openParquet } from "./source-parquet.ts";
import type { OpenOptions, RawSource, SourceFormat, SourceSpec } from "./source-spec.ts";

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
  const scratch = mkdtempSync(join(tmpdir(), "millrace-source-"));
  try {
    const { wanted, cacheDir } = options;
    const local = await new SourceResolver(connection, { scratch, wanted, cacheDir }).resolve(spec);
    const source = await openLocal(connection, local, { ...options, scratch });
    return {
      ...source,
      async close() {
        await source.close();
        removePath(scratch);
      },
    };
  } catch (error) {
    removePath(scratch);
    throw error;
  }
}

/**
 * Opens files that are here already.
 *
 * @param scratch folder for files that must stay until the source is closed
 */
export async function openLocal(
  connection: DuckDBConnection,
  local: LocalSource,
  options: OpenOptions & { readonly scratch: string },
): Promise<RawSource> {
  // An extension that is not built in would be fetched from the network: never.
  await connection.run("SET autoinstall_known_extensions = false");
  await connection.run("SET autoload_known_extensions = false");
  let source: RawSource;
  try {
    const opened = await openFiles(connection, local, options);
    source = named({ ...opened, notes: [...local.notes, ...opened.notes] }, local);
  } catch (error) {
    throw nameCopies(error, local);
  }
  try {
    for (const [k, spec] of (local.spec.joins ?? []).entries()) {
      const side = await openLocal(connection, local.joins[k], { scratch: options.scratch });
      source = await joinSide(connection, source, side, spec, options.scratch).finally(() => side.close());
    }
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openFiles(
  connection: DuckDBConnection,
  { spec, held }: LocalSource,
  options: OpenOptions,
): Promise<RawSource> {
  const { files } = spec;
  const format = spec.format ?? commonFormat(files);
  if (spec.hivePartitioning && format !== "parquet") {
    throw new ConfigError(`hive_partitioning is for Parquet; ${files[0]} is ${format}`, {
      details: { key: "hive_partitioning", file: files[0], received: format },
    });
  }
  switch (format) {
    case "csv":
    case "tsv":
      return openDelimited(connection, files, format, spec, options);
    case "jsonl":
      return openJsonLines(connection, files, spec);
    case "parquet":
      return openParquet(connection, files, spec, held);
    case "libsvm":
    case "libfm":
      return openLibsvm(connection, files, format, spec);
  }
}

/** The first file's format. What is plainly of another one would be read as broken text of this one. */
function commonFormat(files: readonly string[]): SourceFormat {
  const [first, ...others] = files;
  const format = detectFormat(first);
  const plain: readonly SourceFormat[] = ["jsonl", "parquet"];
  for (const file of others) {
    const other = detectFormat(file);
    if (other === format || !(plain.includes(format) || plain.includes(other))) continue;
    throw new DataError(
      `${file} is ${other}, and ${first} is ${format}: files of one source have one format`,
      {
        details: { file, expected: format, received: other },
        hint: "write them in one format, or name them as splits or side tables of their own; data.format decides over names",
      },
    );
  }
  return format;
}

/** The source with copies called what they are copies of. */
function named(source: RawSource, local: LocalSource): RawSource {
  if (local.shown.size === 0) return source;
  const nameOf = (file: string): string => local.shown.get(file) ?? file;
  const { files, notes, unchecked } = source;
  // The parts of a query are one thing to a reader, its rows numbered through.
  const oneName = new Set(files.map(nameOf)).size < files.length;
  return {
    ...source,
    files: [...new Set(files.map(nameOf))],
    notes: notes.map((note) =>
      note.file === undefined
        ? note
        : { ...note, file: nameOf(note.file), text: note.text.replaceAll(note.file, nameOf(note.file)) },
    ),
    locate: async (rows) => {
      if (oneName) return rows.map((row) => ({ file: nameOf(files[0]), row: row + 1 }));
      return (await source.locate(rows)).map(({ file, row }) => ({ file: nameOf(file), row }));
    },
    ...(unchecked && {
      unchecked: {
        ...unchecked,
        explain: async (cause) => nameCopies(await unchecked.explain(cause), local),
      },
    }),
  };
}
