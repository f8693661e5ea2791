import { describe, expect, test } from "vitest";
import { type EncodedBatch, FIRST_VALUE_ID } from "../schema/index.ts";
import { idCatalogue } from "./catalogue.ts";
import { ItemLists } from "./item-lists.ts";
import { listPairs } from "./list-pairs.ts";
import { NegativeSampler } from "./negative-sampler.ts";
import { packedBatches, packedColumns } from "./packed-batches.ts";
import { pairBatches } from "./pair-batches.ts";
import type { NegativePlan, TrainingBatches } from "./training-batches.ts";

const items = 12;
const catalogue = idCatalogue(Array.from({ length: items }, (_, n) => `i${n}`));
const lists = ItemLists.from([[0, 1, 2], [3, 4], [5], [0, 6, 7, 8, 9, 10, 11]]);
const own: NegativePlan = { count: 2, shared: false, distribution: "uniform" };

const epochOf = (batches: TrainingBatches, epoch: number, skip = 0): EncodedBatch[] => [
  ...batches.epoch({ seed: 5, epoch, skip }),
];
const column = (batch: EncodedBatch, name: string): number[] => Array.from(batch.columns[name]);

describe("batches of pairs", () => {
  const batches = pairBatches({
    pairs: listPairs(lists, { historyLength: 4 }),
    catalogue,
    negatives: own,
    batchSize: 4,
  });

  test("hold every pair once, in an order of the seed and epoch", () => {
    const pairsOf = (epoch: number): string[] =>
      epochOf(batches, epoch).flatMap((batch) => {
        const taken = column(batch, "positive:@number");
        return column(batch, "user").map((user, r) => `${user - FIRST_VALUE_ID} ${taken[r]}`);
      });
    const expected = lists.all().flatMap((row, user) => [...row].map((item) => `${user} ${item}`));
    expect(pairsOf(0).sort()).toEqual(expected.sort());
    expect(pairsOf(0)).not.toEqual(pairsOf(1));
    expect(epochOf(batches, 0, 2)).toEqual(epochOf(batches, 0).slice(2));
  });

  test("never show a user its own items as negatives, nor its target in the history", () => {
    for (const batch of [0, 1, 2, 3].flatMap((epoch) => epochOf(batches, epoch))) {
      const users = column(batch, "user").map((id) => id - FIRST_VALUE_ID);
      const taken = column(batch, "positive:@number");
      const drawn = column(batch, "negative:@number");
      const history = column(batch, "history");
      const lengths = column(batch, "history.length");
      for (const [r, user] of users.entries()) {
        const row = [...lists.row(user)];
        for (const negative of drawn.slice(2 * r, 2 * r + 2)) expect(row).not.toContain(negative);
        const before = history.slice(4 * r, 4 * r + lengths[r]).map((id) => id - FIRST_VALUE_ID);
        expect(lengths[r]).toBe(Math.min(4, row.length - 1));
        expect(before).not.toContain(taken[r]);
        for (const item of before) expect(row).toContain(item);
        expect(history.slice(4 * r + lengths[r], 4 * r + 4).every((id) => id === 0)).toBe(true);
      }
      expect(column(batch, "negative:item")).toEqual(drawn.map((n) => n + FIRST_VALUE_ID));
    }
  });

  test("may show the whole list, and then the same to all pairs of a user", () => {
    const whole = pairBatches({
      pairs: listPairs(lists, { historyLength: 4, history: "whole" }),
      catalogue,
      negatives: own,
      batchSize: 4,
    });
    for (const batch of [0, 1, 2, 3].flatMap((epoch) => epochOf(whole, epoch))) {
      const history = column(batch, "history");
      const lengths = column(batch, "history.length");
      for (const [r, user] of column(batch, "user").entries()) {
        const row = [...lists.row(user - FIRST_VALUE_ID)];
        const shown = history.slice(4 * r, 4 * r + lengths[r]).map((id) => id - FIRST_VALUE_ID);
        expect(lengths[r]).toBe(Math.min(4, row.length));
        if (row.length <= 4) expect(shown).toEqual(row);
        else for (const item of shown) expect(row).toContain(item);
        expect(new Set(shown).size).toBe(shown.length);
      }
    }
  });

  test("say which of the items that all queries share a user took, wherever they were drawn", () => {
    const left = pairBatches({
      pairs: listPairs(lists),
      catalogue,
      negatives: { count: 8, shared: true, distribution: "uniform", leaveOutTaken: true },
      batchSize: 4,
    });
    expect(left.takenPlaces).toBe(8);
    let found = 0;
    for (const batch of [0, 1, 2].flatMap((epoch) => epochOf(left, epoch))) {
      const drawn = column(batch, "negative:@number");
      const places = column(batch, "negative:@taken");
      for (const [r, user] of column(batch, "user").entries()) {
        const row = [...lists.row(user - FIRST_VALUE_ID)];
        const expected = [...drawn.keys()].filter((place) => row.includes(drawn[place]));
        const own = places.slice(8 * r, 8 * r + 8);
        expect(own.filter((place) => place >= 0).sort((a, b) => a - b)).toEqual(expected);
        expect(own.slice(expected.length).every((place) => place === -1)).toBe(true);
        found += expected.length;
      }
    }
    expect(found).toBeGreaterThan(20);
  });

  test("name a place once, and leave none out, where a user took an item again and again", () => {
    const often = ItemLists.from([[...new Array<number>(300).fill(0), 1, 2, 3], [1]]);
    const left = pairBatches({
      pairs: listPairs(often),
      catalogue: idCatalogue(Array.from({ length: 200 }, (_, n) => `i${n}`)),
      negatives: { count: 64, shared: true, distribution: "uniform", leaveOutTaken: true },
      batchSize: 64,
    });
    expect(left.takenPlaces).toBeLessThan(20);
    for (const batch of epochOf(left, 0)) {
      const drawn = column(batch, "negative:@number");
      const places = column(batch, "negative:@taken");
      for (const [r, user] of column(batch, "user").entries()) {
        const row = [...often.row(user - FIRST_VALUE_ID)];
        const own = places.slice(left.takenPlaces * r, left.takenPlaces * (r + 1));
        expect(own.filter((place) => place >= 0).sort((a, b) => a - b)).toEqual(
          [...drawn.keys()].filter((place) => row.includes(drawn[place])),
        );
      }
    }
  });

  test("say how often an item is expected among the candidates", () => {
    const corrected = pairBatches({
      pairs: listPairs(lists),
      catalogue,
      negatives: { count: 8, shared: true, distribution: "uniform", inBatch: true, correction: true },
      batchSize: 4,
    });
    const [batch] = epochOf(corrected, 0);
    expect(batch.columns["negative:@number"]).toHaveLength(8);
    const [item] = column(batch, "positive:@number");
    const count = item === 0 ? 2 : 1;
    expect(batch.columns["positive:@correction"][0]).toBeCloseTo(Math.log((4 * count) / 13 + 8 / 12), 5);
  });
});

