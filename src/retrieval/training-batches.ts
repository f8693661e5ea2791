/**
 * Batches that retrieval models learn from: users' columns, the items they took (`positive:` columns) and
 * the items these are compared with (`negative:` columns). What an epoch holds is a function of (seed,
 * epoch) alone, so training resumes anywhere.
 */
import type { BatchColumn, BatchLayout, EncodedBatch } from "../schema/index.ts";
import { type Catalogue, itemColumns, itemLayout, roleColumn } from "./catalogue.ts";
import type { Distribution } from "./distribution.ts";
import type { ItemLists } from "./item-lists.ts";
import { NegativeSampler } from "./negative-sampler.ts";

/** Which negatives an objective needs. */
export interface NegativePlan {
  /** For each positive, or in a step for all of them together. */
  readonly count: number;
  /** Whether all queries of a step share them; otherwise none is an item that its user took in training. */
  readonly shared: boolean;
  readonly distribution: Distribution;
  /** Whether the batch's other positives are candidates too; matters to `correction`. @default false */
  readonly inBatch?: boolean;
  /** Adds, where draws are shared, a column with the places of those that a query's user took. @default false */
  readonly leaveOutTaken?: boolean;
  /** Adds columns with the logarithm of how often an item is expected among the candidates. @default false */
  readonly correction?: boolean;
}

/** Column of that logarithm, beside the items' features. */
export const CORRECTION = "@correction";

/** Column of the places among the drawn items, of a batch together, that hold items of the row's user; -1 ends them. */
export const TAKEN = "@taken";

export interface EpochOptions {
  readonly seed: number;
  readonly epoch: number;
  /** Batches to leave out at the start, for resuming in the middle of an epoch. @default 0 */
  readonly skip?: number;
}

export interface TrainingBatches {
  readonly layout: BatchLayout;
  /** Most rows of a batch. */
  readonly batchSize: number;
  readonly positivesPerRow: number;
  /** Columns of negatives a row. */
  readonly negativesPerRow: number;
  /** Negatives of one positive where it has its own; 0 where they are shared. */
  readonly own: number;
  /** Width of the column of taken places, by positive; 0 where there is none. */
  readonly takenPlaces: number;
  /** What decides the batches' content besides seed and epoch; guards resuming. */
  readonly fingerprint: string;
  /** The batches of one epoch, with what they amount to, for progress. */
  epoch(options: EpochOptions): { readonly batches: number; [Symbol.iterator](): Iterator<EncodedBatch> };
}

export interface ItemDrawOptions {
  readonly catalogue: Catalogue;
  /** Items each user took in training; never their own negatives, and what popularity is counted by. */
  readonly known: ItemLists;
  readonly plan: NegativePlan;
  readonly batchSize: number;
  readonly positivesPerRow: number;
  /** Positives of a full batch that are no padding, for the correction. */
  readonly positivesPerBatch: number;
}

/** The item side of training batches: positives' features, drawn negatives, corrections. */
export class ItemDraw {
  readonly negativesPerRow: number;
  readonly own: number;
  readonly takenPlaces: number;
  readonly layout: readonly BatchColumn[];
  readonly #options: ItemDrawOptions;
  readonly #sampler: NegativeSampler;
  readonly #correction: Float32Array | undefined;
  /** By item: one more than its last place among the drawn ones of a batch, 0 where it was not drawn. */
  readonly #lastPlace: Int32Array;

