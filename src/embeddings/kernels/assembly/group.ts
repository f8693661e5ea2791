// Look-up indices, and the batch's positions sorted by row.
import {
  frozen,
  gatherIndices,
  histogram,
  order,
  positionRows,
  rows,
  segmentEnd,
  segmentStart,
  sortSpace,
  unique,
} from "./plan";

const DIGIT_BITS: u32 = 11;
const DIGIT_SIZE: u32 = 1 << DIGIT_BITS;
const DIGIT_MASK: u32 = DIGIT_SIZE - 1;

export function indices(count: i32, factor: i32): i32 {
  const limit = <u32>rows;
  for (let i: i32 = 0; i < count; i++) {
    const row = load<u32>(positionRows + (<usize>i << 2));
    if (row >= limit) return i;
    store<u32>(gatherIndices + (<usize>i << 2), row * factor);
  }
  return -1;
}

/** Digits that row indices below `rows` have. */
function digitCount(): i32 {
  const largest = <u32>rows - 1;
  return largest < DIGIT_SIZE ? 1 : largest < DIGIT_SIZE * DIGIT_SIZE ? 2 : 3;
}

/**
 * Least-significant-digit radix sort of (row, position) pairs, stable, so positions stay ascending. Each
 * pair is one 64-bit word, row below, position above. Returns where the sorted words are.
 */
function sortPairs(count: i32): usize {
  const digits = digitCount();
  const bytes = <usize>count << 3;
  memory.fill(histogram, 0, (<usize>digits * DIGIT_SIZE) << 2);
  let from = sortSpace;
  let to = sortSpace + bytes;
  for (let i: i32 = 0; i < count; i++) {
    const row = load<u32>(positionRows + (<usize>i << 2));
    store<u64>(from + (<usize>i << 3), <u64>row | ((<u64>i) << 32));
    for (let digit = 0; digit < digits; digit++) {
      const counter =
        histogram + (((<usize>digit << DIGIT_BITS) + ((row >> (digit * DIGIT_BITS)) & DIGIT_MASK)) << 2);
      store<u32>(counter, load<u32>(counter) + 1);
    }
  }
  for (let digit = 0; digit < digits; digit++) {
    const counters = histogram + ((<usize>digit << DIGIT_BITS) << 2);
    const shift: u32 = digit * DIGIT_BITS;
    // Counts become the address of each bucket's next word.
    let next = to;
    for (let i: u32 = 0; i < DIGIT_SIZE; i++) {
      const counter = counters + (<usize>i << 2);
      const size = load<u32>(counter);
      store<u32>(counter, <u32>next);
      next += <usize>size << 3;
    }
    const end = from + bytes;
    for (let at = from; at < end; at += 8) {
      const pair = load<u64>(at);
      const counter = counters + (((<u32>pair >> shift) & DIGIT_MASK) << 2);
      const place = load<u32>(counter);
      store<u64>(<usize>place, pair);
      store<u32>(counter, place + 8);
    }
    const held = from;
    from = to;
    to = held;
  }
  return from;
}

export function group(count: i32, frozenRanges: i32): i32 {
  const sorted = sortPairs(count);
  let range = frozen;
  const rangeEnd = frozen + (<usize>frozenRanges << 3);
  let size: usize = 0;
  let k: i32 = 0;
  while (k < count) {
    const row = load<i32>(sorted + (<usize>k << 3));
    const start = k;
    do {
      store<i32>(order + (<usize>k << 2), load<i32>(sorted + (<usize>k << 3), 4));
      k++;
    } while (k < count && load<i32>(sorted + (<usize>k << 3)) == row);
    while (range < rangeEnd && load<i32>(range, 4) <= row) range += 8;
    if (range < rangeEnd && load<i32>(range) <= row) continue;
    store<i32>(unique + size, row);
    store<i32>(segmentStart + size, start);
    store<i32>(segmentEnd + size, k);
    size += 4;
  }
  return <i32>(size >> 2);
}
