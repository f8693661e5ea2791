/**
 * One request through the stages:
 *
 *     candidates -> filters -> stage (features, model, calibration, formula, keep) ... -> slots
 *
 * Every stage has a time budget. A stage that is late, fails or finds the queue full is left out: the order
 * before it is kept, and the answer says so. An order that no model and no source has made is never served.
 */
import { MillraceError } from "../core/index.ts";
import { listEntries, type RawRow, type RawScalar, type RawValue } from "../schema/index.ts";
import { calibrate } from "./calibration.ts";
import {
  type Candidate,
  candidateOf,
  isTrue,
  numbersOf,
  type RequestFacts,
  candidateValue,
} from "./candidate-set.ts";
import { SOURCE_MODEL } from "./candidate-source.ts";
import { LateError, within } from "./deadline.ts";
import { idText } from "./feature-table.ts";
import { type InferencePool, OverloadError, type Predictions } from "./inference-pool.ts";
import type { RankRequest, RankResponse } from "./rank-api.ts";
import type { LoadedModel, LoadedStage, Release } from "./release.ts";
import { WORTH_SPLITTING } from "./split-model.ts";

/** What happened on the way, for metrics and logs. */
export interface CascadeObserver {
  stage?(stage: string, seconds: number, candidates: number): void;
  fallback?(stage: string, reason: FallbackReason, cause: unknown): void;
  /** Values that no vocabulary knows, by feature. */
  outOfVocabulary?(model: string, counts: { readonly [feature: string]: number }): void;
  predictions?(model: string, label: string, values: Float32Array): void;
}

/** What runs models: the pool, or something that stands before one. */
export type ModelRuns = Pick<InferencePool, "admit" | "run">;

export type FallbackReason = "late" | "failed" | "overloaded";

/** Nothing could be ranked: a matter of the moment, worth trying again. */
export class UnavailableError extends MillraceError {}

/** A request that asks for what the service cannot do. */
export class RequestError extends MillraceError {}

export type RankAnswer = Omit<RankResponse, "request_id">;

interface Scored {
  readonly predictions: Predictions;
  /** Values that no vocabulary knows, by feature. */
  readonly outOfVocabulary: { readonly [feature: string]: number };
}

/** What a stage made of its candidates. Most are asked about never, so that maps of them wait until then. */
class StageResult {
  readonly stage: LoadedStage;
  readonly predictions: Predictions;
  /** Those that have a value, best first. */
  readonly order: readonly Candidate[];
  readonly #candidates: readonly Candidate[];
  readonly #values: Float64Array;
  #places: Map<Candidate, number> | undefined;

  /** @param values of the candidates, NaN where there is none; ties keep the order before */
  constructor(
    stage: LoadedStage,
    candidates: readonly Candidate[],
    predictions: Predictions,
    values: Float64Array,
  ) {
    this.stage = stage;
    this.predictions = predictions;
    this.#candidates = candidates;
    this.#values = values;
    const order: number[] = [];
    for (let k = 0; k < values.length; k++) if (!Number.isNaN(values[k])) order.push(k);
    order.sort((a, b) => values[b] - values[a] || a - b);
    this.order = order.map((k) => candidates[k]);
  }

  /** Where a candidate stood in the stage's batch, or -1. */
  place(candidate: Candidate): number {
    this.#places ??= new Map(this.#candidates.map((one, k) => [one, k]));
    return this.#places.get(candidate) ?? -1;
  }

  /** Undefined for a candidate that had none. */
  score(candidate: Candidate): number | undefined {
    const value = this.#values[this.place(candidate)];
    return Number.isNaN(value) ? undefined : value;
  }

  /** From 1. */
  rank(candidate: Candidate): number {
    return this.order.indexOf(candidate) + 1;
  }

  predictionsOf(candidate: Candidate): { [label: string]: number } {
    const k = this.place(candidate);
    return Object.fromEntries(Object.entries(this.predictions).map(([label, values]) => [label, values[k]]));
  }
}

