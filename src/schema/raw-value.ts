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
/** Dates and times of ISO 8601, with or without the time and its zone; the SQL side applies the same pattern. */
export const TIME_PATTERN =
  "([0-9]{4})-([0-9]{2})-([0-9]{2})([ T]([0-9]{2}):([0-9]{2})(:([0-9]{2})([.][0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?)?";
const TIME = new RegExp(`^${TIME_PATTERN}$`);
/** White space around numbers: the six ASCII characters. */
const OUTER_SPACE = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/**
 * A finite number, never -0, or undefined for what is missing, not finite or no number. Truth values are
 * 1 and 0, times are seconds since 1970, both also as text.
 */
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
      if (NUMBER.test(text)) {
        const number = Number(text);
        return Number.isFinite(number) ? number + 0 : undefined;
      }
      if (/^(true|false)$/i.test(text)) return text.length === 4 ? 1 : 0;
      return isoSeconds(text);
    }
    default:
      return value instanceof Date ? parseTime(value, "s") : undefined;
  }
}

const SECONDS: Readonly<Record<TimestampUnit, number>> = { s: 1, ms: 1e3, us: 1e6 };

/**
 * Seconds since 1970-01-01 UTC, or undefined. Numbers (and texts of digits) count in `unit`; dates and
 * ISO 8601 texts carry their own, and without a zone they are UTC.
 */
export function parseTime(value: RawValue, unit: TimestampUnit): number | undefined {
  const seconds = parseInstant(value);
  if (seconds !== undefined) return seconds;
  if (value instanceof Date || typeof value === "boolean") return undefined;
  const number = parseNumber(value);
  return number === undefined ? undefined : number / SECONDS[unit];
}

/** The same of dates and ISO 8601 texts alone, which need no unit. */
export function parseInstant(value: RawValue): number | undefined {
  if (typeof value === "string") return isoSeconds(value.replace(OUTER_SPACE, ""));
  if (!(value instanceof Date)) return undefined;
  const time = value.getTime();
  return Number.isFinite(time) ? time / 1e3 : undefined;
}

function isoSeconds(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 5, 6, 8].map((k) => Number(match[k] ?? 0));
  // The constructor would take the year 99 for 1999, and roll 30 February over into March.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (minute > 59 || second > 59 || hour > (minute + second === 0 ? 24 : 23)) return undefined;
  const whole = date.getTime() / 1e3 + hour * 3600 + minute * 60 + second;
  // Microseconds are what a database keeps.
  const micros = match[9] === undefined ? 0 : Math.trunc(Number(match[9]) * 1e6 + 1e-6);
  return (whole * 1e6 + micros) / 1e6 - zoneSeconds(match[10]);
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2) || 0) * 60;
  return zone[0] === "-" ? -seconds : seconds;
}
