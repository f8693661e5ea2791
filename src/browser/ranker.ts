/**
 * Scores and ranks on the device: raw rows through the encoder that the model was trained with, then one run of
 * the graph. Scores are those of `millrace serve` for the same rows, as long as nothing was learnt here.
 */
import { ConfigError } from "../core/index.ts";
import { type Engine, type Session, wasmEngine } from "../engine/index.ts";
import {
  createRowEncoder,
  type EncodedBatch,
  type FeatureCounts,
  parseExpression,
  parseNumber,
  type RawRow,
  type RowEncoder,
} from "../schema/index.ts";
import { deviceBundleParts } from "../training/device/index.ts";
import type { Bundle } from "./bundle.ts";
import { feedsFor, type LiveValues, shippedValues } from "./live-values.ts";

export interface RankerOptions {
  /** What runs the graphs. @default `wasmEngine()` */
  readonly engine?: Engine;
  /** Most rows in one run of the graph. @default 256 */
  readonly batchSize?: number;
}

/** Predictions by label, `[rows]` each. */
export type Scores = { readonly [label: string]: Float32Array };

export interface RankRequest<Candidate extends RawRow = RawRow> {
  /** Columns that all candidates share: the user's, the page's, the time. @default none */
  readonly context?: RawRow;
  /** One row of raw values each; they win over the context's. */
  readonly candidates: readonly Candidate[];
  /**
   * What is ranked by, in the language of a server's value formula: arithmetic over labels and columns, such as
   * `bid * click`. @default the first label
   */
  readonly by?: string;
  /** How many are wanted. @default all */
  readonly limit?: number;
}

export interface RankedCandidate<Candidate extends RawRow = RawRow> {
  readonly candidate: Candidate;
  /** Its place in `candidates`. */
  readonly index: number;
  /** What it was ranked by; null where a column that the formula reads is missing: such candidates come last. */
  readonly score: number | null;
  readonly predictions: { readonly [label: string]: number };
}

export class Ranker {
  readonly bundle: Bundle;
  readonly engine: Engine;
  /** What graphs read now; a tuner puts its own here. */
  values: LiveValues;
  readonly #encoder: RowEncoder;
  readonly #session: Session;
  readonly #batchSize: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(bundle: Bundle, engine: Engine, session: Session, batchSize: number) {
    this.bundle = bundle;
    this.engine = engine;
    this.values = shippedValues(bundle);
    this.#encoder = createRowEncoder(bundle.map);
    this.#session = session;
    this.#batchSize = batchSize;
  }

  /**
   * Starts the engine and loads the graph.
   *
   * @throws EngineError when the engine refuses; ConfigError for a batch size that is none
   * @example
   * const ranker = await Ranker.create(await loadBundle("/feed.millrace"));
   */
  static async create(bundle: Bundle, options: RankerOptions = {}): Promise<Ranker> {
    const { batchSize = 256 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ConfigError(`batchSize must be a whole number from 1 on, not ${batchSize}`, {
        details: { batchSize },
      });
    }
    const engine = options.engine ?? (await wasmEngine());
    const session = await engine.load(bundle.part(deviceBundleParts.prediction), {
      externalData: bundle.sharedFiles(),
    });
    return new Ranker(bundle, engine, session, batchSize);
  }

  /** Values that no vocabulary knows, and values that were missing, by feature, since the ranker was made. */
  get counts(): { readonly [feature: string]: Readonly<FeatureCounts> } {
    return this.#encoder.counts;
  }

  /**
   * Predictions of raw rows.
   *
   * @throws DataError for a value that cannot be encoded, such as a vector of the wrong length
   */
  score(rows: readonly RawRow[]): Promise<Scores> {
    return this.scoreWith(this.values, rows);
  }

  /** The same with other values than the present ones: what a comparison needs. */
  async scoreWith(values: LiveValues, rows: readonly RawRow[]): Promise<Scores> {
    const scores = Object.fromEntries(
      this.bundle.labels.map((label) => [label, new Float32Array(rows.length)]),
    );
    for (let start = 0; start < rows.length; start += this.#batchSize) {
      const batch = this.#encoder.encode(rows.slice(start, start + this.#batchSize));
      const part = await this.predict(batch, values);
      for (const label of this.bundle.labels) scores[label].set(part[label], start);
    }
    return scores;
  }

  /** Predictions of rows that are encoded already. */
  predict(batch: EncodedBatch, values: LiveValues = this.values): Promise<Scores> {
    return this.exclusively(async () => {
      if (batch.size === 0)
        return Object.fromEntries(this.bundle.labels.map((l) => [l, new Float32Array(0)]));
      const results = await this.#session.run(
        feedsFor(this.#session, { bundle: this.bundle, values, batch }),
      );
      return Object.fromEntries(
        this.bundle.labels.map((label) => [label, results[`@prediction:${label}`].data as Float32Array]),
      );
    });
  }

  /**
   * Candidates in the order of their scores, highest first; equal ones stay in the order they came in.
   *
   * @throws ConfigError for a formula that cannot be read, or that reads what neither labels nor rows have
   * @example
   * const feed = await ranker.rank({ context: { user_id: 7, hour: 20 }, candidates: items, limit: 20 });
   */
  async rank<Candidate extends RawRow>(
    request: RankRequest<Candidate>,
  ): Promise<RankedCandidate<Candidate>[]> {
    const { context = {}, candidates, by = this.bundle.labels[0], limit = candidates.length } = request;
    const rows = candidates.map((candidate): RawRow => ({ ...context, ...candidate }));
    const scores = await this.score(rows);
    const values = valuesOf(by, rows, scores);
    const order = candidates.map((_, index) => index);
    const key = (index: number): number => (Number.isNaN(values[index]) ? -Infinity : values[index]);
    order.sort((a, b) => key(b) - key(a) || a - b);
    return order.slice(0, Math.max(0, limit)).map((index) => ({
      candidate: candidates[index],
      index,
      score: Number.isFinite(values[index]) ? values[index] : null,
      predictions: Object.fromEntries(this.bundle.labels.map((label) => [label, scores[label][index]])),
    }));
  }

  /** Runs one thing after the other: graphs read values that a step of learning moves. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Frees the graph. */
  async release(): Promise<void> {
    await this.exclusively(() => this.#session.release());
  }
}

/** A formula's value for each row, NaN where something is missing. Labels win over columns of the same name. */
function valuesOf(by: string, rows: readonly RawRow[], scores: Scores): Float64Array {
  if (Object.hasOwn(scores, by)) return Float64Array.from(scores[by]);
  const { columns, evaluate } = parseExpression(by);
  for (const column of columns) {
    if (Object.hasOwn(scores, column) || rows.length === 0 || rows.some((row) => column in row)) continue;
    throw new ConfigError(`rank by "${by}": there is no ${column}`, {
      details: { by, missing: column, labels: Object.keys(scores) },
      hint: `formulas read labels (${Object.keys(scores).join(", ")}) and columns of the rows`,
    });
  }
  const numbers = new Float64Array(columns.length);
  return Float64Array.from(rows, (row, index) => {
    for (const [k, column] of columns.entries()) {
      numbers[k] = scores[column]?.[index] ?? parseNumber(row[column]) ?? Number.NaN;
    }
    return evaluate(numbers);
  });
}
