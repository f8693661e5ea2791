/**
 * How well an early stage serves the final one, over candidate sets that the final stage has scored: the golden
 * set G of a request is the final stage's top K.
 *
 *     soft recall   SR(K) = Σ_{a ∈ top-K by early} v_a / Σ_{a ∈ G} v_a,   v the final value, below 0 counted as 0
 *     hard recall   HR(K, N) = |G ∩ top-N by early| / K
 *     divergence    mean |early value - final value| / mean |final value|
 *     Kendall       tau-b between the two orders, ties corrected
 *
 * Ties of either side are broken by a seeded permutation of the request. Defined on candidates, never on
 * impressions, which the early stage chose. Wang et al., arXiv:2307.11096, name soft recall and total-value
 * divergence; these definitions are ours.
 */
import { CounterRandom } from "../core/index.ts";

/** One request's candidates. */
export interface CandidateValues {
  /** By the early stage. */
  readonly early: ArrayLike<number>;
  /** By the final one. */
  readonly final: ArrayLike<number>;
  /** Breaks ties; any number of the request's own. @default 0 */
  readonly seed?: number;
}

/** Places of the `k` largest values, best first. */
export function topPlaces(values: ArrayLike<number>, k: number, seed = 0): number[] {
  const random = new CounterRandom(seed, "ties");
  const ties = Float64Array.from({ length: values.length }, (_, i) => random.uniform(i));
  return Array.from({ length: values.length }, (_, i) => i)
    .sort((a, b) => values[b] - values[a] || ties[a] - ties[b])
    .slice(0, k);
}

/** SR(K) in [0, 1]; null where no candidate has a value above 0. */
export function softRecall({ early, final, seed }: CandidateValues, k: number): number | null {
  const total = (places: readonly number[]): number =>
    places.reduce((sum, place) => sum + Math.max(0, final[place]), 0);
  const best = total(topPlaces(final, k, seed));
  return best > 0 ? total(topPlaces(early, k, seed)) / best : null;
}

/** HR(K, N) in [0, 1]; null without candidates. With fewer than K candidates K is their number. */
export function hardRecall({ early, final, seed }: CandidateValues, k: number, n: number): number | null {
  const golden = topPlaces(final, k, seed);
  if (golden.length === 0) return null;
  const kept = new Set(topPlaces(early, n, seed));
  return golden.reduce((hits, place) => hits + Number(kept.has(place)), 0) / golden.length;
}

/** Mean absolute difference over mean absolute final value, of all requests together; null where that is 0. */
export function valueDivergence(requests: readonly CandidateValues[]): number | null {
  let apart = 0;
  let size = 0;
  for (const { early, final } of requests) {
    for (let i = 0; i < final.length; i++) {
      apart += Math.abs(early[i] - final[i]);
      size += Math.abs(final[i]);
    }
  }
  return size > 0 ? apart / size : null;
}

/** Kendall's tau-b of one request, in O(n log n); null where either side is constant. */
export function kendallTau({ early, final }: CandidateValues): number | null {
  const n = final.length;
  const order = Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => final[a] - final[b] || early[a] - early[b],
  );
  const pairs = (n * (n - 1)) / 2;
  const tiedFinal = tiedPairs(order.map((i) => final[i]));
  const tiedBoth = tiedPairs(order.map((i) => `${final[i]} ${early[i]}`));
  const sorted = order.map((i) => early[i]);
  const discordant = inversions(sorted, 0, n);
  const tiedEarly = tiedPairs(sorted); // sorted by the early value now
  const concordant = pairs - tiedFinal - tiedEarly + tiedBoth - discordant;
  const scale = Math.sqrt((pairs - tiedFinal) * (pairs - tiedEarly));
  return scale > 0 ? (concordant - discordant) / scale : null;
}

/** Pairs of equal neighbours' runs. */
function tiedPairs(values: readonly (number | string)[]): number {
  let tied = 0;
  for (let begin = 0; begin < values.length; ) {
    let end = begin + 1;
    while (end < values.length && values[end] === values[begin]) end++;
    tied += ((end - begin) * (end - begin - 1)) / 2;
    begin = end;
  }
  return tied;
}

/** Pairs in the wrong order, by merging; `values` is sorted on the way. */
function inversions(values: number[], begin: number, end: number): number {
  if (end - begin < 2) return 0;
  const middle = (begin + end) >> 1;
  let wrong = inversions(values, begin, middle) + inversions(values, middle, end);
  const merged: number[] = [];
  for (let a = begin, b = middle; a < middle || b < end; ) {
    if (b >= end || (a < middle && values[a] <= values[b])) merged.push(values[a++]);
    else {
      wrong += middle - a;
      merged.push(values[b++]);
    }
  }
  for (const [k, value] of merged.entries()) values[begin + k] = value;
  return wrong;
}