describe("packed batches", () => {
  const batches = packedBatches({ lists, catalogue, negatives: own, length: 4, batchSize: 2 });
  const { items: ids, segment, position } = packedColumns;

  test("give every transition once; long sequences are cut into windows", () => {
    const seen: string[] = [];
    for (const batch of epochOf(batches, 3)) {
      expect(batch.size).toBe(2);
      const inputs = column(batch, ids);
      const targets = column(batch, "positive:@number");
      for (const [at, s] of column(batch, segment).entries()) {
        if (s > 0) seen.push(`${inputs[at] - FIRST_VALUE_ID} ${targets[at]}`);
        else expect(inputs[at]).toBe(0);
      }
    }
    const expected = lists.all().flatMap((row) => [...row.slice(1)].map((item, k) => `${row[k]} ${item}`));
    expect(seen.sort()).toEqual(expected.sort());
  });

  test("places count from a segment's beginning", () => {
    for (const batch of epochOf(batches, 0)) {
      const [segments, positions] = [column(batch, segment), column(batch, position)];
      for (let at = 0; at < segments.length; at++) {
        const begins = at % 4 === 0 || segments[at] !== segments[at - 1];
        if (segments[at] > 0) expect(positions[at]).toBe(begins ? 0 : positions[at - 1] + 1);
      }
    }
  });

  test("may leave all but the last window of a long sequence out", () => {
    const last = packedBatches({
      lists,
      catalogue,
      negatives: own,
      length: 4,
      batchSize: 2,
      windows: "last",
    });
    const positions = epochOf(last, 0).flatMap((batch) => column(batch, segment).filter((s) => s > 0));
    expect(positions).toHaveLength(2 + 1 + 0 + 4);
  });
});

test("drawn by popularity, items come as often as their count to the power", () => {
  const counts = Float64Array.of(16, 1, 0, 4);
  const sampler = new NegativeSampler(counts, { popularity: 0.5 }, ItemLists.empty(1));
  expect([0, 1, 2, 3].map((item) => sampler.probability(item))).toEqual([4 / 7, 1 / 7, 0, 2 / 7]);
  const drawn = new Float64Array(4);
  for (const item of sampler.shared(7000, 3)) drawn[item]++;
  // Binomial standard deviations are about 41, 29 and 38.
  expect(Math.abs(drawn[0] - 4000)).toBeLessThan(170);
  expect(Math.abs(drawn[3] - 2000)).toBeLessThan(150);
  expect(drawn[2]).toBe(0);
});
