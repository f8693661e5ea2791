/** The k best of a row of scores, by one pass and a heap of k. */
import type { Candidates } from "./item-index.ts";

/**
 * Best first; of equal scores the smaller item number comes first, so results do not depend on how scores
 * were computed in blocks.
 *
 * @param numbers item number of each score; absent: its position
 * @param passes which items may be returned; absent: all
 */
export function topItems(
  scores: Float32Array,
  k: number,
  { numbers, passes }: { numbers?: Int32Array; passes?: (item: number) => boolean } = {},
): Candidates {
  // A heap whose root is the worst kept.
  const size = Math.min(k, scores.length);
  const heapScores = new Float32Array(size);
  const heapItems = new Int32Array(size);
  let filled = 0;
  const worse = (a: number, b: number): boolean =>
    heapScores[a] < heapScores[b] || (heapScores[a] === heapScores[b] && heapItems[a] > heapItems[b]);
  const swap = (a: number, b: number): void => {
    const [score, item] = [heapScores[a], heapItems[a]];
    heapScores[a] = heapScores[b];
    heapItems[a] = heapItems[b];
    heapScores[b] = score;
    heapItems[b] = item;
  };
  const sink = (end: number): void => {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= end) return;
      const child = left + 1 < end && worse(left + 1, left) ? left + 1 : left;
      if (!worse(child, at)) return;
      swap(at, child);
      at = child;
    }
  };
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (filled === size && !(score > heapScores[0])) {
      // Items come in ascending order, so an equal score never replaces one that is kept.
      continue;
    }
    const item = numbers === undefined ? i : numbers[i];
    if (passes !== undefined && !passes(item)) continue;
    if (filled < size) {
      heapScores[filled] = score;
      heapItems[filled] = item;
      for (let at = filled++; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!worse(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    } else {
      heapScores[0] = score;
      heapItems[0] = item;
      sink(size);
    }
  }
  for (let end = filled - 1; end > 0; end--) {
    swap(0, end);
    sink(end);
  }
  return { items: heapItems.subarray(0, filled), scores: heapScores.subarray(0, filled) };
}
