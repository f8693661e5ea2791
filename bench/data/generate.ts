/**
 * The benchmark's raw data: a click log shaped like Criteo's, with a label, 13 numbers (heavy tails, some
 * missing) and 26 columns of eight hexadecimal digits whose popularity falls by a power law. A cell is a
 * hash of its row and column, so that any number of threads writes the same file.
 */
import { DuckDBInstance } from "@duckdb/node-api";

export const NUMBERS = Array.from({ length: 13 }, (_, k) => `n${k}`);
export const CATEGORIES = Array.from({ length: 26 }, (_, k) => `c${k}`);

/** Possible values by column, after the sizes of Criteo's columns in a million rows. */
const SIZES = [
  1460, 560, 400_000, 200_000, 305, 20, 12_000, 620, 3, 45_000, 5200, 360_000, 3200, 26, 11_000, 280_000, 10,
  4700, 2100, 4, 320_000, 17, 15, 100_000, 90, 50_000,
];

/** Writes the CSV; about 289 bytes a row. */
export async function generateCsv(path: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "1GiB" });
  const connection = await instance.connect();
  // Uniform in [0, 1), by row and column.
  const uniform = (column: number): string => `(hash(i * 64 + ${column}) >> 11) / 9007199254740992.0`;
  const columns = [`CASE WHEN ${uniform(0)} < 0.256 THEN 1 ELSE 0 END AS label`];
  for (const [k, name] of NUMBERS.entries()) {
    const value =
      k % 3 === 0
        ? `CAST(exp(${uniform(2 * k + 1)} * 8) AS INTEGER)`
        : `round(exp(${uniform(2 * k + 1)} * 6) - 1, 3)`;
    columns.push(`CASE WHEN ${uniform(2 * k + 2)} >= 0.15 THEN ${value} END AS ${name}`);
  }
  for (const [k, name] of CATEGORIES.entries()) {
    const rank = `CAST(floor(${SIZES[k]} * pow(${uniform(28 + k)}, 3)) AS BIGINT)`;
    const text = `printf('%08x', CAST(hash(${rank} + ${k} * 1000003) & 4294967295 AS BIGINT))`;
    columns.push(`CASE WHEN hash(i * 64 + ${28 + k}) % 25 > 0 THEN ${text} END AS ${name}`);
  }
  await connection.run(
    `COPY (SELECT ${columns.join(", ")} FROM range(${rows}) AS r(i)) TO '${path}' (HEADER)`,
  );
  connection.closeSync();
  instance.closeSync();
}
