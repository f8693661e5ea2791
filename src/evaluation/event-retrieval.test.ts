import { expect, test } from "vitest";
import { eventRetrieval } from "./event-retrieval.ts";

const relevance = [3, 0, 1, 2, 0, 0, 0, 0, 9, 9, 9, 9];
const lengths = [4, 4, 2];
const of = (scores: number[], k = 2) => eventRetrieval({ scores, relevance, lengths, length: 4 }, k);

test("by hand: gains are relevance, short and irrelevant histories are left out", () => {
  const found = of([5, 9, 1, 7, 1, 2, 3, 4, 0, 0, 0, 0]);
  // Found: events 1 and 3 of relevance 0 and 2; best: events 0 and 3.
  expect(found.histories).toBe(1);
  expect(found.ndcg).toBeCloseTo(2 / Math.log2(3) / (3 + 2 / Math.log2(3)), 12);
  expect(found.recall).toBe(0.5);
});

test("the order by relevance is the best, by any increasing map", () => {
  expect(of(relevance)).toEqual({ ndcg: 1, recall: 1, histories: 1 });
  expect(of(relevance.map((value) => value / 7 - 5))).toEqual({ ndcg: 1, recall: 1, histories: 1 });
});

test("with fewer relevant events than k, all of them are the whole", () => {
  expect(of([9, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0], 3).recall).toBe(1);
  expect(eventRetrieval({ scores: [1, 2, 3], relevance: [0, 0, 1], lengths: [3], length: 3 }, 2).recall).toBe(
    1,
  );
});

test("nothing that counts is not a number", () => {
  expect(eventRetrieval({ scores: [1], relevance: [1], lengths: [1], length: 1 }, 2).ndcg).toBeNaN();
});
