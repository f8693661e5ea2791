/** A source with further columns, which stand in a Parquet file of their own, row by row in the same order. */
import { literalPath } from "./source-files.ts";
import type { RawColumn, RawSource } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";

/** The source and the columns beside it. */
export function besideSource(source: RawSource, path: string, added: readonly RawColumn[]): RawSource {
  const columns = added.map(({ name, type, valueType }) => ({ name, type, valueType }));
  const own = source.columns.map(({ name }) => `s.${sqlName(name)}`);
  const beside = columns.map(({ name }) => `b.${sqlName(name)}`);
  return {
    ...source,
    columns: [...source.columns, ...columns],
    sql: `(SELECT ${[...own, ...beside].join(", ")} FROM ${source.sql} s POSITIONAL JOIN read_parquet(${sqlText(literalPath(path))}, hive_partitioning = false) b)`,
  };
}
