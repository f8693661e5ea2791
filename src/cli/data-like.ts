/** Reads other data as a run's own was read. */
import type { SourceSpec } from "../data/index.ts";
import type { Config } from "../run/index.ts";

/** A file (or glob) with the run's column names, types and texts for "no value"; its format is its own. */
export function dataLike({ data }: Config, file: string): SourceSpec {
  const { columns, types, header, separator, nullText, encoding } = data;
  const plain = !/\.(parquet|jsonl|ndjson|json)(\.gz)?$/i.test(file);
  const oneHot = data.format === "libfm" || data.format === "libsvm";
  return {
    files: [file],
    types,
    ...(plain ? { columns, header, separator, nullText, encoding } : {}),
    ...(plain && oneHot ? { format: data.format } : {}),
  };
}
