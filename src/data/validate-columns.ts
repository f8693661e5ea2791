/** Checks of single columns: features, labels and the other roles, on the rows of one split. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { MillraceError } from "../core/index.ts";
import { FIRST_VALUE_ID, NUMBER_PATTERN, type TimestampUnit } from "../schema/index.ts";
import type { DataConfig, FeatureConfig, LabelConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import { numberSql, sqlDouble, timeSql } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { rawList } from "./raw-list.ts";
import { labelSql, positiveTexts } from "./row-quality.ts";
import { queryRow, sqlName } from "./source-sql.ts";
import {
  type Effect,
  type ProblemInput,
  type ProblemList,
  rowsOf,
  type SplitRows,
} from "./validate-report.ts";

/** Something that rows may show: SQL of it, and what it means when `count` of `rows` rows do. */
interface Check {
  readonly column: string;
  readonly bad: string;
  /** Undefined: not worth a word. */
  readonly judge: (count: number, rows: number) => ProblemInput | undefined;
}

export interface ColumnContext {
  readonly config: DataConfig;
  readonly unit: TimestampUnit;
  /** Seconds since 1970 after which a time lies in the future. */
  readonly now: number;
}

/** Runs all checks of one split in one pass and adds what they find. */
export async function checkColumns(
  connection: DuckDBConnection,
  split: SplitRows,
  context: ColumnContext,
  problems: ProblemList,
): Promise<void> {
  const { config } = context;
  const checks: Check[] = [];
  const collect = (column: string, make: () => readonly Check[]): void => {
    if (!split.types.has(column)) return; // reported as missing
    try {
      checks.push(...make());
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      problems.add(
        {
          kind: "wrong-type",
          severity: "error",
          message: error.message,
          effect: "training stops",
          column,
          file: split.source.files[0],
          hint: error.hint,
        },
        split.name,
      );
    }
  };
  for (const feature of config.features) {
    collect(columnOf(feature), () => featureChecks(feature, split, context));
    if (feature.timesColumn !== undefined) {
      collect(feature.timesColumn, () => entryTimeChecks(feature, split, context));
    }
  }
  for (const label of config.labels) collect(columnOf(label), () => labelChecks(label, split, config));
  collect(config.weight ?? "", () => weightChecks(config.weight!, split, config));
  for (const role of ["group", "domain"] as const) {
    collect(config[role] ?? "", () => roleChecks(role, config[role]!, split));
  }
  collect(config.timestamp ?? "", () => timeChecks(config.timestamp!, split, context));
  await runChecks(connection, split, checks, problems);
}

async function runChecks(
  connection: DuckDBConnection,
  split: SplitRows,
  checks: readonly Check[],
  problems: ProblemList,
): Promise<void> {
  const counts = checks.map(({ bad }, k) => `count(*) FILTER (${bad}) AS n${k}`);
  const row = await queryRow(
    connection,
    `SELECT ${["count(*) AS rows", ...counts].join(", ")} FROM ${rowsOf(split)}`,
  );
  const rows = Number(row.rows);
  for (const [k, { bad, judge }] of checks.entries()) {
    const count = Number(row[`n${k}`]);
    const problem = judge(count, rows);
    if (problem === undefined) continue;
    if (count === 0 || count === rows) problems.add({ count, ...problem }, split.name);
    else await problems.addRows({ count, ...problem }, split, bad);
  }
}

const badRow = (config: DataConfig): { severity: "error" | "warning"; effect: Effect } =>
  config.data.onBadRow === "fail"
    ? { severity: "error", effect: "training stops" }
    : { severity: "warning", effect: "rows are left out and counted" };

const share = (count: number, rows: number): string => `${count} of ${rows} rows`;

function featureChecks(feature: FeatureConfig, split: SplitRows, context: ColumnContext): Check[] {
  const column = columnOf(feature);
  switch (feature.kind) {
    case "categorical":
      return [missingCheck(feature, split), ...categoricalChecks(feature, split.types.get(column)!)];
    case "numeric":
      return [missingCheck(feature, split), ...numericChecks(feature, split.types.get(column)!)];
    case "bag":
    case "sequence":
      return listChecks(feature, split);
    case "dense":
      return denseChecks(feature, split, context.config);
  }
}