  constructor(options: ItemDrawOptions) {
    const { catalogue, known, plan, batchSize, positivesPerRow, positivesPerBatch } = options;
    const items = catalogue.keys.length;
    const counts = known.counts(items);
    this.#options = options;
    this.#sampler = new NegativeSampler(counts, plan.distribution, known);
    this.own = plan.shared ? 0 : plan.count;
    this.negativesPerRow = plan.shared ? Math.ceil(plan.count / batchSize) : plan.count * positivesPerRow;
    this.#lastPlace = new Int32Array(plan.leaveOutTaken ? items : 0);
    this.takenPlaces = plan.leaveOutTaken && plan.shared ? this.#mostTaken() : 0;
    if (plan.correction) {
      const drawn = this.negativesPerRow * batchSize;
      const total = counts.reduce((sum, count) => sum + count, 0);
      this.#correction = Float32Array.from(counts, (count, item) => {
        const inBatch = plan.inBatch ? (positivesPerBatch * count) / total : 0;
        // An item never seen in training is no candidate; it needs a finite number all the same.
        return Math.log(Math.max(inBatch + drawn * this.#sampler.probability(item), 1e-12));
      });
    }
    this.layout = [
      ...this.#layoutOf("positive", positivesPerRow),
      ...(this.negativesPerRow === 0 ? [] : this.#layoutOf("negative", this.negativesPerRow)),
      ...(this.takenPlaces === 0
        ? []
        : [
            {
              name: roleColumn("negative", TAKEN),
              role: "feature",
              dtype: "int32",
              width: positivesPerRow * this.takenPlaces,
            } as const,
          ]),
    ];
  }

  /** Six standard deviations above what is expected of the user with the most: one in millions has more. */
  #mostTaken(): number {
    const { batchSize, known } = this.#options;
    const draws = this.negativesPerRow * batchSize;
    let most = 0;
    for (let user = 0; user < known.rows; user++) most = Math.max(most, this.#sampler.probabilityTaken(user));
    const expected = draws * most;
    return Math.min(draws, Math.ceil(expected + 6 * Math.sqrt(expected) + 6));
  }

  #layoutOf(role: "positive" | "negative", count: number): BatchColumn[] {
    const own = itemLayout(this.#options.catalogue, role, count);
    if (this.#correction === undefined) return own;
    return [...own, { name: roleColumn(role, CORRECTION), role: "feature", dtype: "float32", width: count }];
  }

  /**
   * @param positives item numbers, `[rows · positivesPerRow]`; padding repeats any item
   * @param users the user of each positive, -1 for padding
   * @param key decides the draws
   */
  columns(positives: Int32Array, users: Int32Array, key: number): EncodedBatch["columns"] {
    const { catalogue, positivesPerRow } = this.#options;
    const columns = { ...itemColumns(catalogue, "positive", positives) };
    const rows = positives.length / positivesPerRow;
    if (this.negativesPerRow > 0) {
      const drawn =
        this.own > 0
          ? this.#sampler.own(users, this.own, key)
          : this.#sampler.shared(rows * this.negativesPerRow, key);
      Object.assign(columns, itemColumns(catalogue, "negative", drawn));
      if (this.takenPlaces > 0) columns[roleColumn("negative", TAKEN)] = this.#taken(users, drawn);
      if (this.#correction !== undefined)
        columns[roleColumn("negative", CORRECTION)] = this.#corrected(drawn);
    }
    if (this.#correction !== undefined)
      columns[roleColumn("positive", CORRECTION)] = this.#corrected(positives);
    return columns;
  }

  /** Places of users' own items among the drawn ones, `[users · takenPlaces]`. */
  #taken(users: Int32Array, drawn: Int32Array): Int32Array {
    const width = this.takenPlaces;
    const places = new Int32Array(users.length * width).fill(-1);
    // Places of one item are linked from the last to the first.
    const before = new Int32Array(drawn.length);
    for (const [place, item] of drawn.entries()) {
      before[place] = this.#lastPlace[item];
      this.#lastPlace[item] = place + 1;
    }
    for (const [k, user] of users.entries()) {
      if (user < 0) continue;
      let at = k * width;
      for (const item of this.#sampler.taken(user)) {
        for (let next = this.#lastPlace[item]; next > 0 && at < (k + 1) * width; next = before[next - 1])
          places[at++] = next - 1;
      }
    }
    for (const item of drawn) this.#lastPlace[item] = 0;
    return places;
  }

  #corrected(numbers: Int32Array): Float32Array {
    const correction = this.#correction as Float32Array;
    return Float32Array.from(numbers, (number) => correction[number]);
  }
}