/** @throws RequestError, UnavailableError, or DataError for values that cannot be encoded */
export async function rank(
  release: Release,
  pool: ModelRuns,
  request: RankRequest,
  observer: CascadeObserver = {},
): Promise<RankAnswer> {
  const started = performance.now();
  const { config, name } = release.cascade;
  const left = (budget: number | undefined): number | undefined => {
    if (config.budgetMs === undefined) return budget;
    return Math.max(
      0,
      Math.min(budget ?? Number.POSITIVE_INFINITY, config.budgetMs - (performance.now() - started)),
    );
  };
  const { users, items } = release;
  const userRow = users?.rowOf(request.user) ?? -1;
  const facts: RequestFacts = { features: factsOf(release, request, userRow) };
  const excluded = excludedIds(request, facts, config.filters.seen);

  let ordered = false;
  let candidates: Candidate[];
  let bySource: ReadonlyMap<Candidate, { readonly rank: number; readonly score: number }> | undefined;
  const source = release.source;
  if (request.candidates !== undefined) {
    candidates = request.candidates.map((item) => candidateOf(item, items));
  } else if (source === undefined) {
    throw new RequestError("the request names no candidates, and the service has no source of its own", {
      hint: "send `candidates`",
    });
  } else {
    const found = await timed(observer, "candidates", config.candidates.limit, () =>
      within(left(config.candidates.budgetMs), (signal) =>
        source.candidates({
          user: request.user ?? null,
          features: facts.features,
          limit: config.candidates.limit,
          exclude: excluded,
          signal,
        }),
      ).catch((cause: unknown) => {
        if (!isMoment(cause)) throw cause;
        const reason = reasonOf(cause);
        observer.fallback?.("candidates", reason, cause);
        throw new UnavailableError(`no candidates could be found${reason === "late" ? " in time" : ""}`, {
          cause,
        });
      }),
    );
    if (found.outOfVocabulary !== undefined) {
      observer.outOfVocabulary?.(SOURCE_MODEL, found.outOfVocabulary);
    }
    candidates = found.ids.map((id) => candidateOf(id, items));
    const { scores } = found;
    if (scores !== undefined) {
      ordered = true;
      bySource = new Map(candidates.map((candidate, k) => [candidate, { rank: k + 1, score: scores[k] }]));
    }
  }
  const count = candidates.length;
  const unknownItems = candidates.reduce((sum, { row }) => sum + Number(row < 0), 0);
  candidates = filtered(candidates, release, facts, excluded);
  const filteredOut = count - candidates.length;

  const fallbacks: { stage: string; reason: FallbackReason }[] = [];
  const results: StageResult[] = [];
  let withoutValue = 0;
  let last: StageResult | undefined;
  for (const stage of release.stages) {
    if (candidates.length === 0) break;
    try {
      const result = await timed(observer, stage.name, candidates.length, () =>
        within(left(stage.budgetMs), (signal) =>
          score(stage, candidates, facts, release, pool, results, signal, observer),
        ),
      );
      const absent = fallbacks.find(({ stage: name }) =>
        stage.formula.names.some((column) => column.startsWith(`${name}.`)),
      );
      // Nothing to show would be a worse answer than the order before.
      if (absent !== undefined && result.order.length === 0) {
        throw new MillraceError(
          `the formula "${stage.formula.text}" needs stage ${absent.stage}, which was left out`,
        );
      }
      results.push(result);
      last = result;
      ordered = true;
      withoutValue += candidates.length - result.order.length;
      candidates = [...result.order];
    } catch (error) {
      if (!isMoment(error)) throw error;
      const reason = reasonOf(error);
      observer.fallback?.(stage.name, reason, error);
      fallbacks.push({ stage: stage.name, reason });
      if (!ordered && stage === release.stages.at(-1)) {
        if (error instanceof OverloadError) throw error;
        throw new UnavailableError(`stage ${stage.name} was ${reason}, and nothing before it made an order`, {
          details: { fallbacks },
          cause: error,
        });
      }
    }
    if (stage.keep !== undefined) candidates = candidates.slice(0, stage.keep);
  }
  const chosen = slots(candidates, release, facts, request.limit ?? config.slots.count);
  return {
    name,
    version: release.version,
    items: chosen.map((candidate) => {
      const found = bySource?.get(candidate);
      const value = last === undefined ? found?.score : last.score(candidate);
      return {
        id: plainScalar(candidate.id) as string | number,
        score: value ?? null,
        predictions: last === undefined ? {} : last.predictionsOf(candidate),
        ...(request.explain === true && {
          explanation: {
            stages: [
              ...(found === undefined ? [] : [{ stage: "candidates", ...found, predictions: {} }]),
              ...results.map((result) => ({
                stage: result.stage.name,
                rank: result.rank(candidate),
                score: result.score(candidate) as number,
                predictions: result.predictionsOf(candidate),
              })),
            ],
            features: jsonRow(valuesRead(release, facts, candidate)),
          },
        }),
      };
    }),
    stage: last?.stage.name ?? null,
    fallbacks,
    counts: {
      candidates: count,
      filtered: filteredOut,
      without_value: withoutValue,
      unknown_items: unknownItems,
    },
    unknown_user: users !== undefined && userRow < 0,
  };
}

