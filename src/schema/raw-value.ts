/**
 * Raw values: what a number, a text or a time means, by rules that are the same for a cell of a file,
 * a column of a database and a field of a JSON request.
 */
import type { TimestampUnit } from "./feature-map.ts";

/** A scalar as it comes from JSON, from a database client or from a form. */
export type RawScalar = string | number | bigint | boolean | Date | null | undefined;
export type RawValue = RawScalar | readonly RawScalar[];
/** One row of raw data, by column name. */
export type RawRow = { readonly [column: string]: RawValue };

/** Decimal numbers; the SQL side applies the same pattern. */
export const NUMBER_PATTERN = "[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?";
const NUMBER = new RegExp(`^${NUMBER_PATTERN}$`);
/** White space around numbers: the six ASCII characters. */
const OUTER_SPACE = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/** A finite number, never -0, or undefined for what is missing, not finite or no number. */
export function parseNumber(value: RawValue): number | undefined {
  switch (typeof value) {
    case "number":
      // Files keep no -0: a dictionary holds equal values once.
      return Number.isFinite(value) ? value + 0 : undefined;
    case "bigint":
      return Number(value);
    case "boolean":
      return value ? 1 : 0;
    case "string": {
      const text = value.replace(OUTER_SPACE, "");
      if (!NUMBER.test(text)) return undefined;
      const number = Number(text);
      return Number.isFinite(number) ? number + 0 : undefined;
    }
    default:
      return value instanceof Date ? parseTime(value, "s") : undefined;
  }
}

const SECONDS: Readonly<Record<TimestampUnit, number>> = { s: 1, ms: 1e3, us: 1e6 };
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * Seconds since 1970-01-01 UTC, or undefined. Numbers (and texts of digits) count in `unit`; dates and
 * ISO 8601 texts carry their own, and without a zone they are UTC.
 */
export function parseTime(value: RawValue, unit: TimestampUnit): number | undefined {
  if (value instanceof Date) {
    const time = value.getTime();
    return Number.isFinite(time) ? time / 1e3 : undefined;
  }
  if (typeof value === "string") {
    const match = ISO.exec(value.trim());
    if (match !== null) return isoSeconds(match);
  }
  if (typeof value === "boolean") return undefined;
  const number = parseNumber(value);
  return number === undefined ? undefined : number / SECONDS[unit];
}

function isoSeconds(match: RegExpExecArray): number | undefined {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const whole = Date.UTC(year, month - 1, day, hour, minute, second) / 1e3;
  const date = new Date(whole * 1e3);
  // Date.UTC rolls 30 February over into March.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23) return undefined;
  // Microseconds are what a database keeps.
  const micros = match[7] === undefined ? 0 : Math.trunc(Number(match[7]) * 1e6 + 1e-6);
  return (whole * 1e6 + micros) / 1e6 - zoneSeconds(match[8]);
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2) || 0) * 60;
  return zone[0] === "-" ? -seconds : seconds;
}
