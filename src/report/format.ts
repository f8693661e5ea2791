/** Numbers as a reader wants them. */
import type { MetricValue } from "../evaluation/index.ts";

/** Keeps a number and its unit on one line. */
const NO_BREAK = "\u00a0";
const grouped = new Intl.NumberFormat("en-US");

/** `1,234,567`. */
export function formatCount(value: number): string {
  return grouped.format(Math.round(value));
}

/** Metrics: four decimals, which is what differences between models need. */
export function formatMetric(value: number): string {
  return Math.abs(value) >= 100 ? formatSignificant(value, 5) : value.toFixed(4);
}

/** A metric that is null shows as a dash; its reason stands beside the table. */
export function formatMetricValue(metric: MetricValue | undefined): string {
  return metric === undefined || metric.value === null ? "–" : formatMetric(metric.value);
}

/** A few significant digits, without exponents where a person would not write them. */
export function formatSignificant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(digits)));
}

/** `4.2 MB`, decimal units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))}${NO_BREAK}${units[unit]}`;
}

/** A share in [0, 1] as per cent; tiny ones are not rounded to nothing. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return `0${NO_BREAK}%`;
  if (percent < 0.01) return `<0.01${NO_BREAK}%`;
  return `${percent >= 10 ? percent.toFixed(1) : Number(percent.toPrecision(2))}${NO_BREAK}%`;
}

/** `48.2 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${formatSignificant(seconds)}${NO_BREAK}s`;
  return `${Math.floor(whole / 60)}${NO_BREAK}min ${whole % 60}${NO_BREAK}s`;
}

/** Characters of a table's cell from which on it is broken into lines, so that it does not push others out of sight. */
const LONG_CELL = 44;

export function isLongCell(content: unknown): boolean {
  return typeof content === "string" && content.length > LONG_CELL;
}
