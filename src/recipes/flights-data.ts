/**
 * Flights of the first half of 2001 as a table of categories: is a flight more than a quarter of an hour late? A random
 * tenth each for validation and test, as papers on click logs split theirs; the day is a field, so that what a
 * model needs is the meeting of airport and day (weather, a strike), of airport and hour.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type DataConfigInput, sqlText } from "../data/index.ts";
import { publicFile } from "./public-data.ts";

const fields = ["origin", "destination", "day", "hour", "weekday", "distance"] as const;

/** @param rows about how many of the three million */
export async function prepareFlights(
  dataDirectory: string,
  directory: string,
  rows: number,
): Promise<DataConfigInput> {
  const source = publicFile(dataDirectory, "flights-3m", "flights-3m.parquet");
  mkdirSync(directory, { recursive: true });
  const splits = { train: [0, 8], valid: [8, 9], test: [9, 10] } as const;
  const file = (split: string): string => join(directory, `${split}-${rows}.parquet`);
  if (!Object.keys(splits).every((split) => existsSync(file(split)))) {
    const instance = await DuckDBInstance.create(":memory:", { autoinstall_known_extensions: "false" });
    const connection = await instance.connect();
    try {
      await connection.run(drawn(source, rows));
      for (const [split, [from, to]] of Object.entries(splits)) {
        const partial = `${file(split)}.partial`;
        await connection.run(
          `COPY (SELECT ${fields.join(", ")}, late FROM drawn WHERE part >= ${from} AND part < ${to} ORDER BY row) TO ${sqlText(partial)} (FORMAT parquet)`,
        );
        renameSync(partial, file(split));
      }
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
  return {
    data: { train: file("train"), valid: file("valid"), test: file("test") },
    features: fields.map((name) => ({ name, kind: "categorical" as const })),
    labels: [{ name: "late" }],
  };
}

/** Rows and their tenth by a multiplicative hash of the row's number, which no version of the database changes. */
function drawn(source: string, rows: number): string {
  return `
    CREATE TABLE drawn AS
    WITH numbered AS (SELECT row_number() OVER () AS row, * FROM read_parquet(${sqlText(source)})),
    hashed AS (SELECT *, (row * 2654435761) % 4294967296 AS h FROM numbered)
    SELECT row, origin, destination, dayofyear(date)::INT AS day, hour(date)::INT AS hour,
           dayofweek(date)::INT AS weekday, (distance // 250)::INT AS distance, (delay > 15)::INT AS late,
           (h // 7) % 10 AS part
    FROM hashed WHERE h < ${Math.round((rows / 3e6) * 2 ** 32)}`;
}