function missingCheck(feature: FeatureConfig, split: SplitRows): Check {
  const column = columnOf(feature);
  const x = sqlName(column);
  const empty = split.types.get(column) === "VARCHAR" ? ` OR trim(${x}) = ''` : "";
  return {
    column,
    bad: `(${x} IS NULL${empty})`,
    judge: (count, rows) => {
      if (count === 0 || rows === 0) return undefined;
      if (count === rows) {
        return {
          kind: "all-null",
          severity: "warning",
          message: `feature ${feature.name} has no value in any row: it carries nothing`,
          effect: "the values count as missing",
          column,
          hint: "leave the feature out, or look at how the file was written",
        };
      }
      return {
        kind: "missing-values",
        severity: count > 0.99 * rows ? "warning" : "info",
        message: `feature ${feature.name} has no value in ${share(count, rows)}`,
        effect: "the values count as missing",
        column,
      };
    },
  };
}

function categoricalChecks(feature: FeatureConfig, type: string): Check[] {
  const column = columnOf(feature);
  const x = sqlName(column);
  keyCast(type, column);
  if (type === "FLOAT" || type === "DOUBLE") return [notFinite(feature, x)];
  if (type !== "VARCHAR" || (feature.type !== "int64" && feature.type !== "float64")) return [];
  return [
    {
      column,
      bad: `(trim(${x}) <> '' AND NOT regexp_full_match(trim(${x}), '${NUMBER_PATTERN}'))`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "not-a-number",
              severity: "warning",
              message: `feature ${feature.name} is declared ${feature.type}; ${share(count, rows)} hold other text`,
              effect: "the values are out of vocabulary",
              column,
            },
    },
  ];
}

function notFinite(feature: FeatureConfig, x: string): Check {
  const column = columnOf(feature);
  return {
    column,
    bad: `(${x} IS NOT NULL AND NOT isfinite(${x}))`,
    judge: (count, rows) =>
      count === 0
        ? undefined
        : {
            kind: "not-finite",
            severity: "warning",
            message: `feature ${feature.name} is NaN or infinite in ${share(count, rows)}`,
            effect: "the values count as missing",
            column,
          },
  };
}

function numericChecks(feature: FeatureConfig, type: string): Check[] {
  const column = columnOf(feature);
  const x = sqlName(column);
  const number = `(${numberSql(x, type, column)})`;
  const checks: Check[] = [];
  if (type === "FLOAT" || type === "DOUBLE") checks.push(notFinite(feature, x));
  if (type === "VARCHAR") {
    checks.push({
      column,
      bad: `(trim(${x}) <> '' AND ${number} IS NULL)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "not-a-number",
              severity: count === rows ? "error" : "warning",
              message: `feature ${feature.name} should be numbers; ${share(count, rows)} hold other text`,
              effect: "the values count as missing",
              column,
              hint:
                count === rows
                  ? "make it categorical"
                  : 'if the text means "no value", name it in data.null_text',
            },
    });
  }
  const { clip } = feature;
  if (clip !== undefined) {
    checks.push({
      column,
      bad: `coalesce(${number} < ${sqlDouble(clip[0])} OR ${number} > ${sqlDouble(clip[1])}, false)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "clipped",
              severity: count > 0.5 * rows ? "warning" : "info",
              message: `feature ${feature.name} lies outside ${clip[0]} to ${clip[1]} in ${share(count, rows)}`,
              effect: "the values are moved to the bounds",
              column,
            },
    });
  }
  return checks;
}

function listChecks(feature: FeatureConfig, split: SplitRows): Check[] {
  const column = columnOf(feature);
  const list = rawList(sqlName(column), split.types.get(column)!, column, feature.separator);
  keyCast(list.elementType, column);
  const checks: Check[] = [
    {
      column,
      bad: `len(${list.sql}) = 0`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: count === rows ? "all-null" : "empty-lists",
              severity: count === rows ? "warning" : "info",
              message: `feature ${feature.name} has no entries in ${share(count, rows)}`,
              effect: "nothing",
              column,
            },
    },
  ];
  const { maxLength } = feature;
  if (maxLength !== undefined) {
    checks.push({
      column,
      bad: `len(${list.sql}) > ${maxLength}`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "lists-cut",
              severity: "info",
              message: `feature ${feature.name} has more than max_length ${maxLength} entries in ${share(count, rows)}`,
              effect: "the last entries are kept",
              column,
            },
    });
  }
  return checks;
}

