/**
 * Every mistake a user can make ends in one of these classes. The data come first (`details`), the
 * sentence second, so that programs can read what a person reads: what was expected, what came,
 * where, and what to do next (`hint`).
 */
export interface ErrorDetails {
  readonly [field: string]: unknown;
}

export interface MillraceErrorOptions {
  readonly details?: ErrorDetails;
  /** What the reader can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class MillraceError extends Error {
  /** Exit code of the command line for this kind of error. */
  readonly exitCode: number = 1;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(message: string, { details = {}, hint, cause }: MillraceErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.details = details;
    this.hint = hint;
  }
}

/** Shapes or dtypes that do not fit an operation. */
export class ShapeError extends MillraceError {
  constructor(message: string, details: ErrorDetails = {}) {
    const shown = Object.entries(details).map(([key, value]) => `${key} is ${formatValue(value)}`);
    super(shown.length === 0 ? message : `${message}; ${shown.join(", ")}`, { details });
  }
}

/** Bad usage or configuration. */
export class ConfigError extends MillraceError {
  override readonly exitCode: number = 2;
}

/** Input data that cannot be used as it is. */
export class DataError extends MillraceError {
  override readonly exitCode: number = 3;
}

/** The inference runtime or a device is missing or refused the graph. */
export class EngineError extends MillraceError {}

/** A loss or gradient that is no finite number: training cannot go on. */
export class DivergedError extends MillraceError {}

/** The user asked to stop; what was done so far is saved. */
export class InterruptedError extends MillraceError {
  override readonly exitCode: number = 130;
}

function formatValue(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}

/** Throws when an invariant of our own does not hold: a bug, not a user's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`);
}
