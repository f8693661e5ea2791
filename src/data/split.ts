/** Splits: which rows of a source train, validate and test. */
import { ConfigError, CounterRandom, DataError } from "../core/index.ts";
import { canonical, parseTime, type RawScalar, type TimestampUnit } from "../schema/index.ts";
import type { SplitConfig } from "./config.ts";
import type { KeyLane, LanePlan } from "./lanes.ts";
import type { SpooledSource } from "./read-source.ts";
import { selectRanks } from "./select-ranks.ts";

export const SPLIT_NAMES = ["train", "valid", "test"] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/** Split of each row: an index into `SPLIT_NAMES`, or `NO_SPLIT` for rows that are left out. */
export type Membership = Uint8Array;
export const NO_SPLIT = 255;

/** A split that is made out of one source. */
export type MadeSplit = Exclude<SplitConfig, { by: "files" }>;

/** Splits that `split` makes. */
export function madeSplits(split: MadeSplit): SplitName[] {
  switch (split.by) {
    case "ratio":
      return SPLIT_NAMES.filter((name) => split[name] > 0);
    case "time": {
      const from = { train: "", valid: split.validFrom, test: split.testFrom };
      return SPLIT_NAMES.filter(
        (name) => name === "train" || (split[name] ?? 0) > 0 || from[name] !== undefined,
      );
    }
    case "column":
      return SPLIT_NAMES.filter((name) => split[name].length > 0);
  }
}

/** The column whose times a split by time looks at. @throws ConfigError when there is none */
export function splitTimeColumn(
  split: Extract<SplitConfig, { by: "time" }>,
  timestamp: string | undefined,
): string {
  const column = split.column ?? timestamp;
  if (column !== undefined) return column;
  throw new ConfigError("config data.split: a split by time needs a column", {
    details: { key: "data.split.column" },
    hint: "set split.column, or timestamp",
  });
}

/** The lane that a split looks at, if any. */
export function planSplit(
  plan: LanePlan,
  split: MadeSplit,
  timestamp: string | undefined,
  unit: TimestampUnit,
): number | undefined {
  switch (split.by) {
    case "ratio":
      return undefined;
    case "time":
      return plan.time(splitTimeColumn(split, timestamp), "data.split", unit);
    case "column":
      return plan.key(split.column, "data.split");
  }
}

/** Assigns every row. @throws DataError for rows without a time */
export function assignSplits(
  spooled: SpooledSource,
  split: MadeSplit,
  lane: number | undefined,
  unit: TimestampUnit,
): Membership {
  switch (split.by) {
    case "ratio":
      return byRatio(spooled.rows, split);
    case "time":
      return byTime(spooled, split, lane!, unit);
    case "column":
      return byColumn(spooled, split, lane!);
  }
}

interface Shares {
  readonly train: number;
  readonly valid: number;
  readonly test: number;
}

export function checkedShares({ train, valid = 0, test = 0 }: Partial<Shares>): Shares {
  const shares = { train: train ?? 1 - valid - test, valid, test };
  const sum = shares.train + valid + test;
  if (shares.train <= 0 || sum > 1 + 1e-9) {
    throw new ConfigError(
      `config data.split: shares are train ${shares.train}, valid ${valid}, test ${test}; expected a sum of at most 1 with rows to train on`,
      { details: { key: "data.split", expected: "sum at most 1", received: sum } },
    );
  }
  return shares;
}

/**
 * The last value of each split, when values are cut in ascending order: with as many rows at or below it
 * as the shares say, rounded up to a row. Equal values are never cut apart.
 */
function cutsOf(pass: () => Iterable<Float64Array>, rows: number, { train, valid, test }: Shares): number[] {
  return valuesAt(
    pass,
    [train, train + valid, train + valid + test].map((share) => rowsOf(share, rows)),
  );
}

/** A share of the rows, rounded up to a row. */
function rowsOf(share: number, rows: number): number {
  return Math.ceil(share * rows * (1 - 1e-12));
}

/** The value that so many rows are at or below, for each count; of none, below all values. */
function valuesAt(pass: () => Iterable<Float64Array>, counts: readonly number[]): number[] {
  const upto = counts.map((count) => count - 1);
  const found = selectRanks(
    pass,
    upto.map((rank) => Math.max(rank, 0)),
  );
  return found.map((value, k) => (upto[k] < 0 ? Number.NEGATIVE_INFINITY : value));
}

function splitOfValue(value: number, cuts: readonly number[]): number {
  for (let k = 0; k < cuts.length; k++) if (value <= cuts[k]) return k;
  return NO_SPLIT;
}

