/** Checks of what training rows teach: constant columns, vocabularies that overflow or cut, values never seen. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { MillraceError } from "../core/index.ts";
import { FIRST_VALUE_ID } from "../schema/index.ts";
import type { DataConfig, FeatureConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import { keyCast } from "./raw-key.ts";
import { rawList } from "./raw-list.ts";
import { queryAggregates, queryRow, sqlName } from "./source-sql.ts";
import { type ProblemList, rowsOf, type SplitRows } from "./validate-report.ts";

/** Columns with one value, vocabularies that overflow or cut, list features included; on the training split. */
export async function checkVocabularies(
  connection: DuckDBConnection,
  split: SplitRows,
  config: DataConfig,
  problems: ProblemList,
): Promise<void> {
  const { types } = split;
  await checkConstant(connection, split, config, problems);
  for (const feature of config.features) {
    const column = columnOf(feature);
    const type = types.get(column);
    if (type === undefined || feature.kind === "dense") continue;
    const from = rowsOf(split, [column]);
    const x = sqlName(column);
    if (feature.kind === "numeric" || feature.hashBuckets !== undefined) continue;
    if (feature.target !== undefined) continue;
    let values = `SELECT ${x} AS v FROM ${from}`;
    if (feature.kind !== "categorical") {
      try {
        values = `SELECT unnest(${rawList(x, type, column, feature.separator).sql}) AS v FROM ${from}`;
      } catch (error) {
        if (error instanceof MillraceError) continue; // reported as wrong type
        throw error;
      }
    }
    await checkVocabulary(connection, split, feature, values, problems);
  }
}

/** Columns whose training rows all have one value. */
async function checkConstant(
  connection: DuckDBConnection,
  split: SplitRows,
  { features }: DataConfig,
  problems: ProblemList,
): Promise<void> {
  const scalars = features.filter(
    (feature) =>
      (feature.kind === "numeric" || feature.kind === "categorical") && split.types.has(columnOf(feature)),
  );
  const terms = scalars.flatMap((feature) => {
    const x = sqlName(columnOf(feature));
    return [`count(${x})`, `min(${x}) = max(${x})`, `CAST(min(${x}) AS VARCHAR)`];
  });
  const [rows, ...found] = await queryAggregates(connection, ["count(*)", ...terms], rowsOf(split));
  for (const [k, feature] of scalars.entries()) {
    const [present, same, value] = found.slice(3 * k);
    if (same !== true || present !== rows || Number(rows) < 2) continue;
    problems.add(
      {
        kind: "constant",
        severity: "warning",
        message: `feature ${feature.name} has the same value in every training row: ${value}`,
        effect: "nothing",
        column: columnOf(feature),
        count: Number(rows),
        hint: "leave it out: it carries nothing",
      },
      split.name,
    );
  }
}

/** Most known values that an encoder can hold. */
const LARGEST_VOCABULARY = 2 ** 24 - 8;

async function checkVocabulary(
  connection: DuckDBConnection,
  split: SplitRows,
  { name, minCount, maxSize, ...feature }: FeatureConfig,
  values: string,
  problems: ProblemList,
): Promise<void> {
  const column = columnOf({ name, column: feature.column });
  const row = await queryRow(
    connection,
    `SELECT count(*) AS distinct, count(*) FILTER (n >= ${minCount}) AS frequent, coalesce(sum(n), 0) AS total,
            coalesce(sum(n) FILTER (n < ${minCount}), 0) AS rare
     FROM (SELECT count(*) AS n FROM (${values}) WHERE v IS NOT NULL GROUP BY v)`,
  );
  const [distinct, frequent, total, rare] = [row.distinct, row.frequent, row.total, row.rare].map(Number);
  if (total === 0) return;
  const outOfVocabulary = "the values are out of vocabulary" as const;
  if (frequent > (maxSize ?? LARGEST_VOCABULARY)) {
    const limit =
      maxSize === undefined ? `the most there can be, ${LARGEST_VOCABULARY}` : `max_size ${maxSize}`;
    problems.add(
      {
        kind: "vocabulary-overflow",
        severity: maxSize === undefined ? "error" : "warning",
        message: `feature ${name} has ${frequent} values, more than ${limit}`,
        effect: maxSize === undefined ? "training stops" : outOfVocabulary,
        column,
        count: frequent - (maxSize ?? LARGEST_VOCABULARY),
        hint: "raise min_count, or use hash_buckets",
      },
      split.name,
    );
  }
  if (frequent === 0) {
    problems.add(
      {
        kind: "vocabulary-empty",
        severity: "warning",
        message: `feature ${name}: no value comes ${minCount} times (min_count), so all are out of vocabulary`,
        effect: outOfVocabulary,
        column,
        count: distinct,
        hint: "lower min_count, or leave the feature out",
      },
      split.name,
    );
  } else if (rare > 0) {
    problems.add(
      {
        kind: "vocabulary-rare",
        severity: rare > 0.5 * total ? "warning" : "info",
        message: `feature ${name}: ${distinct - frequent} of ${distinct} values come less than min_count ${minCount} times (${((100 * rare) / total).toFixed(1)} % of occurrences)`,
        effect: outOfVocabulary,
        column,
        count: distinct - frequent,
      },
      split.name,
    );
  }
  if (frequent > 0.5 * total && total > 100 && FIRST_VALUE_ID < frequent) {
    problems.add(
      {
        kind: "nearly-unique",
        severity: "warning",
        message: `feature ${name} has ${distinct} values in ${total} occurrences: most come once and teach nothing`,
        effect: "nothing",
        column,
        count: distinct,
        hint: "raise min_count, or leave the feature out",
      },
      split.name,
    );
  }
}

/** Values of later splits that training never saw. */
export async function checkUnseen(
  connection: DuckDBConnection,
  train: SplitRows,
  other: SplitRows,
  config: DataConfig,
  problems: ProblemList,
): Promise<void> {
  for (const feature of config.features) {
    if (feature.kind !== "categorical" || feature.hashBuckets !== undefined) continue;
    const column = columnOf(feature);
    const types = [train.types.get(column), other.types.get(column)];
    if (types[0] === undefined || types[1] === undefined) continue;
    let key: (x: string, type: string) => string;
    try {
      const casts = types.map((type) => keyCast(type!, column));
      const same = casts[0].type === casts[1].type;
      key = (x, type) =>
        same ? keyCast(type, column).sql(x) : `CAST(${keyCast(type, column).sql(x)} AS VARCHAR)`;
    } catch (error) {
      if (error instanceof MillraceError) continue; // reported as wrong type
      throw error;
    }
    const x = sqlName(column);
    const seen = `SELECT ${key(x, types[0])} AS v FROM ${rowsOf(train, [column])}
                  WHERE ${x} IS NOT NULL GROUP BY v HAVING count(*) >= ${feature.minCount}`;
    const row = await queryRow(
      connection,
      `SELECT count(*) AS present, count(*) FILTER (s.v IS NULL) AS unseen
       FROM (SELECT ${key(x, types[1])} AS v FROM ${rowsOf(other, [column])} WHERE ${x} IS NOT NULL) o
       LEFT JOIN (${seen}) s ON o.v = s.v`,
    );
    const [present, unseen] = [Number(row.present), Number(row.unseen)];
    if (unseen === 0) continue;
    problems.add(
      {
        kind: "unseen-values",
        severity: unseen > 0.5 * present ? "warning" : "info",
        message: `feature ${feature.name}: ${unseen} of ${present} values of the ${other.name} split are not known from training`,
        effect: "the values are out of vocabulary",
        column,
        count: unseen,
      },
      other.name,
    );
  }
}