function denseChecks(feature: FeatureConfig, split: SplitRows, config: DataConfig): Check[] {
  const column = columnOf(feature);
  const list = rawList(sqlName(column), split.types.get(column)!, column, feature.separator);
  const number = numberSql("e", list.elementType, column);
  const { dim = 0, name } = feature;
  return [
    {
      column,
      bad: `len(${list.sql}) NOT IN (0, ${dim})`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "vector-length",
              ...badRow(config),
              message: `feature ${name} has other than ${dim} numbers in ${share(count, rows)}`,
              column,
            },
    },
    {
      column,
      bad: `len(list_filter(${list.sql}, lambda e: (${number}) IS NULL)) > 0`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "not-finite",
              severity: "warning",
              message: `feature ${name} has entries that are no finite numbers in ${share(count, rows)}`,
              effect: "the values count as missing",
              column,
            },
    },
  ];
}

/** Times of a sequence's entries: as many as entries, none after the row itself. */
function entryTimeChecks(feature: FeatureConfig, split: SplitRows, { config, unit }: ColumnContext): Check[] {
  const { name, separator, timesColumn = "" } = feature;
  const typeOf = (column: string): string => split.types.get(column)!;
  const column = columnOf(feature);
  if (!split.types.has(column) || config.timestamp === undefined) return [];
  const ids = rawList(sqlName(column), typeOf(column), column, separator);
  const times = rawList(sqlName(timesColumn), typeOf(timesColumn), timesColumn, separator);
  const entry = timeSql("e", times.elementType, unit, timesColumn);
  const checks: Check[] = [
    {
      column: timesColumn,
      bad: `len(${ids.sql}) <> len(${times.sql})`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "times-misaligned",
              severity: "warning",
              message: `feature ${name} and its times differ in length in ${share(count, rows)}`,
              effect: "nothing",
              column: timesColumn,
              hint: "entries and times are aligned at their last ones; check that they belong together",
            },
    },
  ];
  if (split.types.has(config.timestamp)) {
    const now = timeSql(sqlName(config.timestamp), typeOf(config.timestamp), unit, config.timestamp);
    checks.push({
      column: timesColumn,
      bad: `coalesce(list_max(list_transform(${times.sql}, lambda e: ${entry})) >= (${now}), false)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "history-from-the-future",
              severity: "warning",
              message: `feature ${name} has entries at or after the row's own time in ${share(count, rows)}: the history knows what comes`,
              effect: "nothing",
              column: timesColumn,
              hint: "build histories from events strictly before the row",
            },
    });
  }
  return checks;
}

function labelChecks(label: LabelConfig, split: SplitRows, config: DataConfig): Check[] {
  const column = columnOf(label);
  const { name, threshold, kind } = label;
  const positive = label.positive === undefined ? undefined : positiveTexts(label.positive);
  const value = labelSql({ name, column, threshold, positive, kind }, split.types.get(column)!);
  const x = sqlName(column);
  const text = `trim(CAST(${x} AS VARCHAR)) = ''`;
  const oneClass = (count: number, rows: number, only: 0 | 1): ProblemInput | undefined =>
    rows > 0 && count === rows
      ? {
          kind: "label-one-class",
          severity: split.name === "train" ? "error" : "warning",
          message: `label ${name} is ${only} in every row${split.name === "train" ? ": nothing can be learnt" : ": AUC is undefined"}`,
          effect: split.name === "train" ? "training stops" : "nothing",
          column,
          hint: "check the label's column, threshold or positive values, and how the rows were chosen",
        }
      : undefined;
  const checks: Check[] = [
    {
      column,
      bad: `(${x} IS NULL OR ${text})`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "label-null",
              ...badRow(config),
              message: `label ${name} is empty in ${share(count, rows)}`,
              column,
            },
    },
    {
      column,
      bad: `(${x} IS NOT NULL AND NOT ${text} AND (${value}) IS NULL)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "label-value",
              ...badRow(config),
              message: `label ${name} is ${kind === "binary" && threshold === undefined ? "neither 0 nor 1" : "no finite number"} in ${share(count, rows)}`,
              column,
              hint: "set the label's threshold, its positive values, or kind: real",
            },
    },
  ];
  if (kind === "binary") {
    checks.push(
      { column, bad: `coalesce((${value}) = 0, false)`, judge: (count, rows) => oneClass(count, rows, 0) },
      {
        column,
        bad: `coalesce((${value}) = 1, false)`,
        judge: (count, rows) =>
          oneClass(count, rows, 1) ??
          (split.name === "train" && count > 0 && count < 20
            ? {
                kind: "label-rare",
                severity: "warning",
                message: `label ${name} is 1 in ${share(count, rows)} only`,
                effect: "nothing",
                column,
              }
            : undefined),
      },
    );
  }
  return checks;
}

function weightChecks(column: string, split: SplitRows, config: DataConfig): Check[] {
  const number = `(${numberSql(sqlName(column), split.types.get(column)!, column)})`;
  return [
    {
      column,
      bad: `NOT coalesce(${number} >= 0, false)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "weight",
              ...badRow(config),
              message: `the sample weight is no finite number of at least 0 in ${share(count, rows)}`,
              column,
            },
    },
    {
      column,
      bad: `coalesce(${number} = 0, false)`,
      judge: (count, rows) =>
        count === 0 || rows === 0
          ? undefined
          : {
              kind: "weight-zero",
              severity: count === rows ? "error" : "info",
              message: `the sample weight is 0 in ${share(count, rows)}`,
              effect: count === rows ? "training stops" : "nothing",
              column,
            },
    },
  ];
}

