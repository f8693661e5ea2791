/**
 * The validation value that decides which epoch is best: the monitored metric of one label, or its mean over
 * all labels that are predicted and have it.
 */
import { ConfigError, nearestName } from "../core/index.ts";
import { type MetricValue, parseBinaryMetric } from "../evaluation/index.ts";
import type { Label } from "../schema/index.ts";
import { type Evaluation, hasMetric } from "./evaluate.ts";
import type { ScheduleOptions } from "./schedule.ts";

type Labels = { readonly labels: readonly Pick<Label, "name" | "kind">[] };
type Monitor = Pick<ScheduleOptions, "monitor" | "monitorLabel">;

/**
 * @param metrics by label, from a validation that measured the monitored metric
 * @returns undefined when no monitored label is predicted or the metric was not measured
 */
export function monitoredValue(
  metrics: Evaluation["metrics"],
  map: Labels,
  { monitor, monitorLabel }: Monitor,
): MetricValue | undefined {
  const { name } = parseBinaryMetric(monitor);
  const wanted = map.labels
    .filter((label) =>
      monitorLabel === undefined ? hasMetric(label.kind, monitor) : label.name === monitorLabel,
    )
    .filter((label) => metrics[label.name] !== undefined);
  const values = wanted.map((label) => metrics[label.name][name]);
  if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
  const missing = values.find(({ value }) => value === null);
  if (missing !== undefined) return missing;
  return { value: values.reduce((sum, { value }) => sum + (value ?? 0), 0) / values.length };
}

interface Watched {
  readonly monitorLabel?: string;
  readonly forkMerge?: { readonly target?: string };
}

/** The metric monitored where none is named: AUC, or the RMSE where real numbers alone are watched, which have no AUC. */
export function defaultMonitor({ labels }: Labels, { monitorLabel, forkMerge }: Watched): "auc" | "rmse" {
  // Mixtures are chosen by one label, whatever is monitored otherwise.
  const only = forkMerge === undefined ? monitorLabel : (forkMerge.target ?? monitorLabel ?? labels[0]?.name);
  const watched = labels.filter(({ name }) => only === undefined || name === only);
  return watched.length > 0 && watched.every(({ kind }) => kind === "real") ? "rmse" : "auc";
}

/** Said before the first epoch, not after it. @throws ConfigError for an unknown label, or one without the metric */
export function checkMonitor(map: Labels, { monitor, monitorLabel }: Monitor): void {
  const known = map.labels.map(({ name }) => name);
  const labels =
    monitorLabel === undefined ? map.labels : map.labels.filter(({ name }) => name === monitorLabel);
  if (labels.length === 0) {
    const nearest = nearestName(monitorLabel ?? "", known);
    throw new ConfigError(`monitor_label: the data have no label ${monitorLabel}`, {
      details: { monitorLabel, known },
      hint: nearest === undefined ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`,
    });
  }
  if (!labels.some(({ kind }) => hasMetric(kind, monitor))) {
    const names = labels.map(({ name }) => name).join(", ");
    throw new ConfigError(`monitor: ${monitor} is not a metric of ${names}, which is a real number`, {
      details: { monitor, labels: labels.map(({ name }) => name) },
      hint: "monitor rmse or mae, or another label",
    });
  }
}
