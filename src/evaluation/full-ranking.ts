/**
 * Evaluation of retrieval: every user's positives are ranked among all items, training positives left
 * out, and the metrics are means over users. One row of scores at a time goes through, so the full
 * users x items matrix never has to exist. Users without a positive are left out and counted.
 *
 * With `candidates: "sampled"` the scores are those of a sample of items; the names then start with
 * `sampled_`, because such figures are higher than full ones and not comparable with them (Krichene and
 * Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020).
 */
import { CounterRandom } from "../core/index.ts";
import { parseMetricName } from "./metric-name.ts";
import { defined, type MetricValue, undefinedMetric } from "./metric-value.ts";
import { type RankingTask, rankPositives } from "./rank-positives.ts";
import { type RankingMetricFamily, rankingMetrics } from "./ranking-metrics.ts";

export interface FullRankingOptions {
  /** Such as `ndcg@10`, `recall@50`, `hr@1`, `mrr`. */
  readonly metrics: readonly string[];
  /** Orders candidates with equal scores. @default 0 */
  readonly seed?: number;
  /** Whether a row of scores covers all items or a sample of them. @default "all" */
  readonly candidates?: "all" | "sampled";
}

/**
 * Takes users one by one and gives the means at any time.
 *
 * @example
 * const evaluation = new FullRankingEvaluation({ metrics: ["ndcg@10", "recall@50"] });
 * for (const user of users) evaluation.add({ scores: score(user), positives: user.test, exclude: user.train });
 * evaluation.result()["ndcg@10"].value;
 */
export class FullRankingEvaluation {
  readonly #metrics: readonly {
    readonly name: string;
    readonly family: RankingMetricFamily;
    readonly k: number;
  }[];
  readonly #sums: Float64Array;
  /** Ranks that no metric looks beyond. */
  readonly #maxRank: number;
  readonly #seed: number;
  #users = 0;
  #withoutPositive = 0;

  /** @throws ConfigError when a metric is unknown */
  constructor({ metrics, seed = 0, candidates = "all" }: FullRankingOptions) {
    const families = Object.keys(rankingMetrics) as RankingMetricFamily[];
    this.#metrics = metrics.map((text) => {
      const { family, k = 0, name } = parseMetricName(text, families);
      return { family, k, name: candidates === "all" ? name : `sampled_${name}` };
    });
    this.#sums = new Float64Array(metrics.length);
    this.#maxRank = Math.max(
      ...this.#metrics.map(({ family, k }) => (family === "mrr" ? Number.POSITIVE_INFINITY : k)),
    );
    this.#seed = seed;
  }

  /** @throws DataError on a NaN score, an index out of range, or a positive that is excluded */
  add(user: RankingTask): void {
    if (user.positives.length === 0) {
      this.#withoutPositive++;
      return;
    }
    const position = this.#users + this.#withoutPositive;
    const task = { maxRank: this.#maxRank, ...user };
    const positives = rankPositives(task, new CounterRandom(this.#seed, "ties", position));
    this.#metrics.forEach(({ family, k }, i) => {
      this.#sums[i] += rankingMetrics[family].compute(positives, k);
    });
    this.#users++;
  }

  /** By name; `counts` has `users` (in the mean) and `usersWithoutPositive` (left out). */
  result(): { [name: string]: MetricValue } {
    const counts = { users: this.#users, usersWithoutPositive: this.#withoutPositive };
    return Object.fromEntries(
      this.#metrics.map(({ name }, i) => [
        name,
        this.#users === 0
          ? undefinedMetric("no user has a positive", counts)
          : defined(this.#sums[i] / this.#users, counts),
      ]),
    );
  }
}

/** `FullRankingEvaluation` over a sequence of users. */
export async function evaluateFullRanking(
  users: Iterable<RankingTask> | AsyncIterable<RankingTask>,
  options: FullRankingOptions,
): Promise<{ [name: string]: MetricValue }> {
  const evaluation = new FullRankingEvaluation(options);
  for await (const user of users) evaluation.add(user);
  return evaluation.result();
}