function roleChecks(role: "group" | "domain", column: string, split: SplitRows): Check[] {
  keyCast(split.types.get(column)!, column);
  return [
    {
      column,
      bad: `${sqlName(column)} IS NULL`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: `${role}-null`,
              severity: "warning",
              message: `the ${role} is empty in ${share(count, rows)}; they make one ${role} together`,
              effect: "the values count as missing",
              column,
            },
    },
  ];
}

function timeChecks(column: string, split: SplitRows, { config, unit, now }: ColumnContext): Check[] {
  const x = sqlName(column);
  const time = `(${timeSql(x, split.types.get(column)!, unit, column)})`;
  const needed = config.data.split?.by === "time" && (config.data.split.column ?? column) === column;
  return [
    {
      column,
      bad: `${time} IS NULL`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "time-unreadable",
              severity: needed ? "error" : "warning",
              message: `the timestamp is empty or no time in ${share(count, rows)}`,
              effect: needed ? "training stops" : "the values count as missing",
              column,
              hint: "times are numbers (timestamp_unit), dates or ISO 8601 texts",
            },
    },
    {
      column,
      bad: `coalesce(${time} > ${sqlDouble(now)}, false)`,
      judge: (count, rows) =>
        count === 0
          ? undefined
          : {
              kind: "time-future",
              severity: "warning",
              message: `the timestamp lies in the future in ${share(count, rows)}`,
              effect: "nothing",
              column,
              hint: `it is read in unit ${unit}; set timestamp_unit if that is wrong`,
            },
    },
    {
      column,
      bad: `coalesce(${time} BETWEEN 1 AND 315532800, false)`,
      judge: (count, rows) =>
        count < 0.5 * rows || count === 0
          ? undefined
          : {
              kind: "time-early",
              severity: "info",
              message: `the timestamp lies before 1980 in ${share(count, rows)}: seconds of a clock of their own, or another unit`,
              effect: "nothing",
              column,
              hint: `it is read in unit ${unit}; set timestamp_unit if that is wrong`,
            },
    },
  ];
}

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
  const terms = scalars.flatMap((feature, k) => {
    const x = sqlName(columnOf(feature));
    return [
      `count(${x}) AS present${k}`,
      `min(${x}) = max(${x}) AS same${k}`,
      `CAST(min(${x}) AS VARCHAR) AS value${k}`,
    ];
  });
  const row = await queryRow(
    connection,
    `SELECT ${["count(*) AS rows", ...terms].join(", ")} FROM ${rowsOf(split)}`,
  );
  for (const [k, feature] of scalars.entries()) {
    if (row[`same${k}`] !== true || row[`present${k}`] !== row.rows || Number(row.rows) < 2) continue;
    problems.add(
      {
        kind: "constant",
        severity: "warning",
        message: `feature ${feature.name} has the same value in every training row: ${row[`value${k}`]}`,
        effect: "nothing",
        column: columnOf(feature),
        count: Number(row.rows),
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
        message: `feature ${feature.name}: ${((100 * unseen) / present).toFixed(1)} % of the ${other.name} rows have a value that training does not know`,
        effect: "the values are out of vocabulary",
        column,
        count: unseen,
      },
      other.name,
    );
  }
}
