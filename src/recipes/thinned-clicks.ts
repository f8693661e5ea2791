/**
 * A world's clicks made rarer: positives of training are dropped at random until a wanted share of rows is
 * left, as in logs with sparse feedback. What remains follows a law that is still known: keeping a share r of the
 * positives turns a true probability p into `r p / (1 - p + r p)`, a shift of its logit by ln r, so that rows
 * keep their order. Validation and test keep all their rows; their `true_click` is that of the thinned law.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type DataConfigInput, queryRow, sqlText } from "../data/index.ts";

/** Copies of the config's files in which `rate` of the training rows are clicks; made once. */
export async function withClickRate(
  config: DataConfigInput,
  directory: string,
  rate: number,
): Promise<DataConfigInput> {
  mkdirSync(directory, { recursive: true });
  const file = (split: string): string => join(directory, `${split}.parquet`);
  const data = { ...config.data, train: file("train"), valid: file("valid"), test: file("test") };
  if ([data.train, data.valid, data.test].every((path) => existsSync(path))) return { ...config, data };
  const instance = await DuckDBInstance.create(":memory:", { autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  try {
    // One thread, so that rows keep their order and their numbers.
    await connection.run("SET threads = 1");
    const source = (split: "train" | "valid" | "test"): string =>
      `read_parquet(${sqlText(String(config.data[split]))})`;
    const { base } = await queryRow(connection, `SELECT avg(click) AS base FROM ${source("train")}`);
    const odds = (share: number): number => share / (1 - share);
    const kept = Math.min(1, odds(rate) / odds(Number(base)));
    const law = `${kept} * true_click / (1 - true_click + ${kept} * true_click) AS true_click`;
    for (const split of ["train", "valid", "test"] as const) {
      const numbered = `(SELECT *, row_number() OVER () AS row FROM ${source(split)})`;
      const drawn = "(md5_number_lower('click' || row) % 1000000)::DOUBLE / 1000000";
      const where = split === "train" ? `WHERE click = 0 OR ${drawn} < ${kept}` : "";
      const target = file(split);
      await connection.run(
        `COPY (SELECT * EXCLUDE (row) REPLACE (${law}) FROM ${numbered} ${where} ORDER BY row)
           TO ${sqlText(`${target}.partial`)} (FORMAT parquet)`,
      );
      renameSync(`${target}.partial`, target);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return { ...config, data };
}
