/**
 * Result files, `results/<recipe>.json`: what a recipe measured, one row a (data, setting, variant,
 * metric) with one value a seed, the comparisons the claim is about, and the verdict. A quick run never
 * writes one.
 */
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, DataError, keyPath, problemOf } from "../core/index.ts";
import { listDirectory, readJson, writeJsonAtomic } from "../core/node/index.ts";
import { binaryMetrics, rankingMetrics } from "../evaluation/index.ts";
import {
  type Claim,
  meanAndStd,
  overallVerdict,
  pairedDifference,
  type Verdict,
  verdictOf,
} from "./verdict.ts";

export type Setting = { readonly [dial: string]: string | number | boolean };

export interface ResultRow {
  readonly data: string;
  readonly setting: Setting;
  readonly variant: string;
  readonly role: "method" | "baseline" | "ablation";
  /** Label of a multi-task model; null where there is one. */
  readonly task: string | null;
  readonly domain: string | null;
  /** Canonical name, e.g. `auc`. */
  readonly metric: string;
  /** One a seed, in the order of seeds; null where the metric is undefined. */
  readonly values: readonly (number | null)[];
  readonly mean: number | null;
  /** With n - 1; null with one value. */
  readonly std: number | null;
  /** Why values are null. */
  readonly reason?: string;
  /** Trainable numbers, tables included. */
  readonly parameters: number;
  /** Mean over seeds. */
  readonly trainSeconds: number;
  /** Tuning trials on validation that this variant got. */
  readonly trials: number;
}

export interface ResultComparison {
  readonly data: string;
  readonly setting?: Setting;
  readonly task?: string | null;
  readonly domain?: string | null;
  readonly metric: string;
  /** Variants. */
  readonly method: string;
  readonly baseline: string;
  /** Mean of method minus baseline over paired seeds. */
  readonly difference: number | null;
  readonly interval95: readonly [number, number] | null;
  readonly verdict: Verdict;
}

/** Where a part of a result came from: parts are measured one by one, perhaps weeks apart. */
export interface ResultPart {
  readonly name: string;
  /** How many of the result's rows are its: the first part's are the first, and so on. */
  readonly rows: number;
  readonly comparisons: number;
  readonly date: string;
  readonly machine: string;
  readonly codeCommit: string;
  readonly configHash: string;
  /** Of its last sitting; null where that was not kept. */
  readonly cpuMinutes: number | null;
  /** Names of what was trained, with what was chosen on validation. */
  readonly variants: readonly string[];
  readonly remark?: string;
}

export interface RecipeResult {
  /** S01 … S52, or another short word where the recipe reproduces no system (`foundation`). */
  readonly system: string;
  readonly recipe: string;
  readonly claim: string;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: string;
  readonly codeCommit: string;
  readonly configHash: string;
  readonly cpuMinutes: number;
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
  /** In the order of rows, where the recipe has parts. */
  readonly parts?: readonly ResultPart[];
  readonly verdict: Verdict;
  readonly note: string;
}

/** A row with its mean and standard deviation filled in. */
export function resultRow(row: Omit<ResultRow, "mean" | "std">): ResultRow {
  return { ...row, ...meanAndStd(row.values.filter((value) => value !== null)) };
}

export interface CompareOptions {
  readonly claim?: Claim;
  /** Needed for metrics that evaluation does not know. @default from the metric's name */
  readonly higherIsBetter?: boolean;
}

/**
 * Pairs two rows by seed.
 *
 * @throws DataError when the rows are not comparable (data, metric or number of seeds differ);
 *   ConfigError when no direction is known for the metric
 */
export function compareRows(
  method: ResultRow,
  baseline: ResultRow,
  options: CompareOptions = {},
): ResultComparison {
  for (const field of ["data", "metric", "task", "domain"] as const) {
    if (method[field] !== baseline[field]) {
      throw new DataError(
        `${method.variant} and ${baseline.variant} cannot be compared: ${field} is ${method[field]} and ${baseline[field]}`,
        { details: { method: method.variant, baseline: baseline.variant, field } },
      );
    }
  }
  if (method.values.length !== baseline.values.length) {
    throw new DataError(
      `${method.variant} has ${method.values.length} seeds and ${baseline.variant} ${baseline.values.length}; pairs need the same`,
      { details: { method: method.variant, baseline: baseline.variant } },
    );
  }
  const higherIsBetter = options.higherIsBetter ?? directionOf(method.metric);
  const { difference, interval95 } = pairedDifference(method.values, baseline.values);
  return {
    data: method.data,
    setting: method.setting,
    task: method.task,
    domain: method.domain,
    metric: method.metric,
    method: method.variant,
    baseline: baseline.variant,
    difference,
    interval95,
    verdict: verdictOf(interval95, higherIsBetter, options.claim),
  };
}

