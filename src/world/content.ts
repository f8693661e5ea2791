/**
 * Content vectors of items, as an encoder of images or text would give them:
 * c · A w_i + sqrt(1 - c²) · noise, with A a fixed random map to 32 dimensions, c the content's informativeness
 * and w_i as it is when the item is born.
 */
import type { Catalogue } from "./catalogue.ts";
import type { ItemDays } from "./item-days.ts";
import { contentDim, latentDim } from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { normalAt, streamKey, subkey } from "./stream.ts";

/** `[items, contentDim]`, entries of variance about 1. */
export function makeContent(
  options: ResolvedWorldOptions,
  catalogue: Catalogue,
  days: ItemDays,
): Float32Array {
  const { seed, items, contentInformativeness: informative } = options;
  const mapKey = streamKey(seed, "content", "map");
  const map = Float64Array.from({ length: contentDim * latentDim }, (_, i) => normalAt(mapKey, i));
  const noiseKey = streamKey(seed, "content", "noise");
  const noise = Math.sqrt(1 - informative * informative);
  const content = new Float32Array(items * contentDim);
  for (let i = 0; i < items; i++) {
    const { latents } = days.day(Math.max(0, catalogue.birthDay[i]));
    const own = subkey(noiseKey, i);
    for (let r = 0; r < contentDim; r++) {
      let sum = 0;
      for (let k = 0; k < latentDim; k++) sum += map[r * latentDim + k] * latents[i * latentDim + k];
      content[i * contentDim + r] = informative * sum + noise * normalAt(own, r);
    }
  }
  return content;
}