/** Raw values of one candidate that the stages' models and formulas read. */
function valuesRead({ stages, items }: Release, facts: RequestFacts, candidate: Candidate): RawRow {
  const values: { [column: string]: RawValue } = {};
  const predicted = new Set<string>();
  for (const { name, loaded, formula } of stages) {
    Object.assign(values, loaded.assembly.explain(facts, candidate));
    for (const label of loaded.labels) predicted.add(`${name}.${label}`);
    for (const column of formula.names) {
      // The names of predictions come before those of columns.
      if (loaded.labels.includes(column) || predicted.has(column)) continue;
      values[column] = candidateValue(column, candidate, facts, items, items?.key);
    }
  }
  return values;
}

/** Scores candidates with a stage's model and puts them in order; ties keep the order before. */
async function score(
  stage: LoadedStage,
  candidates: readonly Candidate[],
  facts: RequestFacts,
  { items }: Release,
  pool: ModelRuns,
  earlier: readonly StageResult[],
  signal: AbortSignal,
  observer: CascadeObserver,
): Promise<StageResult> {
  const { loaded, formula } = stage;
  const { predictions, outOfVocabulary } = await predict(loaded, candidates, facts, pool, signal);
  observer.outOfVocabulary?.(loaded.name, outOfVocabulary);
  for (const [label, values] of Object.entries(predictions)) {
    const calibrator = loaded.calibrators[label];
    if (calibrator !== undefined) calibrate(calibrator, values);
    observer.predictions?.(loaded.name, label, values);
  }
  const values = formula.evaluate(candidates.length, (column) => {
    if (Object.hasOwn(predictions, column)) return predictions[column];
    for (const result of earlier) {
      const label = column.slice(result.stage.name.length + 1);
      if (!column.startsWith(`${result.stage.name}.`) || !Object.hasOwn(result.predictions, label)) continue;
      return candidates.map((candidate) => result.predictions[label][result.place(candidate)]);
    }
    return numbersOf(column, candidates, facts, items, items?.key);
  });
  return new StageResult(stage, candidates, predictions, values);
}

/** By towers where they know every candidate; else by the split graph those that it takes, others by the plain one. */
async function predict(
  { towers, split, assembly, key }: LoadedModel,
  candidates: readonly Candidate[],
  facts: RequestFacts,
  pool: ModelRuns,
  signal: AbortSignal,
): Promise<Scored> {
  const plainly = async (some: readonly Candidate[]): Promise<Scored> => {
    const { batch, outOfVocabulary } = assembly.assemble(facts, some);
    return { predictions: await pool.run(key, batch, signal, { admitted: true }), outOfVocabulary };
  };
  // Before features are made: under overload most of the work would be for refusals.
  const factored = towers?.knows(candidates) === true ? towers : undefined;
  pool.admit(candidates.length, factored?.key);
  if (factored !== undefined) return factored.predict(facts, candidates, pool, signal);
  if (split === undefined || candidates.length < WORTH_SPLITTING) return plainly(candidates);
  const taken = candidates.map((candidate) => split.takes(candidate));
  const [known, others] = [true, false].map((wanted) => candidates.filter((_, k) => taken[k] === wanted));
  if (others.length === 0) return split.predict(facts, known, pool, signal);
  if (known.length < WORTH_SPLITTING) return plainly(candidates);
  const [first, second] = await Promise.all([split.predict(facts, known, pool, signal), plainly(others)]);
  return merged(first, second, taken, assembly.sides.request);
}

