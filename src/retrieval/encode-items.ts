import type { Catalogue } from "./catalogue.ts";
import { sliceRows } from "./catalogue.ts";
import { sizeOf, type Tower } from "./towers.ts";

/** Every item of a catalogue through the item tower: `[items, ...shape]`. */
export async function encodeItems(
  tower: Tower,
  catalogue: Catalogue,
  { batchSize = 8192 }: { batchSize?: number } = {},
): Promise<Float32Array> {
  const items = catalogue.keys.length;
  const size = sizeOf(tower.shape);
  const vectors = new Float32Array(items * size);
  for (let from = 0; from < items; from += batchSize) {
    const to = Math.min(items, from + batchSize);
    vectors.set(await tower.encode(sliceRows(catalogue, from, to)), from * size);
  }
  return vectors;
}
