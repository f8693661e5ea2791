/**
 * Moments and quantiles of numeric columns that come out the same whatever the order and the threads.
 *
 * Floating sums depend on their order, integer sums do not: values are scaled by a power of two to
 * fill 52 bits, rounded to integers and summed exactly. With m the largest magnitude of n values, the
 * mean is then off by at most m·2⁻⁵², less than a plain sum of doubles is.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { sqlDouble } from "./number-sql.ts";
import { queryRow, queryRows } from "./source-sql.ts";

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Divided by the count, not by count - 1. */
  readonly variance: number;
}

/** Beyond this, squares are out of the range of doubles. */
const LARGEST = 1e150;

/**
 * Moments of several columns of one table in three passes; the variance of numbers too large to be
 * squared is Infinity.
 *
 * @param from SQL table expression
 * @param values DOUBLE expressions over it, NULL where there is no value, all finite
 */
export async function fitMoments(
  connection: DuckDBConnection,
  from: string,
  values: readonly string[],
): Promise<Moments[]> {
  if (values.length === 0) return [];
  const terms = values.map((x, k) => `count(${x}) AS n${k}, max(abs(${x})) AS m${k}`);
  const sizes = await queryRow(connection, `SELECT ${terms.join(", ")} FROM ${from}`);
  const counts = values.map((_, k) => Number(sizes[`n${k}`]));
  const largest = values.map((_, k) => Number(sizes[`m${k}`] ?? 0));
  const squarable = largest.map((m) => m <= LARGEST);
  const summed = values.map((x, k) => (squarable[k] ? x : "CAST(0 AS DOUBLE)"));
  const sums = await exactSums(connection, from, summed, largest);
  const means = sums.map((sum, k) => (counts[k] === 0 ? 0 : sum / counts[k]));
  const squares = summed.map((x, k) => `pow(${x} - ${sqlDouble(means[k])}, 2)`);
  const bounds = largest.map((m, k) => (squarable[k] ? (m + Math.abs(means[k])) ** 2 : 0));
  const squareSums = await exactSums(connection, from, squares, bounds);
  return values.map((_, k) => ({
    count: counts[k],
    mean: means[k],
    variance: counts[k] === 0 ? 0 : squarable[k] ? squareSums[k] / counts[k] : Number.POSITIVE_INFINITY,
  }));
}

/** Sums of DOUBLE expressions whose magnitudes have these bounds. */
async function exactSums(
  connection: DuckDBConnection,
  from: string,
  values: readonly string[],
  bounds: readonly number[],
): Promise<number[]> {
  // Two factors, since the power itself may lie outside the range of doubles.
  const shifts = bounds.map((bound) => (bound > 0 ? 52 - Math.ceil(Math.log2(bound)) : 0));
  const halves = shifts.map((shift) => [2 ** Math.trunc(shift / 2), 2 ** (shift - Math.trunc(shift / 2))]);
  const terms = values.map((x, k) => {
    const scaled = `(${x}) * ${sqlDouble(halves[k][0])} * ${sqlDouble(halves[k][1])}`;
    return `CAST(sum(CAST(${scaled} AS BIGINT)) AS VARCHAR) AS s${k}`;
  });
  const row = await queryRow(connection, `SELECT ${terms.join(", ")} FROM ${from}`);
  return values.map((_, k) => Number(BigInt(String(row[`s${k}`] ?? 0))) / halves[k][0] / halves[k][1]);
}

/**
 * Cuts at the quantiles 1/n … (n-1)/n: the smallest value with at least that share of values at or
 * below it. Equal cuts are one, and none is the minimum, so that every bucket has training rows.
 */
export async function fitBoundaries(
  connection: DuckDBConnection,
  from: string,
  value: string,
  buckets: number,
): Promise<number[]> {
  const ranks = Array.from({ length: buckets - 1 }, (_, k) => `(${k + 1})`).join(", ");
  const rows = await queryRows(
    connection,
    `WITH distinct_values AS (SELECT ${value} AS x, count(*) AS n FROM ${from} GROUP BY x HAVING x IS NOT NULL),
     ranked AS (SELECT x, sum(n) OVER (ORDER BY x) AS upto, sum(n) OVER () AS total FROM distinct_values)
     SELECT DISTINCT x FROM (
       SELECT min(x) AS x FROM ranked, (VALUES ${ranks}) AS cuts(rank)
       WHERE upto * ${buckets} >= rank * total GROUP BY rank
     ) WHERE x > (SELECT min(x) FROM distinct_values) ORDER BY x`,
  );
  return rows.map((row) => Number(row.x));
}
