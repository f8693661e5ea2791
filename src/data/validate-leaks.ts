/** Features that know the answer: suspected by what they tell of the label, and by their names. */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { DataConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import { LEAK_AUC, leakSignals } from "./inspect-leak.ts";
import { namesOutcome } from "./inspect-names.ts";
import { labelSql, positiveTexts } from "./label-sql.ts";
import { queryRow, sqlName } from "./source-sql.ts";
import { type ProblemInput, type ProblemList, rowsOf, type SplitRows } from "./validate-report.ts";

/** Rows over which single features are compared with the label. */
const LEAK_ROWS = 50_000;

/** Features that alone tell the first label, or are named like the user's answer. */
export async function checkLeaks(
  connection: DuckDBConnection,
  split: SplitRows,
  rows: number,
  config: DataConfig,
  problems: ProblemList,
): Promise<void> {
  const [label] = config.labels;
  const suspects = new Set<string>();
  if (label !== undefined && split.types.has(columnOf(label))) {
    const { types } = split;
    const positive = label.positive === undefined ? undefined : positiveTexts(label.positive);
    const { name, threshold, kind } = label;
    const y = labelSql(
      { name, column: columnOf(label), threshold, positive, kind },
      types.get(columnOf(label))!,
    );
    const columns = config.features
      .filter(
        (feature) =>
          (feature.kind === "categorical" || feature.kind === "numeric") && types.has(columnOf(feature)),
      )
      .map((feature) => ({
        name: columnOf(feature),
        kind:
          feature.kind === "numeric" && !/^(VARCHAR|TIMESTAMP|BOOLEAN)/.test(types.get(columnOf(feature))!)
            ? ("number" as const)
            : ("category" as const),
      }))
      .filter(
        ({ name: column }, k, all) =>
          column !== columnOf(label) && all.findIndex((c) => c.name === column) === k,
      );
    const step = Math.max(1, Math.ceil(rows / LEAK_ROWS));
    const selected = [...columns.map(({ name: column }) => sqlName(column)), `(${y}) AS y`].join(", ");
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE leak_rows AS SELECT ${selected} FROM
         (SELECT *, row_number() OVER () AS "@row" FROM ${rowsOf(split)})
       WHERE "@row" % ${step} = 0`,
    );
    if (kind === "binary") {
      for (const { column, auc, oneSided } of await leakSignals(connection, "leak_rows", columns)) {
        if (auc !== undefined && auc > LEAK_AUC) {
          suspects.add(column);
          problems.add(
            leak(column, `column ${column} alone tells label ${name} with AUC ${auc.toFixed(4)}`),
            split.name,
          );
        } else if (oneSided !== undefined) {
          suspects.add(column);
          problems.add(
            leak(
              column,
              `all ${oneSided.rows} rows where column ${column} is set have label ${name} = ${oneSided.label}`,
            ),
            split.name,
          );
        }
      }
    } else {
      for (const { name: column } of columns.filter((c) => c.kind === "number")) {
        const { r } = await queryRow(
          connection,
          `SELECT corr(CAST(${sqlName(column)} AS DOUBLE), y) AS r FROM leak_rows WHERE isfinite(CAST(${sqlName(column)} AS DOUBLE))`,
        ).catch(() => ({ r: null }));
        if (typeof r !== "number" || Math.abs(r) <= LEAK_AUC) continue;
        suspects.add(column);
        problems.add(
          leak(column, `column ${column} has a correlation of ${r.toFixed(4)} with label ${name}`),
          split.name,
        );
      }
    }
    await connection.run("DROP TABLE leak_rows");
  }
  const labels = new Set(config.labels.map(columnOf));
  for (const feature of config.features) {
    const column = columnOf(feature);
    if (labels.has(column)) {
      problems.add({
        kind: "label-as-feature",
        severity: "error",
        message: `feature ${feature.name} is the label's own column ${column}`,
        effect: "nothing",
        column,
        hint: "a model would see the answer: leave the feature out",
      });
    } else if (!suspects.has(column) && (namesOutcome(column) || /^true_/.test(column))) {
      problems.add({
        kind: "outcome-by-name",
        severity: "info",
        message: `feature ${feature.name}: column ${column} sounds like something known only after the event`,
        effect: "nothing",
        column,
        hint: "if it is, leave it out; it could be another label",
      });
    }
  }
}

function leak(column: string, message: string): ProblemInput {
  return {
    kind: "leak",
    severity: "warning",
    message: `${message}: is it known before the event?`,
    effect: "nothing",
    column,
    hint: "leave the feature out unless it is known when the model is asked",
  };
}
