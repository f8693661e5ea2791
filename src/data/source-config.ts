/** The part of a config that says where rows come from: files, addresses, queries, and tables joined to them. */
import { z } from "zod";
import type { JoinSpec, SourceSpec } from "./source-spec.ts";

export const valueType = z.enum(["string", "int64", "float64", "boolean"]);

const query = z
  .strictObject({
    query: z.string().min(1).describe("a SELECT; its rows come in its order, so end it with ORDER BY"),
    postgres: z
      .string()
      .optional()
      .describe(
        "postgresql://user@host/database, or $NAME for an environment variable with it; default: PGHOST and the other variables of libpq. The password comes from PGPASSWORD or ~/.pgpass",
      ),
  })
  .describe("rows of a Postgres query");

export const files = z
  .union([z.string(), z.array(z.string()).min(1), query])
  .describe("a path, a glob or an http(s) address, a list of them, or a query; text files may be gzip");

/** How files are read. */
export const sourceShape = {
  format: z
    .enum(["csv", "tsv", "jsonl", "parquet", "libsvm", "libfm"])
    .optional()
    .describe("file format; default: from the name, else from the first bytes"),
  columns: z
    .array(z.string())
    .optional()
    .describe("column names of text without a header line, in file order"),
  types: z
    .record(z.string(), valueType)
    .optional()
    .describe("column types, where they are not to be told from the values"),
  header: z.boolean().optional().describe("whether text starts with a line of names; default: told from it"),
  separator: z.string().optional().describe("field separator of text; default: told from the first lines"),
  nullText: z.array(z.string()).optional().describe("texts that mean `no value`, besides the empty text"),
  encoding: z.enum(["utf-8", "latin-1"]).optional().describe("text encoding; default: utf-8"),
  hivePartitioning: z
    .boolean()
    .optional()
    .describe("Parquet: folders such as day=2024-05-01 are columns, and a folder stands for the files in it"),
};

const column = z.string().min(1);

export const join = z
  .strictObject({
    source: files.describe("the side table: files or a query, each key once"),
    on: z
      .union([column, z.array(column).min(1), z.record(column, column)])
      .describe("key columns: one name, a list, or `column here: column there`"),
    prefix: z.string().optional().describe("put before the names of the columns that come in"),
    ...sourceShape,
  })
  .describe("a table of users, items or the like, whose columns are added to each row");

export type FilesConfig = z.output<typeof files>;
export type JoinConfig = z.output<typeof join>;
type ReadConfig = z.output<z.ZodObject<typeof sourceShape>>;

/** Files or a query of a config as a source. */
export function sourceSpecOf(
  from: FilesConfig,
  { format, columns, types, header, separator, nullText, encoding, hivePartitioning }: ReadConfig,
  joins?: readonly JoinConfig[],
): SourceSpec {
  const where =
    typeof from === "string"
      ? { files: [from] }
      : "query" in from
        ? { files: [], query: { sql: from.query, server: from.postgres } }
        : { files: from };
  const how = { format, columns, types, header, separator, nullText, encoding, hivePartitioning };
  return {
    ...where,
    ...how,
    ...(joins !== undefined && joins.length > 0 && { joins: joins.map(joinSpecOf) }),
  };
}

function joinSpecOf({ source, on, prefix = "", ...read }: JoinConfig): JoinSpec {
  const same = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, name]));
  const keys = typeof on === "string" ? same([on]) : Array.isArray(on) ? same(on) : on;
  return { source: sourceSpecOf(source, read), on: keys, prefix };
}

/** A source as a config writes it: what it is read from, and how. */
export function filesConfigOf({ files: paths, query: from }: SourceSpec): FilesConfig {
  if (from !== undefined) {
    return { query: from.sql, ...(from.server !== undefined && { postgres: from.server }) };
  }
  return paths.length === 1 ? paths[0] : [...paths];
}

/** The keys of a config that say how files are read, as far as they are set. */
export function readConfigOf(spec: SourceSpec): ReadConfig {
  const { format, columns, types, header, separator, nullText, encoding, hivePartitioning } = spec;
  const keys: ReadConfig = {
    format,
    columns: columns && [...columns],
    types: types && { ...types },
    header,
    separator,
    nullText: nullText && [...nullText],
    encoding,
    hivePartitioning,
  };
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

export function joinConfigOf({ source, on, prefix }: JoinSpec): JoinConfig {
  const named = prefix === "" ? {} : { prefix };
  return { source: filesConfigOf(source), on: { ...on }, ...named, ...readConfigOf(source) };
}
