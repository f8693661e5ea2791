/**
 * A task that nothing predicts, beside a world's own: a column `noise` of random labels, 10 % of them 1, a
 * function of a row's number. What an auxiliary task is worth shows beside one that is worth nothing.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type DataConfigInput, sqlText } from "../data/index.ts";

/** The config with the label and copies of its files that have it; made once. */
export async function withNoiseTask(config: DataConfigInput, directory: string): Promise<DataConfigInput> {
  mkdirSync(directory, { recursive: true });
  const instance = await DuckDBInstance.create(":memory:", { autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  const copy = async (file: unknown): Promise<string> => {
    const target = join(directory, basename(String(file)));
    if (existsSync(target)) return target;
    await connection.run(
      `COPY (SELECT *, (md5_number_lower(${sqlText(basename(target))} || row_number() OVER ()) % 10 = 0)::INT AS noise
             FROM read_parquet(${sqlText(String(file))})) TO ${sqlText(`${target}.partial`)} (FORMAT parquet)`,
    );
    renameSync(`${target}.partial`, target);
    return target;
  };
  try {
    // One thread, so that rows keep their order and their numbers.
    await connection.run("SET threads = 1");
    const { train, valid, test } = config.data;
    const data = {
      ...config.data,
      train: await copy(train),
      valid: await copy(valid),
      test: await copy(test),
    };
    return { ...config, data, labels: [...(config.labels ?? []), { name: "noise" }] };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