/**
 * How many rows each cut of a split by ratio has at or below it, in the order of the draws from `turned` rows on, which
 * go behind all others. Where the cuts of one fold lie in the order of all rows, those of the next lie, too: folds meet
 * without a gap, whether or not their number divides the rows.
 */
export function ratioCuts(
  rows: number,
  split: Extract<SplitConfig, { by: "ratio" }>,
): { readonly turned: number; readonly counts: readonly number[] } {
  const { train, valid, test } = checkedShares(split);
  const turned = rowsOf(split.rotate, rows);
  // Shares are sums of rounded numbers: of all rows there are no more than there are.
  const around = (share: number): number => Math.min(rowsOf(share, rows) - turned, rows);
  const counts = [train, train + valid, train + valid + test].map((share) => around(split.rotate + share));
  return { turned, counts };
}

/** Draws by a hash of (seed, row). Two rows with one hash stay together, so that sizes are exact to a few rows. */
function byRatio(rows: number, split: Extract<SplitConfig, { by: "ratio" }>): Membership {
  const { turned, counts } = ratioCuts(rows, split);
  const random = new CounterRandom(split.seed, "split");
  const chunk = 65_536;
  let turn = 0;
  const drawn = (row: number): number => (random.uint32(row) + 2 ** 32 - turn) % 2 ** 32;
  function* draws(): Generator<Float64Array> {
    for (let start = 0; start < rows; start += chunk) {
      const values = new Float64Array(Math.min(chunk, rows - start));
      for (let i = 0; i < values.length; i++) values[i] = drawn(start + i);
      yield values;
    }
  }
  if (turned > 0) turn = valuesAt(draws, [turned])[0] + 1;
  const cuts = valuesAt(draws, counts);
  const membership = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) membership[row] = splitOfValue(drawn(row), cuts);
  return membership;
}

function byTime(
  spooled: SpooledSource,
  split: Extract<SplitConfig, { by: "time" }>,
  lane: number,
  unit: TimestampUnit,
): Membership {
  const { spool, rows, lanes, source } = spooled;
  const { column } = lanes[lane];
  const pass = function* (): Generator<Float64Array> {
    for (let block = 0; block < spool.blocks; block++) yield spool.read(block, lane).values as Float64Array;
  };
  let missing = 0;
  for (const values of pass()) for (const value of values) if (!Number.isFinite(value)) missing++;
  if (missing > 0) {
    throw new DataError(
      `${source.files[0]}: column ${column} has no time in ${missing} rows, and the split is by time`,
      {
        details: { files: source.files, column, count: missing },
        hint: "leave such rows out of the file, or split by ratio",
      },
    );
  }
  const { validFrom, testFrom } = split;
  const membership = new Uint8Array(rows);
  let row = 0;
  if (validFrom !== undefined || testFrom !== undefined) {
    const test = boundary(testFrom, "test_from", unit) ?? Number.POSITIVE_INFINITY;
    const valid = boundary(validFrom, "valid_from", unit) ?? test;
    for (const values of pass()) {
      for (const value of values)
        membership[row++] = value < Math.min(valid, test) ? 0 : value < test ? 1 : 2;
    }
    return membership;
  }
  const cuts = cutsOf(pass, rows, checkedShares(split));
  for (const values of pass()) for (const value of values) membership[row++] = splitOfValue(value, cuts);
  return membership;
}

function boundary(value: RawScalar, key: string, unit: TimestampUnit): number | undefined {
  if (value === undefined) return undefined;
  const seconds = parseTime(value, unit);
  if (seconds !== undefined) return seconds;
  throw new ConfigError(`config data.split.${key}: ${JSON.stringify(value)} is no time`, {
    details: { key: `data.split.${key}`, expected: "a number, a date or an ISO 8601 time", received: value },
  });
}

function byColumn(
  { spool, rows, lanes }: SpooledSource,
  split: Extract<SplitConfig, { by: "column" }>,
  lane: number,
): Membership {
  const { table } = lanes[lane] as KeyLane;
  const text = (value: RawScalar): string | undefined =>
    canonical(value, { valueType: "string", trim: true });
  const chosen = SPLIT_NAMES.map((name) => new Set(split[name].map(text)));
  const splitOfCode = new Uint8Array(table.size).fill(NO_SPLIT);
  for (let code = 0; code < splitOfCode.length; code++) {
    const value = text(table.raw(code));
    const found = chosen.findIndex((values) => value !== undefined && values.has(value));
    if (found >= 0) splitOfCode[code] = found;
  }
  const membership = new Uint8Array(rows);
  let row = 0;
  for (let block = 0; block < spool.blocks; block++) {
    for (const code of spool.read(block, lane).values)
      membership[row++] = code < 0 ? NO_SPLIT : splitOfCode[code];
  }
  return membership;
}
