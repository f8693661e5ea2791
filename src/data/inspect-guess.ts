/** From a column's profile to its place in a first config, with the reason in words. */
import type { TimestampUnit } from "../schema/index.ts";
import type { DataConfigInput } from "./config.ts";
import type { LabelChoice } from "./inspect-label.ts";
import { LEAK_AUC, type LeakSignal } from "./inspect-leak.ts";
import {
  namesCategory,
  namesDomain,
  namesHistory,
  namesIdentifier,
  namesOutcome,
  namesPropensity,
  namesQuantity,
  namesSplit,
  namesTime,
  namesTruth,
  namesUser,
  namesWeight,
} from "./inspect-names.ts";
import type { ColumnProfile, NumberProfile } from "./inspect-profile.ts";

type FeatureInput = DataConfigInput["features"][number];

export interface ColumnGuess {
  readonly column: string;
  readonly use: "feature" | "label" | "timestamp" | "weight" | "split" | "keep" | "left-out";
  /** Set when it is used as a feature. */
  readonly feature?: FeatureInput;
  readonly reason: string;
}

export interface Guess {
  readonly columns: readonly ColumnGuess[];
  readonly group: string | undefined;
  readonly weight: string | undefined;
  readonly domain: string | undefined;
  readonly timestamp: { readonly column: string; readonly unit: TimestampUnit | undefined } | undefined;
  readonly split:
    | { readonly column: string; readonly train: string[]; readonly valid: string[]; readonly test: string[] }
    | undefined;
}

export interface GuessContext {
  readonly label: LabelChoice | undefined;
  readonly leaks: ReadonlyMap<string, LeakSignal>;
  /** For lists: the column whose values the entries are. */
  readonly targets: ReadonlyMap<string, string>;
  /** Every column but the label is an id (libfm fields). */
  readonly allIds: boolean;
}

/** Places every column. Pure: the same profiles give the same config. */
export function guessColumns(profiles: readonly ColumnProfile[], context: GuessContext): Guess {
  const timestamp = findTimestamp(profiles, context.label);
  const weight = profiles.find(
    (p) => namesWeight(p.name) && p.numbers !== undefined && p.numbers.min >= 0,
  )?.name;
  const split = findSplit(profiles);
  const roles = { timestamp: timestamp?.column, weight, split: split?.column };
  const columns = profiles.map((profile) => guessColumn(profile, context, roles));
  const used = new Set(columns.filter(({ use }) => use === "feature").map(({ column }) => column));
  const group = profiles.find(
    (p) => namesUser(p.name) && p.distinct >= 2 && p.rows - p.nulls >= 1.5 * p.distinct,
  );
  const domain = profiles.find(
    (p) => namesDomain(p.name) && p.distinct >= 2 && p.distinct <= 100 && used.has(p.name),
  );
  return { columns, group: group?.name, weight, domain: domain?.name, timestamp, split };
}

interface Roles {
  readonly timestamp: string | undefined;
  readonly weight: string | undefined;
  readonly split: string | undefined;
}

function guessColumn(profile: ColumnProfile, context: GuessContext, roles: Roles): ColumnGuess {
  const { name: column } = profile;
  const { label } = context;
  const leftOut = (reason: string): ColumnGuess => ({ column, use: "left-out", reason });
  if (column === label?.column) return { column, use: "label", reason: label.reason };
  if (column === roles.timestamp) return { column, use: "timestamp", reason: "when the row happened" };
  if (column === roles.weight) return { column, use: "weight", reason: "how much the row counts" };
  if (column === roles.split) return { column, use: "split", reason: "says which split the row belongs to" };
  if (profile.distinct === 0) return leftOut("no value in any row");
  if (profile.distinct === 1 && profile.nulls === 0) {
    return leftOut(`the same value in every row: ${profile.top[0]?.value ?? ""}`);
  }
  if (namesTruth(column)) {
    const own = label !== undefined && column === `true_${label.column}`;
    const probability = profile.numbers !== undefined && profile.nulls === 0;
    return own && probability
      ? { column, use: "keep", reason: "the label's true probability: carried along, never seen by a model" }
      : leftOut("a true probability: no model may see it");
  }
  if (namesPropensity(column))
    return leftOut("the logging policy's probability, not known for other candidates");
  const leak = leakReason(context.leaks.get(column), label);
  if (leak !== undefined) return leftOut(leak);
  if (namesOutcome(column)) {
    return leftOut("by its name the user's answer, known only after the event (another label, perhaps)");
  }
  if (profile.list !== undefined) return guessList(profile, context);
  if (profile.valueType === "timestamp" || (namesTime(column) && epochUnit(profile) !== undefined)) {
    return leftOut("a time: its values do not come again");
  }
  if (isCalendarDate(profile)) return leftOut("a calendar date: its values do not come again");
  return guessScalar(profile, context);
}

