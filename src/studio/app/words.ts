/** Figures and moments in words. */
import { binaryMetrics, parseBinaryMetric } from "../../evaluation/index.ts";
import { formatMetric } from "../../report/drawing/index.ts";
import type { RunCondition, RunSummary } from "../api.ts";

export const conditionWords: { readonly [C in RunCondition]: string } = {
  training: "training",
  finished: "finished",
  interrupted: "interrupted",
  failed: "failed",
  broken: "broken",
};

export function scoreText(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : formatMetric(value);
}

/** `3 min ago`; days and more as a date. */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - at) / 1000);
  if (at <= 0) return "–";
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(at).toISOString().slice(0, 10);
}

/** The label whose scores a table shows: the asked one where a run has it, else its first. */
export function scoresOf({ scores }: RunSummary, label: string | undefined): RunSummary["scores"][string] {
  if (label !== undefined) return scores[label] ?? {};
  return Object.values(scores)[0] ?? {};
}

/** The last part of a run's path. */
export function shortName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

/** How good a metric's value is: more is better. */
function goodness(metric: string, value: number): number {
  try {
    const { higherIsBetter } = binaryMetrics[parseBinaryMetric(metric).family];
    // A ratio is best at one.
    return higherIsBetter === undefined ? -Math.abs(value - 1) : higherIsBetter ? value : -value;
  } catch {
    // Ranking metrics, all of which count hits.
    return value;
  }
}

/** Which of several values is best: an index, or -1 where that makes no sense. */
export function bestOf(metric: string, values: readonly (number | null | undefined)[]): number {
  let best = -1;
  for (const [k, value] of values.entries()) {
    if (value === null || value === undefined) continue;
    const before = best < 0 ? undefined : values[best];
    if (before === null || before === undefined || goodness(metric, value) > goodness(metric, before))
      best = k;
  }
  return values.filter((value) => value !== null && value !== undefined).length < 2 ? -1 : best;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
