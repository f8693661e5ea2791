/**
 * Flights of the first half of 2001 as a table of categories: is a flight more than a quarter of an hour late? A random
 * tenth each for validation and test, as papers on click logs split theirs; the day is a field, so that what a
 * model needs is the meeting of airport and day (weather, a strike), of airport and hour.
 */
import { type DataConfigInput, sqlText } from "../data/index.ts";
import { madeTables } from "./made-tables.ts";
import { publicFile } from "./public-data.ts";

const fields = ["origin", "destination", "day", "hour", "weekday", "distance"] as const;

/** @param rows about how many of the three million */
export async function prepareFlights(
  dataDirectory: string,
  directory: string,
  rows: number,
): Promise<DataConfigInput> {
  const source = publicFile(dataDirectory, "flights-3m", "flights-3m.parquet");
  const names = { train: `train-${rows}`, valid: `valid-${rows}`, test: `test-${rows}` };
  const part = (from: number, to: number): string =>
    `SELECT ${fields.join(", ")}, late FROM drawn WHERE part >= ${from} AND part < ${to} ORDER BY row`;
  const files = await madeTables(directory, [drawnFlights(source, rows)], {
    [names.train]: part(0, 8),
    [names.valid]: part(8, 9),
    [names.test]: part(9, 10),
  });
  return {
    data: { train: files[names.train], valid: files[names.valid], test: files[names.test] },
    features: fields.map((name) => ({ name, kind: "categorical" as const })),
    labels: [{ name: "late" }],
  };
}

/** Rows and their tenth by a multiplicative hash of the row's number, which no version of the database changes. */
function drawnFlights(source: string, rows: number): string {
  return `
    CREATE TABLE drawn AS
    WITH numbered AS (SELECT row_number() OVER () AS row, * FROM read_parquet(${sqlText(source)})),
    hashed AS (SELECT *, (row * 2654435761) % 4294967296 AS h FROM numbered)
    SELECT row, origin, destination, dayofyear(date)::INT AS day, hour(date)::INT AS hour,
           dayofweek(date)::INT AS weekday, (distance // 250)::INT AS distance, (delay > 15)::INT AS late,
           (h // 7) % 10 AS part
    FROM hashed WHERE h < ${Math.round((rows / 3e6) * 2 ** 32)}`;
}