function leakReason(leak: LeakSignal | undefined, label: LabelChoice | undefined): string | undefined {
  if (leak === undefined || label === undefined) return undefined;
  if (leak.auc !== undefined && leak.auc > LEAK_AUC) {
    return `suspected to be known only after the event: alone it tells ${label.name} with AUC ${leak.auc.toFixed(4)}`;
  }
  if (leak.oneSided !== undefined) {
    const { rows, label: side } = leak.oneSided;
    return `suspected to be known only after the event: all ${rows} rows where it is set have ${label.name} = ${side}`;
  }
  return undefined;
}

function guessScalar(profile: ColumnProfile, { allIds }: GuessContext): ColumnGuess {
  const { name: column, numbers, rows, nulls, distinct } = profile;
  const present = rows - nulls;
  const leftOut = (reason: string): ColumnGuess => ({ column, use: "left-out", reason });
  const unique = present > 20 && distinct === present;
  if (numbers === undefined) {
    if (unique) return leftOut("a value of its own in every row: nothing to learn from");
    if (profile.valueType === "string") {
      const { mean } = profile.textLength ?? { mean: 0 };
      if (/^\s*[[({]/.test(profile.top[0]?.value ?? "") && distinct > 20) {
        return leftOut(
          "text of lists or objects in brackets; write it as JSON lines or Parquet lists to use it",
        );
      }
      if (mean > 40 && distinct > 0.3 * present) return leftOut("free text");
      if (present > 1000 && distinct > 0.9 * present)
        return leftOut("nearly a value of its own in every row");
    }
    return categorical(profile, "text");
  }
  if (allIds) return categorical(profile, "one-hot ids");
  if (!numbers.whole) return numeric(profile, "numbers with a fraction");
  if (namesIdentifier(column)) {
    return unique ? leftOut("an id of its own in every row") : categorical(profile, "an id by its name");
  }
  const coverage = distinct / (numbers.max - numbers.min + 1);
  if (unique && coverage > 0.9) return leftOut("counts the rows");
  if (distinct <= 2) return categorical(profile, "two values");
  if (namesQuantity(column)) return numeric(profile, "a quantity by its name");
  if (namesCategory(column)) return categorical(profile, "a category by its name");
  if (distinct <= 32) return categorical(profile, `only ${distinct} different whole numbers`);
  if (numbers.negatives > 0) return numeric(profile, "whole numbers, some negative");
  const small = Number(profile.top[0]?.value) <= 1;
  if (small && numbers.quantiles[4] > 5 * numbers.quantiles[2]) {
    return numeric(profile, "whole numbers, most of them small: counts");
  }
  if (numbers.max <= 255 && coverage > 0.5) return numeric(profile, "a short range of whole numbers");
  if (coverage > 0.8 || coverage < 0.1 || numbers.min >= 1000) {
    return categorical(profile, "whole numbers without the look of a quantity: ids");
  }
  return numeric(profile, "whole numbers");
}

function guessList(profile: ColumnProfile, { targets }: GuessContext): ColumnGuess {
  const { name: column } = profile;
  const list = profile.list!;
  const leftOut = (reason: string): ColumnGuess => ({ column, use: "left-out", reason });
  if (list.elementType === "float64") {
    if (list.minLength !== list.maxLength || list.maxLength === 0) {
      return leftOut(`lists of numbers of different lengths (${list.minLength} to ${list.maxLength})`);
    }
    if (list.distinctEntries <= 1) return leftOut("the same number in every list");
    const feature: FeatureInput = { name: column, kind: "dense", dim: list.maxLength };
    return { column, use: "feature", feature, reason: `vectors of ${list.maxLength} numbers` };
  }
  const target = targets.get(column);
  const ordered = target !== undefined || namesHistory(column);
  const maxLength = Math.min(50, Math.max(1, list.p99Length));
  const feature: FeatureInput = {
    name: column,
    kind: ordered ? "sequence" : "bag",
    ...(list.separator === undefined ? {} : { separator: list.separator }),
    ...(target === undefined ? minCountOf(profile, list.distinctEntries) : { target }),
    maxLength,
  };
  const what =
    list.separator === undefined ? "lists" : `lists as text, cut at ${JSON.stringify(list.separator)}`;
  const lengths = `median length ${list.medianLength}, longest ${list.maxLength}, about ${list.distinctEntries} different entries`;
  const kept = maxLength < list.maxLength ? `; the last ${maxLength} are kept` : "";
  const shared = target === undefined ? "" : `; entries are values of ${target} and share its table`;
  return { column, use: "feature", feature, reason: `${what}: ${lengths}${kept}${shared}` };
}

function categorical(profile: ColumnProfile, why: string): ColumnGuess {
  const minCount = minCountOf(profile, profile.distinct);
  const feature: FeatureInput = { name: profile.name, kind: "categorical", ...minCount };
  const rare = minCount.minCount === undefined ? "" : `, ${profile.singles} of them once`;
  return {
    column: profile.name,
    use: "feature",
    feature,
    reason: `${why}: ${profile.distinct} values${rare}${missing(profile)}`,
  };
}

/** Values too rare to learn from go to the out-of-vocabulary row when there are many of them. */
function minCountOf(profile: ColumnProfile, distinct: number): { minCount?: number } {
  if (distinct <= 1000 || profile.singles < 0.1 * distinct) return {};
  return { minCount: profile.rows >= 1_000_000 ? 5 : 2 };
}

function numeric(profile: ColumnProfile, why: string): ColumnGuess {
  const heavy = isHeavyTailed(profile.numbers!);
  const { min, max, quantiles } = profile.numbers!;
  const shape = heavy ? "heavy tail" : "no heavy tail";
  const feature: FeatureInput = {
    name: profile.name,
    kind: "numeric",
    transform: heavy ? "log_standard" : "standard",
  };
  return {
    column: profile.name,
    use: "feature",
    feature,
    reason: `${why}, ${short(min)} to ${short(max)}, median ${short(quantiles[2])}: ${shape}${missing(profile)}`,
  };
}

/**
 * A tail is heavy when the extreme lies over 12 deviations out or the 99th percentile over 5 interquartile
 * ranges (normal: 1.7, exponential: 3.6, log-normal with sigma 1: 6.3).
 */
export function isHeavyTailed({ min, max, deviation, quantiles }: NumberProfile): boolean {
  const [q01, q25, q50, q75, q99] = quantiles;
  const extreme = Math.max(max - q50, q50 - min);
  const tail = Math.max(q99 - q50, q50 - q01);
  const spread = q75 - q25;
  return extreme > 12 * deviation || (spread > 0 ? tail > 5 * spread : max - min > 20);
}

function missing({ nulls, rows }: ColumnProfile): string {
  if (nulls === 0) return "";
  const share = (100 * nulls) / rows;
  return `; ${share < 0.1 ? `${nulls} rows` : `${share.toFixed(1)} %`} missing`;
}

/** Whole numbers in full, others to four digits. */
export function short(x: number): string {
  return Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4)));
}

