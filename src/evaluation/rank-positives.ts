/**
 * Where one user's positives stand among the candidates: the ranks that NDCG, recall, hit rate and MRR
 * are made of. Ranks start at 1. Candidates with equal scores are ordered by a seeded permutation, so
 * that neither the order of items nor a model that gives one score to all can gain from ties.
 */
import { type CounterRandom, DataError } from "../core/index.ts";
import type { NumericArray } from "./scored-rows.ts";

export interface RankedPositives {
  /** Ascending, starting from 1, infinite or exact beyond the `maxRank` asked for; `[positives]`. */
  readonly ranks: Float64Array;
  /** Relevance of each in the order of `ranks`; 1 for plain positives. */
  readonly relevance: Float64Array;
}

export interface RankingTask {
  /** Scores of the candidates, NaN not allowed; `[candidates]`. */
  readonly scores: NumericArray;
  /** Indices into `scores`, without repeats. */
  readonly positives: NumericArray;
  /** Relevance of each positive, above 0. @default all 1 */
  readonly relevance?: NumericArray;
  /** Indices of candidates that do not take part (training positives). */
  readonly exclude?: NumericArray;
  /** Ranks beyond this need not be told apart, which saves most of the work. @default all ranks are exact */
  readonly maxRank?: number;
}

/**
 * Counts, for every positive, the candidates that stand before it: time `candidates · log(positives)`,
 * no sorting of the candidates.
 *
 * @param ties random keys that order equal scores, addressed by candidate index
 * @throws DataError on a NaN score, an index out of range, or a positive that is excluded
 */
export function rankPositives(task: RankingTask, ties: CounterRandom): RankedPositives {
  const { scores, positives, relevance, exclude, maxRank = Number.POSITIVE_INFINITY } = task;
  const standsBefore = (a: number, b: number): boolean => {
    if (scores[a] !== scores[b]) return scores[a] > scores[b];
    const keyA = ties.uint32(a);
    const keyB = ties.uint32(b);
    return keyA === keyB ? a < b : keyA < keyB;
  };
  const role = new Uint8Array(scores.length); // 0 other, 1 excluded, 2 positive
  for (const index of Array.from(exclude ?? [])) role[checkIndex(index, scores.length)] = 1;
  const places = Array.from(positives, (_, place) => place);
  for (const place of places) {
    const index = checkIndex(positives[place], scores.length);
    if (role[index] !== 0) {
      throw new DataError(
        `candidate ${index} is a positive ${role[index] === 1 ? "and excluded" : "twice"}`,
        {
          details: { candidate: index },
        },
      );
    }
    role[index] = 2;
  }
  places.sort((a, b) => (standsBefore(positives[a], positives[b]) ? -1 : 1));

  // passed[j]: other candidates that stand before positive j but not before positive j - 1.
  const sorted = Float64Array.from(places, (place) => scores[positives[place]]);
  const placeOf = (candidate: number): number => {
    let low = 0;
    let high = sorted.length;
    const score = scores[candidate];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const best = sorted[middle];
      const before = score === best ? standsBefore(candidate, positives[places[middle]]) : score > best;
      if (before) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const passed = new Float64Array(places.length + 1);
  // Positives whose rank still matters, and how many candidates stand before the last of them.
  let active = places.length;
  let beforeLast = 0;
  let lowest = active === 0 ? Number.POSITIVE_INFINITY : sorted[active - 1];
  for (let candidate = 0; candidate < scores.length; candidate++) {
    // Most candidates stand behind every positive.
    if (scores[candidate] < lowest) continue;
    if (Number.isNaN(scores[candidate])) {
      throw new DataError(`score of candidate ${candidate} is NaN`, { details: { candidate } });
    }
    if (role[candidate] !== 0) continue;
    const place = placeOf(candidate);
    passed[place]++;
    if (place >= active) continue;
    beforeLast++;
    while (active > 0 && active + beforeLast > maxRank) {
      active--;
      beforeLast -= passed[active];
      lowest = active === 0 ? Number.POSITIVE_INFINITY : sorted[active - 1];
    }
  }
  let before = 0;
  const ranks = Float64Array.from(places, (_, j) => {
    before += passed[j];
    return j < active ? j + 1 + before : Number.POSITIVE_INFINITY;
  });
  return { ranks, relevance: Float64Array.from(places, (place) => relevance?.[place] ?? 1) };
}

function checkIndex(index: number, candidates: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= candidates) {
    throw new DataError(`candidate ${index} does not exist; there are ${candidates}, numbered from 0`, {
      details: { candidate: index, candidates },
    });
  }
  return index;
}
