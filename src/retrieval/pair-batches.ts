/** Batches of positive pairs in a new order each epoch. */
import { CounterRandom, hashKey } from "../core/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import type { Catalogue } from "./catalogue.ts";
import type { PositivePairs } from "./pairs.ts";
import { type EpochOptions, ItemDraw, type NegativePlan, type TrainingBatches } from "./training-batches.ts";

export interface PairBatchesOptions {
  readonly pairs: PositivePairs;
  readonly catalogue: Catalogue;
  readonly negatives: NegativePlan;
  /** Pairs of one step. The last batch of an epoch may be smaller. */
  readonly batchSize: number;
}

export function pairBatches(options: PairBatchesOptions): TrainingBatches {
  const { pairs, catalogue, negatives, batchSize } = options;
  const draw = new ItemDraw({
    catalogue,
    known: pairs.known,
    plan: negatives,
    batchSize,
    positivesPerRow: 1,
    positivesPerBatch: batchSize,
  });
  const batches = Math.ceil(pairs.count / batchSize);
  return {
    layout: [...pairs.layout, ...draw.layout],
    batchSize,
    positivesPerRow: 1,
    negativesPerRow: draw.negativesPerRow,
    own: draw.own,
    takenPlaces: draw.takenPlaces,
    fingerprint: JSON.stringify(["pairs", pairs.count, catalogue.keys.length, negatives, batchSize]),
    epoch: ({ seed, epoch, skip = 0 }: EpochOptions) => ({
      batches,
      *[Symbol.iterator](): Iterator<EncodedBatch> {
        const order = new CounterRandom(seed, "pairs", epoch).permutation(pairs.count);
        for (let b = skip; b < batches; b++) {
          const chosen = order.subarray(b * batchSize, (b + 1) * batchSize);
          const key = hashKey(seed, "batch", epoch, b);
          const items = Int32Array.from(chosen, (pair) => pairs.items[pair]);
          const users = Int32Array.from(chosen, (pair) => pairs.users[pair]);
          const columns = { ...pairs.userColumns(chosen, key), ...draw.columns(items, users, key) };
          yield { size: chosen.length, columns };
        }
      },
    }),
  };
}
