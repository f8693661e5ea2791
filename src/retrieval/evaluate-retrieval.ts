/**
 * Full-ranking evaluation: every user's held-out items ranked among all items but those known from
 * training, exactly, block by block through the model's own towers and scorer.
 */
import { CounterRandom } from "../core/index.ts";
import { FullRankingEvaluation, type MetricValue } from "../evaluation/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import type { Catalogue } from "./catalogue.ts";
import { encodeItems } from "./encode-items.ts";
import type { ItemLists } from "./item-lists.ts";
import type { Scorer, Tower } from "./towers.ts";

/** Users whose held-out items are to be found. */
export interface RetrievalTask {
  /** What each user took that the model may not know: item numbers by user. */
  readonly positives: ItemLists;
  /** What does not take part for each user: training items, and validation items when testing. */
  readonly exclude: ItemLists;
  /** Users' features as a request would send them; user numbers in, one row each. */
  readonly userRows: (users: Int32Array) => EncodedBatch;
}

export interface EvaluateRetrievalOptions {
  /** Such as `recall@20`, `ndcg@20`, `hr@10`, `mrr`. */
  readonly metrics: readonly string[];
  /** Orders items with equal scores, and chooses users. @default 0 */
  readonly seed?: number;
  /** Users of one block. @default 256 */
  readonly batchSize?: number;
  /** Take a random part of the users, for a quick look while training. @default all */
  readonly users?: number;
}

export interface RankingModel {
  readonly user: Tower;
  readonly item: Tower;
  readonly scorer: Scorer;
}

/** @returns metrics by name; `counts` has `users` and `usersWithoutPositive` */
export async function evaluateRetrieval(
  model: RankingModel,
  catalogue: Catalogue,
  task: RetrievalTask,
  { metrics, seed = 0, batchSize, users }: EvaluateRetrievalOptions,
): Promise<{ [name: string]: MetricValue }> {
  const { positives, exclude } = task;
  const evaluation = new FullRankingEvaluation({ metrics, seed });
  for await (const { user, scores } of scoredUsers(model, catalogue, task, { seed, batchSize, users })) {
    evaluation.add({ scores, positives: positives.row(user), exclude: exclude.row(user) });
  }
  return evaluation.result();
}

/** Users with something held out, each with the scores of all items; the next one's scores take their place. */
export async function* scoredUsers(
  { user: tower, item, scorer }: RankingModel,
  catalogue: Catalogue,
  task: RetrievalTask,
  { seed = 0, batchSize = 256, users: part }: Omit<EvaluateRetrievalOptions, "metrics"> = {},
): AsyncGenerator<{ readonly user: number; readonly scores: Float32Array }> {
  const items = catalogue.keys.length;
  const vectors = await encodeItems(item, catalogue);
  const chosen = usersOf(task.positives, part, seed);
  const scores = new Float32Array(Math.min(batchSize, chosen.length) * items);
  for (let from = 0; from < chosen.length; from += batchSize) {
    const users = chosen.subarray(from, from + batchSize);
    const encoded = await tower.encode(task.userRows(users));
    const block = await scorer.score(encoded, vectors, scores);
    for (const [k, user] of users.entries()) {
      yield { user, scores: block.subarray(k * items, (k + 1) * items) };
    }
  }
}

/** Users with a positive, ascending; or a random part of them. */
function usersOf(positives: ItemLists, part: number | undefined, seed: number): Int32Array {
  const all = Int32Array.from({ length: positives.rows }, (_, u) => u).filter(
    (u) => positives.offsets[u + 1] > positives.offsets[u],
  );
  if (part === undefined || part >= all.length) return all;
  const order = new CounterRandom(seed, "evaluated users").permutation(all.length).subarray(0, part);
  return Int32Array.from(order, (k) => all[k]).sort();
}
