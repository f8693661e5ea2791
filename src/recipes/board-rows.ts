/** What boards show beside metrics: seconds an epoch, and each model against one figure without a spread. */
import { type ResultComparison, type ResultRow, resultRow } from "../run/index.ts";
import type { VariantRuns } from "./grid.ts";

/** Seconds an epoch of the runs that a row is of. */
export function secondsRow(row: ResultRow, { metrics }: Pick<VariantRuns, "metrics">): ResultRow {
  const values = metrics.map(({ secondsPerEpoch }) => secondsPerEpoch ?? null);
  return resultRow({ ...row, metric: "seconds_per_epoch", values });
}

/** `9000 parameters, 1.2 1.3 s an epoch`, for progress. */
export function costText({ parameters, values }: ResultRow): string {
  return `${parameters} parameters, ${values.map((value) => value?.toFixed(1) ?? "-").join(" ")} s an epoch`;
}

/** The mean of a row against a single figure; an undefined mean does not hold. */
export function againstFigure(
  { data, metric, variant, mean }: ResultRow,
  {
    baseline,
    figure,
    holds,
  }: {
    readonly baseline: string;
    readonly figure: number;
    readonly holds: (difference: number) => boolean;
  },
): ResultComparison {
  const difference = mean === null ? null : mean - figure;
  return {
    data,
    metric,
    method: variant,
    baseline,
    difference,
    interval95: null,
    verdict: difference !== null && holds(difference) ? "holds" : "does-not-hold",
  };
}
