/**
 * A task that nothing predicts, beside a world's own: a column `noise` of random labels, 10 % of them 1, a
 * function of a row's number. What an auxiliary task is worth shows beside one that is worth nothing.
 */
import { basename } from "node:path";
import { type DataConfigInput, sqlText } from "../data/index.ts";
import { madeTables } from "./made-tables.ts";

/** The config with the label and copies of its files that have it; made once. */
export async function withNoiseTask(config: DataConfigInput, directory: string): Promise<DataConfigInput> {
  const copy = (file: unknown): string => `
    SELECT *, (md5_number_lower(${sqlText(basename(String(file)))} || row_number() OVER ()) % 10 = 0)::INT AS noise
    FROM read_parquet(${sqlText(String(file))})`;
  const { train, valid, test } = config.data;
  const files = await madeTables(directory, [], {
    train: copy(train),
    valid: copy(valid),
    test: copy(test),
  });
  const data = { ...config.data, ...files };
  return { ...config, data, labels: [...(config.labels ?? []), { name: "noise" }] };
}
