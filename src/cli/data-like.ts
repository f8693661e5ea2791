/** Reads other data as a run's own was read. */
import { type EncodedSource, type SourceSpec, sourceSpecOf } from "../data/index.ts";
import type { Config } from "../run/index.ts";
import type { Shell } from "./shell.ts";

/** A file (or glob) with the run's column names, types, texts for "no value" and side tables; its format is its own. */
export function dataLike({ data }: Config, file: string): SourceSpec {
  const { columns, types, header, separator, nullText, encoding, hivePartitioning } = data;
  const plain = !/\.(parquet|jsonl|ndjson|json)(\.gz)?$/i.test(file);
  const oneHot = data.format === "libfm" || data.format === "libsvm";
  const { joins } = sourceSpecOf(file, {}, data.joins);
  return {
    files: [file],
    types,
    ...(hivePartitioning && !/\.(csv|tsv|jsonl|ndjson|json)(\.gz)?$/i.test(file) ? { hivePartitioning } : {}),
    joins,
    ...(plain ? { columns, header, separator, nullText, encoding } : {}),
    ...(plain && oneHot ? { format: data.format } : {}),
  };
}

/** Says that counts over the past are too high, where the file has rows of the training files. */
export function noteRowsCountedTwice(shell: Shell, { alsoInHistory, report }: EncodedSource): void {
  if (alsoInHistory === 0) return;
  shell.notice(
    `${alsoInHistory} of ${report.rows} rows have the key and time of a row of the training files: counts over the past ` +
      "see rows that are in both twice; name the training file itself, or rows that came later",
  );
}