/** Scores of two lists of candidates in the order that both had; the request's own features count once. */
function merged(
  first: Scored,
  second: Scored,
  inFirst: readonly boolean[],
  ofRequest: ReadonlySet<string>,
): Scored {
  const predictions: { [label: string]: Float32Array } = {};
  for (const label of Object.keys(first.predictions)) {
    const [a, b] = [first.predictions[label], second.predictions[label]];
    let [i, j] = [0, 0];
    predictions[label] = Float32Array.from(inFirst, (own) => (own ? a[i++] : b[j++]));
  }
  const outOfVocabulary = { ...first.outOfVocabulary };
  for (const [feature, count] of Object.entries(second.outOfVocabulary)) {
    const before = outOfVocabulary[feature] ?? 0;
    outOfVocabulary[feature] = ofRequest.has(feature) ? Math.max(before, count) : before + count;
  }
  return { predictions, outOfVocabulary };
}

/** User table and context together. */
function factsOf({ users }: Release, { user, context }: RankRequest, row: number): RawRow {
  const known = users === undefined ? {} : row < 0 ? { [users.key]: user ?? undefined } : users.row(row);
  return { ...known, ...context };
}

function excludedIds(
  { exclude = [] }: RankRequest,
  { features }: RequestFacts,
  seen: string | undefined,
): ReadonlySet<string> {
  const ids = new Set<string>();
  const add = (id: RawScalar): void => {
    const text = idText(id);
    if (text !== undefined) ids.add(text);
  };
  exclude.forEach(add);
  if (seen !== undefined) listEntries(features[seen], { separator: undefined }).forEach(add);
  return ids;
}

function filtered(
  candidates: readonly Candidate[],
  { items, cascade: { config } }: Release,
  facts: RequestFacts,
  excluded: ReadonlySet<string>,
): Candidate[] {
  const { allowed } = config.filters;
  const seen = new Set<string | number>();
  return candidates.filter((candidate) => {
    // A row of the item table says which item it is as well as its id does, and is at hand.
    const known = candidate.row >= 0;
    const id = known && excluded.size === 0 ? undefined : idText(candidate.id);
    if ((!known && id === undefined) || (id !== undefined && excluded.has(id))) return false;
    // The same item twice would take two slots.
    const item = known ? candidate.row : (id as string);
    if (seen.has(item)) return false;
    seen.add(item);
    return allowed === undefined || isTrue(candidateValue(allowed, candidate, facts, items, items?.key));
  });
}

/** From the top, skipping items whose advertiser (or other capped value) has had its share. */
function slots(
  candidates: readonly Candidate[],
  { items, cascade: { config } }: Release,
  facts: RequestFacts,
  limit: number,
): Candidate[] {
  const { caps } = config.slots;
  if (caps.length === 0) return candidates.slice(0, limit);
  const taken = caps.map(() => new Map<string, number>());
  const chosen: Candidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === limit) break;
    const values = caps.map(({ column }) =>
      idText(candidateValue(column, candidate, facts, items, items?.key)),
    );
    const full = values.some(
      (value, k) => value !== undefined && (taken[k].get(value) ?? 0) >= caps[k].limit,
    );
    if (full) continue;
    values.forEach((value, k) => {
      if (value !== undefined) taken[k].set(value, (taken[k].get(value) ?? 0) + 1);
    });
    chosen.push(candidate);
  }
  return chosen;
}

async function timed<T>(
  observer: CascadeObserver,
  stage: string,
  candidates: number,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    observer.stage?.(stage, (performance.now() - started) / 1e3, candidates);
  }
}

/** Whether an error says something about the moment, not about the request. */
function isMoment(error: unknown): boolean {
  if (error instanceof OverloadError || error instanceof LateError) return true;
  return !(error instanceof MillraceError) || error.exitCode === 1;
}

function reasonOf(error: unknown): FallbackReason {
  if (error instanceof LateError) return "late";
  return error instanceof OverloadError ? "overloaded" : "failed";
}

/** A raw value as JSON holds it. */
function plainScalar(value: RawScalar): string | number | boolean | null {
  if (typeof value === "bigint") return String(value);
  return value instanceof Date ? value.toISOString() : (value ?? null);
}

function jsonRow(row: RawRow): {
  [column: string]: string | number | boolean | null | (string | number | boolean | null)[];
} {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      Array.isArray(value)
        ? value.map((entry) => plainScalar(entry as RawScalar))
        : plainScalar(value as RawScalar),
    ]),
  );
}
