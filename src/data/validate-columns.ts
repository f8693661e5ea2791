/** Checks of single columns, features, labels and the other roles, on the rows of one split. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { MillraceError } from "../core/index.ts";
import { columnOf } from "./fit.ts";
import { type Check, type ColumnContext, runChecks } from "./validate-check.ts";
import { entryTimeChecks, featureChecks } from "./validate-features.ts";
import type { ProblemList, SplitRows } from "./validate-report.ts";
import { labelChecks, roleChecks, timeChecks, weightChecks } from "./validate-roles.ts";

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
