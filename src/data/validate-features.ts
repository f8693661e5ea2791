/** Checks of feature columns on the rows of one split. */
import { NUMBER_PATTERN } from "../schema/index.ts";
import type { DataConfig, FeatureConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import { numberSql, sqlDouble, timeSql } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { rawList } from "./raw-list.ts";
import { sqlName } from "./source-sql.ts";
import { badRow, type Check, type ColumnContext, share } from "./validate-check.ts";
import type { SplitRows } from "./validate-report.ts";

/** @throws ConfigError when the column's type does not fit the feature's kind */
export function featureChecks(feature: FeatureConfig, split: SplitRows, context: ColumnContext): Check[] {
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
      judge: (count, rows) => ({
        kind: "not-a-number",
        severity: "warning",
        message: `feature ${feature.name} is declared ${feature.type}; ${share(count, rows)} hold other text`,
        effect: "the values are out of vocabulary",
        column,
      }),
    },
  ];
}

function notFinite(feature: FeatureConfig, x: string): Check {
  const column = columnOf(feature);
  return {
    column,
    bad: `(${x} IS NOT NULL AND NOT isfinite(${x}))`,
    judge: (count, rows) => ({
      kind: "not-finite",
      severity: "warning",
      message: `feature ${feature.name} is NaN or infinite in ${share(count, rows)}`,
      effect: "the values count as missing",
      column,
    }),
  };
}

/** Up to here a number is one in float32, too. */
const LARGEST_FLOAT = 3.4028235e38;

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
      judge: (count, rows) => ({
        kind: "not-a-number",
        severity: count === rows ? "error" : "warning",
        message: `feature ${feature.name} should be numbers; ${share(count, rows)} hold other text`,
        effect: "the values count as missing",
        column,
        hint:
          count === rows ? "make it categorical" : 'if the text means "no value", name it in data.null_text',
      }),
    });
  }
  const { clip, transform } = feature;
  if (clip === undefined && transform === "raw") {
    checks.push({
      column,
      bad: `coalesce(isfinite(${number}) AND abs(${number}) > ${sqlDouble(LARGEST_FLOAT)}, false)`,
      judge: (count, rows) => ({
        kind: "too-large",
        severity: "warning",
        message: `feature ${feature.name} is beyond float32 (3.4e38) in ${share(count, rows)}`,
        effect: "the values count as missing",
        column,
        hint: "set clip, or transform: log",
      }),
    });
  }
  if (clip !== undefined) {
    checks.push({
      column,
      bad: `coalesce(${number} < ${sqlDouble(clip[0])} OR ${number} > ${sqlDouble(clip[1])}, false)`,
      judge: (count, rows) => ({
        kind: "clipped",
        severity: count > 0.5 * rows ? "warning" : "info",
        message: `feature ${feature.name} lies outside ${clip[0]} to ${clip[1]} in ${share(count, rows)}`,
        effect: "the values are moved to the bounds",
        column,
      }),
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
      judge: (count, rows) => ({
        kind: count === rows ? "all-null" : "empty-lists",
        severity: count === rows ? "warning" : "info",
        message: `feature ${feature.name} has no entries in ${share(count, rows)}`,
        effect: "nothing",
        column,
      }),
    },
  ];
  const { maxLength } = feature;
  if (maxLength !== undefined) {
    checks.push({
      column,
      bad: `len(${list.sql}) > ${maxLength}`,
      judge: (count, rows) => ({
        kind: "lists-cut",
        severity: "info",
        message: `feature ${feature.name} has more than max_length ${maxLength} entries in ${share(count, rows)}`,
        effect: "the last entries are kept",
        column,
      }),
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
      judge: (count, rows) => ({
        kind: "vector-length",
        ...badRow(config),
        message: `feature ${name} has other than ${dim} numbers in ${share(count, rows)}`,
        column,
      }),
    },
    {
      column,
      bad: `len(list_filter(${list.sql}, lambda e: (${number}) IS NULL)) > 0`,
      judge: (count, rows) => ({
        kind: "not-finite",
        severity: "warning",
        message: `feature ${name} has entries that are no finite numbers in ${share(count, rows)}`,
        effect: "the values count as missing",
        column,
      }),
    },
  ];
}

/** Times of a sequence's entries: as many as entries, none after the row itself. */
export function entryTimeChecks(
  feature: FeatureConfig,
  split: SplitRows,
  { config, unit }: ColumnContext,
): Check[] {
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
      judge: (count, rows) => ({
        kind: "times-misaligned",
        severity: "warning",
        message: `feature ${name} and its times differ in length in ${share(count, rows)}`,
        effect: "nothing",
        column: timesColumn,
        hint: "entries and times are aligned at their last ones; check that they belong together",
      }),
    },
  ];
  if (split.types.has(config.timestamp)) {
    const now = timeSql(sqlName(config.timestamp), typeOf(config.timestamp), unit, config.timestamp);
    checks.push({
      column: timesColumn,
      bad: `coalesce(list_max(list_transform(${times.sql}, lambda e: ${entry})) >= (${now}), false)`,
      judge: (count, rows) => ({
        kind: "history-from-the-future",
        severity: "warning",
        message: `feature ${name} has entries at or after the row's own time in ${share(count, rows)}: the history knows what comes`,
        effect: "nothing",
        column: timesColumn,
        hint: "build histories from events strictly before the row",
      }),
    });
  }
  return checks;
}
