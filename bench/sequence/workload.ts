/** The sequence benchmark's models and batches: what `peer.py` has too. */
import { CounterRandom } from "../../src/core/index.ts";
import { DARE, DIN } from "../../src/models/index.ts";
import type { Model } from "../../src/module/index.ts";
import { longHistoryMap } from "../../src/recipes/search-time.ts";
import { type EncodedBatch, FIRST_VALUE_ID, type FeatureMap } from "../../src/schema/index.ts";

export const sizes = {
  search: { items: 100_000, categories: 1000, attentionDim: 16, candidates: 64, k: 20 },
  training: { items: 100_000, categories: 1000, length: 200, dim: 16, batch: 512, k: 20 },
} as const;

const pool = 8;

export type SequenceModel = "DARE" | "DIN";

export function trainingMap(): FeatureMap {
  return longHistoryMap(sizes.training);
}

/** DARE as its paper trains it; DIN with FuxiCTR's unit. */
export function makeModel(name: SequenceModel, map: FeatureMap): Model {
  const { dim: embeddingDim, k } = sizes.training;
  const shared = { embeddingDim, embeddingStd: 0.01, hiddenUnits: [200, 80] };
  return name === "DARE"
    ? new DARE(map, { ...shared, k, searchHiddenUnits: [200] })
    : new DIN(map, { ...shared, attentionHiddenUnits: [64], attentionActivation: "dice" });
}

/** Full histories; items thin out like a power law, `⌊values · u³⌋`. */
export function historyBatches(): EncodedBatch[] {
  const { items, categories, length, batch } = sizes.training;
  return Array.from({ length: pool }, (_, b) => {
    const ids = (name: string, known: number, count: number): Int32Array => {
      const random = new CounterRandom(b, name);
      return Int32Array.from(
        { length: count },
        (_, i) => FIRST_VALUE_ID + Math.floor(known * random.uniform(i) ** 3),
      );
    };
    const random = new CounterRandom(b, "labels");
    const lengths = new Int32Array(batch).fill(length);
    return {
      size: batch,
      columns: {
        item: ids("item", items, batch),
        category: ids("category", categories, batch),
        items: ids("items", items, batch * length),
        "items.length": lengths,
        categories: ids("categories", categories, batch * length),
        "categories.length": lengths,
        click: Float32Array.from({ length: batch }, (_, i) => (random.uniform(i) < 0.3 ? 1 : 0)),
      },
    };
  });
}
