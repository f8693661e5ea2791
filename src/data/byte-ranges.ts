/** Sets of bytes of a file, as half-open ranges. */

/** From the first byte up to, not including, the second. */
export type ByteRange = readonly [start: number, end: number];

/** The same bytes as ascending ranges; ranges with at most `gap` bytes between them become one. */
export function mergeRanges(ranges: readonly ByteRange[], gap: number): ByteRange[] {
  const merged: ByteRange[] = [];
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (end <= start) continue;
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1] + gap)
      merged[merged.length - 1] = [last[0], Math.max(last[1], end)];
    else merged.push([start, end]);
  }
  return merged;
}

/** The bytes of `wanted` that are not in `held`. */
export function missingRanges(held: readonly ByteRange[], wanted: readonly ByteRange[]): ByteRange[] {
  const known = mergeRanges(held, 0);
  return mergeRanges(wanted, 0).flatMap(([start, end]) => {
    const missing: ByteRange[] = [];
    let from = start;
    for (const [low, high] of known) {
      if (high <= from || low >= end) continue;
      if (low > from) missing.push([from, low]);
      from = Math.max(from, high);
    }
    if (from < end) missing.push([from, end]);
    return missing;
  });
}