/** Seconds of 1985-01-01 and 2100-01-01. */
const EPOCH_RANGE = [473_385_600, 4_102_444_800] as const;
const UNITS: readonly (readonly [TimestampUnit, number])[] = [
  ["s", 1],
  ["ms", 1e3],
  ["us", 1e6],
];

/** Unit in which all of a column's numbers are times between 1985 and 2100. */
export function epochUnit({ numbers }: ColumnProfile): TimestampUnit | undefined {
  if (numbers === undefined) return undefined;
  const [from, to] = EPOCH_RANGE;
  return UNITS.find(([, scale]) => numbers.min >= from * scale && numbers.max <= to * scale)?.[0];
}

/** Whole numbers such as 20220501. */
function isCalendarDate({ numbers }: ColumnProfile): boolean {
  if (numbers === undefined || !numbers.whole) return false;
  return [numbers.min, ...numbers.quantiles, numbers.max].every((value) => {
    const [year, month, day] = [Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100];
    return year >= 1900 && year <= 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  });
}

function findTimestamp(
  profiles: readonly ColumnProfile[],
  label: LabelChoice | undefined,
): Guess["timestamp"] {
  const usable = profiles.filter((p) => p.name !== label?.column && p.distinct > 1 && p.nulls === 0);
  const named = usable.filter(({ name }) => namesTime(name));
  const time =
    named.find(({ valueType }) => valueType === "timestamp") ??
    named.find((p) => epochUnit(p) !== undefined) ??
    usable.find(({ valueType, name }) => valueType === "timestamp" && /time|stamp|^ts|_ts$/i.test(name));
  return time === undefined ? undefined : { column: time.name, unit: epochUnit(time) };
}

function findSplit(profiles: readonly ColumnProfile[]): Guess["split"] {
  const profile = profiles.find((p) => namesSplit(p.name) && p.valueType === "string" && p.distinct <= 5);
  if (profile === undefined || profile.nulls > 0) return undefined;
  const matching = (pattern: RegExp): string[] =>
    profile.top
      .map(({ value }) => value)
      .filter((value) => pattern.test(value))
      .sort();
  const train = matching(/^train(ing)?$/i);
  if (train.length === 0) return undefined;
  return {
    column: profile.name,
    train,
    valid: matching(/^(val|valid|validation|dev)$/i),
    test: matching(/^test(ing)?$/i),
  };
}
