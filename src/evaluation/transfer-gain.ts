/**
 * What learning tasks together gives one of them: its metric beside other tasks minus its metric alone, with
 * the sign turned where lower is better, so that a negative gain is negative transfer.
 */
import { binaryMetrics, parseBinaryMetric } from "./binary-metrics.ts";
import type { MetricValue } from "./metric-value.ts";
import { defined, undefinedMetric } from "./metric-value.ts";

/**
 * @param metric as `parseBinaryMetric` takes it
 * @returns null where either value is, or where neither direction of the metric is better
 */
export function transferGain(metric: string, together: MetricValue, alone: MetricValue): MetricValue {
  const { higherIsBetter } = binaryMetrics[parseBinaryMetric(metric).family];
  if (higherIsBetter === undefined) return undefinedMetric(`${metric} has no direction of its own`);
  if (together.value === null) return undefinedMetric(together.reason ?? "undefined together");
  if (alone.value === null) return undefinedMetric(alone.reason ?? "undefined alone");
  const gain = together.value - alone.value;
  return defined(higherIsBetter ? gain : -gain);
}
