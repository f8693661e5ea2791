/**
 * How much one column alone says of the label. A column that says everything was most likely written
 * after the event: a model may not see it.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { queryAggregates, queryRow, sqlName } from "./source-sql.ts";

export interface LeakSignal {
  readonly column: string;
  /** max(AUC, 1 - AUC) of the column alone; undefined where it cannot be told. */
  readonly auc: number | undefined;
  /** All rows in which the column is neither null nor zero have one label: how many they are, and which. */
  readonly oneSided: { readonly rows: number; readonly label: 0 | 1 } | undefined;
}

/** Above this a single column is suspected to know the answer. */
export const LEAK_AUC = 0.99;
/** One-sidedness counts when chance would give it with a probability under e^-30. */
const SURPRISE = 30;

export interface LeakColumn {
  readonly name: string;
  readonly kind: "number" | "category";
}

/** Each column's signal over a table that also has a column `y` of 0, 1 or null. */
export async function leakSignals(
  connection: DuckDBConnection,
  table: string,
  columns: readonly LeakColumn[],
): Promise<LeakSignal[]> {
  const sides = await oneSidedness(connection, table, columns);
  const signals: LeakSignal[] = [];
  for (const [k, { name, kind }] of columns.entries()) {
    const x = sqlName(name);
    const auc =
      kind === "number" ? await numberAuc(connection, table, x) : await categoryAuc(connection, table, x);
    signals.push({
      column: name,
      auc: auc === undefined ? undefined : Math.max(auc, 1 - auc),
      oneSided: sides[k],
    });
  }
  return signals;
}

/** Mann-Whitney, ties half: AUC = (R₁ - n₁(n₁+1)/2) / (n₁n₀) with R₁ the sum of the positives' mid-ranks. */
async function aucOf(connection: DuckDBConnection, scored: string): Promise<number | undefined> {
  const row = await queryRow(
    connection,
    `SELECT fsum(positives * (before + (n + 1) / 2)) AS ranks, sum(positives) AS p, sum(n) - sum(positives) AS q
     FROM (SELECT n, positives, sum(n) OVER (ORDER BY s) - n AS before
           FROM (SELECT s, count(*) AS n, sum(y) AS positives FROM ${scored} WHERE s IS NOT NULL AND y IS NOT NULL GROUP BY s))`,
  );
  const p = Number(row.p ?? 0);
  const q = Number(row.q ?? 0);
  if (p === 0 || q === 0) return undefined;
  return (Number(row.ranks) - (p * (p + 1)) / 2) / (p * q);
}

function numberAuc(connection: DuckDBConnection, table: string, x: string): Promise<number | undefined> {
  return aucOf(
    connection,
    `(SELECT CAST(${x} AS DOUBLE) AS s, y FROM ${table} WHERE isfinite(CAST(${x} AS DOUBLE)))`,
  );
}

/** Label rates of values are learned on every other row and judged on the rest, so that rare values do not count. */
function categoryAuc(connection: DuckDBConnection, table: string, x: string): Promise<number | undefined> {
  const numbered = `(SELECT CAST(${x} AS VARCHAR) AS v, y, hash(row_number() OVER ()) % 2 AS part FROM ${table} WHERE y IS NOT NULL)`;
  return aucOf(
    connection,
    `(WITH rows AS MATERIALIZED (FROM ${numbered}),
           rates AS (SELECT v, avg(y) AS s FROM rows WHERE part = 0 GROUP BY v)
      SELECT rates.s AS s, rows.y AS y FROM rows JOIN rates ON rows.v IS NOT DISTINCT FROM rates.v WHERE part = 1)`,
  );
}

async function oneSidedness(
  connection: DuckDBConnection,
  table: string,
  columns: readonly LeakColumn[],
): Promise<LeakSignal["oneSided"][]> {
  const counts = columns.flatMap(({ name, kind }) => {
    const x = sqlName(name);
    const present = kind === "number" ? `coalesce(CAST(${x} AS DOUBLE) <> 0, false)` : `${x} IS NOT NULL`;
    return [`count(*) FILTER (${present})`, `coalesce(sum(y) FILTER (${present}), 0)`];
  });
  const known = `(FROM ${table} WHERE y IS NOT NULL)`;
  const terms = ["count(*)", "coalesce(sum(y), 0)", ...counts];
  const found = (await queryAggregates(connection, terms, known)).map(Number);
  const base = found[1] / found[0];
  return columns.map((_, k) => {
    const [rows, positives] = found.slice(2 * k + 2);
    if (rows === 0 || !(base > 0 && base < 1)) return undefined;
    if (positives === rows && -rows * Math.log(base) > SURPRISE) return { rows, label: 1 };
    if (positives === 0 && -rows * Math.log(1 - base) > SURPRISE) return { rows, label: 0 };
    return undefined;
  });
}
