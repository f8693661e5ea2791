import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { evaluateFullRanking, FullRankingEvaluation } from "./full-ranking.ts";
import { groupRanking } from "./group-ranking.ts";
import { hitRateAtK } from "./hit-rate.ts";
import { ndcgAtK } from "./ndcg.ts";
import { rankPositives } from "./rank-positives.ts";
import { recallAtK } from "./recall.ts";
import { reciprocalRank } from "./reciprocal-rank.ts";

describe("ranks of positives", () => {
  test("equal the positions after sorting all candidates by score and tie key", () => {
    const user = fc.record({
      scores: fc.array(fc.constantFrom(-1, 0, 0.5, 0.5, 2), { minLength: 1, maxLength: 30 }),
      roles: fc.array(fc.constantFrom("positive", "excluded", "other"), { minLength: 30, maxLength: 30 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(user, ({ scores, roles, seed }) => {
        const of = (role: string): number[] => scores.flatMap((_, i) => (roles[i] === role ? [i] : []));
        const ties = new CounterRandom(seed);
        const order = scores
          .map((_, i) => i)
          .filter((i) => roles[i] !== "excluded")
          .sort((a, b) => scores[b] - scores[a] || ties.uint32(a) - ties.uint32(b));
        const expected = order.flatMap((i, rank) => (roles[i] === "positive" ? [rank + 1] : []));
        const { ranks } = rankPositives({ scores, positives: of("positive"), exclude: of("excluded") }, ties);
        expect(Array.from(ranks)).toEqual(expected);
        const capped = rankPositives(
          { scores, positives: of("positive"), exclude: of("excluded"), maxRank: 3 },
          ties,
        );
        const upTo = (rank: number): number => Math.min(rank, 4);
        expect(Array.from(capped.ranks, upTo)).toEqual(expected.map(upTo));
      }),
    );
  });

  test("a constant score gives each place equally often, whatever the item's index", () => {
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < 4000; seed++) {
      const { ranks } = rankPositives({ scores: [1, 1, 1, 1], positives: [0] }, new CounterRandom(seed));
      counts[ranks[0] - 1]++;
    }
    // Binomial with p = 1/4: standard deviation 27.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  test("says what is wrong with a user", () => {
    const ties = new CounterRandom(0);
    expect(() => rankPositives({ scores: [1, 2], positives: [2] }, ties)).toThrow(
      "candidate 2 does not exist; there are 2",
    );
    expect(() => rankPositives({ scores: [1, 2], positives: [1], exclude: [1] }, ties)).toThrow(
      "candidate 1 is a positive and excluded",
    );
    expect(() => rankPositives({ scores: [1, 2], positives: [1, 1] }, ties)).toThrow(
      "candidate 1 is a positive twice",
    );
    expect(() => rankPositives({ scores: [Number.NaN, 2], positives: [1] }, ties)).toThrow(
      "score of candidate 0 is NaN",
    );
  });
});

describe("metrics of one ranking", () => {
  const positives = { ranks: Float64Array.of(2, 5), relevance: Float64Array.of(1, 1) };

  test("by hand: positives at ranks 2 and 5", () => {
    expect(ndcgAtK(positives, 1)).toBe(0);
    expect(ndcgAtK(positives, 3)).toBeCloseTo(1 / Math.log2(3) / (1 + 1 / Math.log2(3)), 12);
    expect(recallAtK(positives, 3)).toBe(0.5);
    expect(recallAtK(positives, 5)).toBe(1);
    expect(hitRateAtK(positives, 1)).toBe(0);
    expect(hitRateAtK(positives, 2)).toBe(1);
    expect(reciprocalRank(positives)).toBe(0.5);
  });

  test("with one positive, HR@1, recall@1 and NDCG@1 are one number", () => {
    for (const rank of [1, 2, 7]) {
      const single = { ranks: Float64Array.of(rank), relevance: Float64Array.of(1) };
      expect(hitRateAtK(single, 1)).toBe(ndcgAtK(single, 1));
      expect(hitRateAtK(single, 1)).toBe(recallAtK(single, 1));
    }
  });

  test("graded relevance: gain 2^y - 1, ideal by descending relevance", () => {
    const graded = { ranks: Float64Array.of(1, 2), relevance: Float64Array.of(1, 3) };
    expect(ndcgAtK(graded, 2)).toBeCloseTo((1 + 7 / Math.log2(3)) / (7 + 1 / Math.log2(3)), 12);
  });
});

describe("full ranking", () => {
  const users = [
    { scores: Float32Array.of(0.9, 0.8, 0.7, 0.1), positives: [2], exclude: [0] }, // rank 2 of 3
    { scores: Float32Array.of(0.9, 0.8, 0.7, 0.1), positives: [0] }, // rank 1
    { scores: Float32Array.of(0.9, 0.8, 0.7, 0.1), positives: [] }, // left out
  ];

  test("means over users with a positive, training positives left out", async () => {
    const result = await evaluateFullRanking(users, { metrics: ["hr@1", "MRR", "ndcg@2", "recall@3"] });
    const counts = { users: 2, usersWithoutPositive: 1 };
    expect(result).toEqual({
      "hr@1": { value: 0.5, counts },
      mrr: { value: 0.75, counts },
      "ndcg@2": { value: (1 + 1 / Math.log2(3)) / 2, counts },
      "recall@3": { value: 1, counts },
    });
  });

  test("takes users from an async stream, and is null when none has a positive", async () => {
    async function* stream() {
      yield users[2];
    }
    const result = await evaluateFullRanking(stream(), { metrics: ["mrr"] });
    expect(result.mrr).toEqual({
      value: null,
      reason: "no user has a positive",
      counts: { users: 0, usersWithoutPositive: 1 },
    });
  });

  test("sampled candidates say so in the name", () => {
    const evaluation = new FullRankingEvaluation({ metrics: ["ndcg@10"], candidates: "sampled" });
    evaluation.add(users[1]);
    expect(Object.keys(evaluation.result())).toEqual(["sampled_ndcg@10"]);
  });

  test("the same seed breaks ties alike, another one differently", () => {
    const tied = Array.from({ length: 50 }, () => ({ scores: new Float32Array(20), positives: [0] }));
    const mrr = (seed: number): number | null => {
      const evaluation = new FullRankingEvaluation({ metrics: ["mrr"], seed });
      for (const user of tied) evaluation.add(user);
      return evaluation.result().mrr.value;
    };
    expect(mrr(1)).toBe(mrr(1));
    expect(mrr(1)).not.toBe(mrr(2));
  });
});

describe("group ranking", () => {
  test("ranks the rows of each group, groups without a positive left out", () => {
    const rows = {
      predictions: [0.9, 0.5, 0.1, 0.3, 0.2, 0.7],
      labels: [0, 1, 0, 1, 0, 0],
      groups: [1, 1, 1, 2, 2, 3],
    };
    expect(groupRanking(rows, { metric: reciprocalRank })).toEqual({
      value: 0.75,
      counts: { groups: 2, groupsWithoutPositive: 1 },
    });
  });
});