function directionOf(metric: string): boolean {
  const family = metric.replace(/^sampled_/, "").replace(/@\d+$/, "@k");
  if (family in rankingMetrics) return true;
  const higherIsBetter = Object.entries(binaryMetrics).find(([name]) => name === family)?.[1].higherIsBetter;
  if (higherIsBetter === undefined) {
    throw new ConfigError(`no direction is known for the metric ${JSON.stringify(metric)}`, {
      details: { metric },
      hint: "say `higherIsBetter: true` or `false` in the comparison",
    });
  }
  return higherIsBetter;
}

/** A result with its overall verdict, from the comparisons' own. */
export function recipeResult(result: Omit<RecipeResult, "verdict">): RecipeResult {
  const { note, ...rest } = result;
  return { ...rest, verdict: overallVerdict(result.comparisons.map(({ verdict }) => verdict)), note };
}

/**
 * Writes `<directory>/<recipe>.json`, whole or not at all.
 *
 * @param options.quick a quick run writes nothing
 * @returns the path, or undefined when nothing was written
 * @throws DataError when the result does not have the form of one
 */
export function writeResult(
  directory: string,
  result: RecipeResult,
  { quick }: { readonly quick: boolean },
): string | undefined {
  if (quick) return undefined;
  const path = join(directory, `${result.recipe}.json`);
  writeJsonAtomic(path, parseResult(result, path));
  return path;
}

/** Every result file of a directory, by recipe name; none when the directory does not exist. */
export function readResults(directory: string): RecipeResult[] {
  return listDirectory(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(directory, name))
    .map(readResult);
}

/** @throws DataError for a file that is no result */
export function readResult(path: string): RecipeResult {
  return parseResult(readJson(path), path);
}

const setting = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const finite = z.number();
const verdict = z.enum(["holds", "partly", "does-not-hold", "inconclusive"]);

const resultSchema: z.ZodType<RecipeResult> = z.strictObject({
  system: z.string(),
  recipe: z.string(),
  claim: z.string(),
  date: z.string(),
  machine: z.string(),
  codeCommit: z.string(),
  configHash: z.string(),
  cpuMinutes: finite,
  rows: z.array(
    z.strictObject({
      data: z.string(),
      setting,
      variant: z.string(),
      role: z.enum(["method", "baseline", "ablation"]),
      task: z.string().nullable(),
      domain: z.string().nullable(),
      metric: z.string(),
      values: z.array(finite.nullable()),
      mean: finite.nullable(),
      std: finite.nullable(),
      reason: z.string().optional(),
      parameters: finite,
      trainSeconds: finite,
      trials: finite,
    }),
  ),
  comparisons: z.array(
    z.strictObject({
      data: z.string(),
      setting: setting.optional(),
      task: z.string().nullable().optional(),
      domain: z.string().nullable().optional(),
      metric: z.string(),
      method: z.string(),
      baseline: z.string(),
      difference: finite.nullable(),
      interval95: z.tuple([finite, finite]).nullable(),
      verdict,
    }),
  ),
  parts: z
    .array(
      z.strictObject({
        name: z.string(),
        rows: z.int().nonnegative(),
        comparisons: z.int().nonnegative(),
        date: z.string(),
        machine: z.string(),
        codeCommit: z.string(),
        configHash: z.string(),
        cpuMinutes: finite.nullable(),
        variants: z.array(z.string()),
        remark: z.string().optional(),
      }),
    )
    .optional(),
  verdict,
  note: z.string(),
});

function parseResult(value: unknown, path: string): RecipeResult {
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path: keys, message, received } = problemOf(parsed.error.issues[0], value);
  const where = keys.length === 0 ? "the file" : keyPath(keys);
  throw new DataError(`${path} is not a result file: ${where}: ${message}; it is ${received}`, {
    details: { path, issues: parsed.error.issues },
  });
}
