/** From a raw value to the id of a table row: canonical form, then the vocabulary. */
import { canonical } from "./canonical.ts";
import { FIRST_VALUE_ID, type IdEncoder, MISSING_ID, OUT_OF_VOCABULARY_ID } from "./feature-map.ts";
import { murmur32 } from "./hash.ts";
import type { RawValue } from "./raw-value.ts";

/** Id of a canonical string. */
export type CanonicalLookup = (text: string) => number;

/** The look-up of an encoder's vocabulary; a list is indexed once, so keep the function. */
export function canonicalLookup({ vocabulary }: IdEncoder): CanonicalLookup {
  if (vocabulary.type === "hash") {
    const { buckets, seed } = vocabulary;
    return (text) => FIRST_VALUE_ID + (murmur32(text, seed) % buckets);
  }
  const ids = new Map<string, number>();
  vocabulary.values.forEach((text, index) => {
    ids.set(text, FIRST_VALUE_ID + index);
  });
  return (text) => ids.get(text) ?? OUT_OF_VOCABULARY_ID;
}

const lookups = new WeakMap<IdEncoder, CanonicalLookup>();

/** The id of one raw scalar: missing, out of vocabulary, or a known value. */
export function encodeId(value: RawValue, encoder: IdEncoder): number {
  const text = canonical(value, encoder);
  if (text === undefined) return MISSING_ID;
  let lookup = lookups.get(encoder);
  if (lookup === undefined) {
    lookup = canonicalLookup(encoder);
    lookups.set(encoder, lookup);
  }
  return lookup(text);
}
