/** A split held in memory: what training reads in tests that need no files. */
import { CounterRandom } from "../../src/core/index.ts";
import {
  type BatchOptions,
  type BatchSource,
  batchLayout,
  type EncodedBatch,
  type FeatureMap,
} from "../../src/schema/index.ts";

export function memorySource(schema: FeatureMap, all: EncodedBatch): BatchSource {
  const layout = batchLayout(schema);
  const take = (rows: ArrayLike<number>): EncodedBatch => ({
    size: rows.length,
    columns: Object.fromEntries(
      layout.map(({ name, width }) => {
        const from = all.columns[name];
        const to = from.slice(0, rows.length * width);
        for (let i = 0; i < rows.length; i++) {
          to.set(from.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
        }
        return [name, to];
      }),
    ),
  });
  return {
    rows: all.size,
    layout,
    async *batches({ batchSize, shuffle, skip = 0 }: BatchOptions) {
      const order =
        shuffle === undefined
          ? Uint32Array.from({ length: all.size }, (_, i) => i)
          : new CounterRandom(shuffle.seed, "order", shuffle.epoch).permutation(all.size);
      for (let start = skip * batchSize; start < all.size; start += batchSize) {
        yield take(order.subarray(start, start + batchSize));
      }
    },
    async close() {},
  };
}
