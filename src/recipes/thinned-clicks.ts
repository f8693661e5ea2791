/**
 * A world's clicks made rarer: positives of training are dropped at random until a wanted share of rows is
 * left, as in logs with sparse feedback. What remains follows a law that is still known: keeping a share r of the
 * positives turns a true probability p into `r p / (1 - p + r p)`, a shift of its logit by ln r, so that rows
 * keep their order. Validation and test keep all their rows; their `true_click` is that of the thinned law.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type DataConfigInput, queryRow, sqlText } from "../data/index.ts";
import { drawn, withDatabase, writeParquet } from "./made-tables.ts";

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
  await withDatabase(async (connection) => {
    const source = (split: "train" | "valid" | "test"): string =>
      `read_parquet(${sqlText(String(config.data[split]))})`;
    const { base } = await queryRow(connection, `SELECT avg(click) AS base FROM ${source("train")}`);
    const odds = (share: number): number => share / (1 - share);
    const kept = Math.min(1, odds(rate) / odds(Number(base)));
    const law = `${kept} * true_click / (1 - true_click + ${kept} * true_click) AS true_click`;
    for (const split of ["train", "valid", "test"] as const) {
      const numbered = `(SELECT *, row_number() OVER () AS row FROM ${source(split)})`;
      const where = split === "train" ? `WHERE click = 0 OR ${drawn("'click' || row")} < ${kept}` : "";
      await writeParquet(
        connection,
        `SELECT * EXCLUDE (row) REPLACE (${law}) FROM ${numbered} ${where} ORDER BY row`,
        file(split),
      );
    }
  });
  return { ...config, data };
}
