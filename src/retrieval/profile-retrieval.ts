/**
 * What a retrieval model recommends, beyond one figure: recall and NDCG by cut-off, how popular the items are that it
 * recommends beside those that users take, and how many of all items it recommends at all.
 *
 * Popularity is the number of users who took an item in training; a tenth is one of ten parts of the catalogue of
 * equal size, the most popular items in the first.
 */
import { CounterRandom } from "../core/index.ts";
import { FullRankingEvaluation } from "../evaluation/index.ts";
import type { Catalogue } from "./catalogue.ts";
import { type RankingModel, type RetrievalTask, scoredUsers } from "./evaluate-retrieval.ts";
import type { ItemLists } from "./item-lists.ts";
import { topItems } from "./top-items.ts";

export interface RetrievalProfile {
  /** Users that were ranked for. */
  readonly users: number;
  readonly cutoffs: readonly { readonly k: number; readonly recall: number; readonly ndcg: number }[];
  /** Length of the lists that popularity and coverage are of. */
  readonly k: number;
  /** Share of all items that are in at least one user's list. */
  readonly coverage: number;
  readonly popularity: readonly PopularityTenth[];
}

export interface PopularityTenth {
  readonly items: number;
  /** Shares of what users took in training, of what was held out, and of all lists, in [0, 1]. */
  readonly taken: number;
  readonly heldOut: number;
  readonly recommended: number;
  /** Share of its items that are in at least one list. */
  readonly coverage: number;
  /** Mean length of its items' vectors. */
  readonly norm: number;
}

export interface ProfileOptions {
  /** What users took in training. */
  readonly taken: ItemLists;
  /** Encoded items, `[items, width]`. */
  readonly vectors: Float32Array;
  /** @default 20, or all items */
  readonly k?: number;
  /** @default 1, 5, 10, 20, 50, 100, as far as there are items */
  readonly cutoffs?: readonly number[];
  /** Most users, a random part. @default 2000 */
  readonly users?: number;
  readonly seed?: number;
}

const TENTHS = 10;

/** Ranks for users with held-out items; those that a user took before are left out, as in the evaluation. */
export async function profileRetrieval(
  model: RankingModel,
  catalogue: Catalogue,
  task: RetrievalTask,
  options: ProfileOptions,
): Promise<RetrievalProfile> {
  const items = catalogue.keys.length;
  const { taken, vectors, users: most = 2000, seed = 0 } = options;
  const k = Math.min(items, options.k ?? 20);
  const cutoffs = (options.cutoffs ?? [1, 5, 10, 20, 50, 100]).filter((cutoff) => cutoff <= items);
  const metrics = cutoffs.flatMap((cutoff) => [`recall@${cutoff}`, `ndcg@${cutoff}`]);
  const evaluation = new FullRankingEvaluation({ metrics, seed });
  const popularity = countsOf(taken, items);
  const [heldOut, recommended] = [new Float64Array(items), new Float64Array(items)];
  let users = 0;
  for await (const { user, scores } of scoredUsers(model, catalogue, task, { users: most, seed })) {
    const [positives, exclude] = [task.positives.row(user), task.exclude.row(user)];
    evaluation.add({ scores, positives, exclude });
    const known = new Set(exclude);
    for (const item of topItems(scores, k, { passes: (one) => !known.has(one) }).items) recommended[item]++;
    for (const item of positives) heldOut[item]++;
    users++;
  }
  const found = evaluation.result();
  const tenthOf = tenths(popularity, seed);
  const width = vectors.length / items;
  const part = (tenth: number): PopularityTenth => {
    const own = Array.from({ length: items }, (_, item) => item).filter((item) => tenthOf[item] === tenth);
    const sum = (values: ArrayLike<number>): number => own.reduce((total, item) => total + values[item], 0);
    const share = (values: Float64Array): number => sum(values) / Math.max(1, total(values));
    const norms = own.map((item) => Math.hypot(...vectors.subarray(item * width, (item + 1) * width)));
    return {
      items: own.length,
      taken: share(popularity),
      heldOut: share(heldOut),
      recommended: share(recommended),
      coverage: own.filter((item) => recommended[item] > 0).length / Math.max(1, own.length),
      norm: norms.reduce((all, norm) => all + norm, 0) / Math.max(1, own.length),
    };
  };
  return {
    users,
    cutoffs: cutoffs.map((cutoff) => ({
      k: cutoff,
      recall: found[`recall@${cutoff}`].value ?? Number.NaN,
      ndcg: found[`ndcg@${cutoff}`].value ?? Number.NaN,
    })),
    k,
    coverage: recommended.reduce((all, count) => all + Number(count > 0), 0) / items,
    popularity: Array.from({ length: Math.min(TENTHS, items) }, (_, tenth) => part(tenth)),
  };
}

function countsOf(lists: ItemLists, items: number): Float64Array {
  const counts = new Float64Array(items);
  for (const list of lists.all()) for (const item of new Set(list)) counts[item]++;
  return counts;
}

/** The tenth of each item, the most popular first; equal ones are drawn, or their numbers would decide. */
function tenths(popularity: Float64Array, seed: number): Int32Array {
  const draw = new CounterRandom(seed, "popularity").permutation(popularity.length);
  const order = Int32Array.from(popularity, (_, item) => item).sort(
    (a, b) => popularity[b] - popularity[a] || draw[a] - draw[b],
  );
  const parts = Math.min(TENTHS, popularity.length);
  const found = new Int32Array(popularity.length);
  for (const [place, item] of order.entries()) {
    found[item] = Math.floor((place * parts) / popularity.length);
  }
  return found;
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
