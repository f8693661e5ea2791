/** Checks of labels, weights, groups, domains and timestamps on the rows of one split. */
import type { DataConfig, LabelConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import { numberSql, sqlDouble, timeSql } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { labelSql, positiveTexts } from "./label-sql.ts";
import { sqlName } from "./source-sql.ts";
import { badRow, type Check, type ColumnContext, share } from "./validate-check.ts";
import type { ProblemInput, SplitRows } from "./validate-report.ts";

export function labelChecks(label: LabelConfig, split: SplitRows, config: DataConfig): Check[] {
  const column = columnOf(label);
  const { name, threshold, kind } = label;
  const positive = label.positive === undefined ? undefined : positiveTexts(label.positive);
  const value = labelSql({ name, column, threshold, positive, kind }, split.types.get(column)!);
  const x = sqlName(column);
  const text = `trim(CAST(${x} AS VARCHAR)) = ''`;
  const oneClass = (count: number, rows: number, only: 0 | 1): ProblemInput | undefined =>
    count === rows
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
      judge: (count, rows) => ({
        kind: "label-null",
        ...badRow(config),
        message: `label ${name} is empty in ${share(count, rows)}`,
        column,
      }),
    },
    {
      column,
      bad: `(${x} IS NOT NULL AND NOT ${text} AND (${value}) IS NULL)`,
      judge: (count, rows) => ({
        kind: "label-value",
        ...badRow(config),
        message: `label ${name} is ${kind === "binary" && threshold === undefined ? "neither 0 nor 1" : "no finite number"} in ${share(count, rows)}`,
        column,
        hint: "set the label's threshold, its positive values, or kind: real",
      }),
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
          (split.name === "train" && count < 20
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

export function weightChecks(column: string, split: SplitRows, config: DataConfig): Check[] {
  const number = `(${numberSql(sqlName(column), split.types.get(column)!, column)})`;
  return [
    {
      column,
      bad: `NOT coalesce(${number} >= 0, false)`,
      judge: (count, rows) => ({
        kind: "weight",
        ...badRow(config),
        message: `the sample weight is no finite number of at least 0 in ${share(count, rows)}`,
        column,
      }),
    },
    {
      column,
      bad: `coalesce(${number} = 0, false)`,
      judge: (count, rows) => ({
        kind: "weight-zero",
        severity: count === rows ? "error" : "info",
        message: `the sample weight is 0 in ${share(count, rows)}`,
        effect: count === rows ? "training stops" : "nothing",
        column,
      }),
    },
  ];
}

export function roleChecks(role: "group" | "domain", column: string, split: SplitRows): Check[] {
  keyCast(split.types.get(column)!, column);
  return [
    {
      column,
      bad: `${sqlName(column)} IS NULL`,
      judge: (count, rows) => ({
        kind: `${role}-null`,
        severity: "warning",
        message: `the ${role} is empty in ${share(count, rows)}; they make one ${role} together`,
        effect: "the values count as missing",
        column,
      }),
    },
  ];
}

export function timeChecks(column: string, split: SplitRows, { config, unit, now }: ColumnContext): Check[] {
  const x = sqlName(column);
  const time = `(${timeSql(x, split.types.get(column)!, unit, column)})`;
  const needed = config.data.split?.by === "time" && (config.data.split.column ?? column) === column;
  return [
    {
      column,
      bad: `${time} IS NULL`,
      judge: (count, rows) => ({
        kind: "time-unreadable",
        severity: needed ? "error" : "warning",
        message: `the timestamp is empty or no time in ${share(count, rows)}`,
        effect: needed ? "training stops" : "the values count as missing",
        column,
        hint: "times are numbers (timestamp_unit), dates or ISO 8601 texts",
      }),
    },
    {
      column,
      bad: `coalesce(${time} > ${sqlDouble(now)}, false)`,
      judge: (count, rows) => ({
        kind: "time-future",
        severity: "warning",
        message: `the timestamp lies in the future in ${share(count, rows)}`,
        effect: "nothing",
        column,
        hint: `it is read in unit ${unit}; set timestamp_unit if that is wrong`,
      }),
    },
    {
      column,
      bad: `coalesce(${time} BETWEEN 1 AND 315532800, false)`,
      judge: (count, rows) =>
        count < 0.5 * rows
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
