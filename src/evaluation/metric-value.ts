/**
 * What a metric returns. One that is undefined on the given rows (one class only, no positives, no
 * rows) is `null` with a reason, never NaN and never a made-up number.
 */
export interface MetricValue {
  readonly value: number | null;
  /** Why the value is null. */
  readonly reason?: string;
  /** What was counted on the way, e.g. groups left out because they hold one class. */
  readonly counts?: { readonly [what: string]: number };
}

export function defined(value: number, counts?: MetricValue["counts"]): MetricValue {
  return counts === undefined ? { value } : { value, counts };
}

export function undefinedMetric(reason: string, counts?: MetricValue["counts"]): MetricValue {
  return counts === undefined ? { value: null, reason } : { value: null, reason, counts };
}

/** Shared by every metric on rows. */
export const NO_ROWS = "no rows";
