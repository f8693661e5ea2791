// The gradient of a unique row: the sum over its positions.
import { loadLanes, storeLanes } from "./lanes";
import { dim, order, segmentEnd, segmentStart } from "./plan";

/** Gradient of the first position of the unique row whose entry in the lists is `u` bytes in. */
// @ts-ignore: decorator
@inline
export function slotOf(gradients: usize, u: usize): usize {
  return gradients + ((load<u32>(order + (load<u32>(segmentStart + u) << 2)) * <u32>dim) << 2);
}

/** Adds the gradients of all positions of a unique row into its first slot, ascending; returns the slot. */
// @ts-ignore: decorator
@inline
export function sumRow(gradients: usize, u: usize): usize {
  const from = order + (load<u32>(segmentStart + u) << 2);
  const end = order + (load<u32>(segmentEnd + u) << 2);
  const bytes = <u32>dim << 2;
  const sum = gradients + load<u32>(from) * bytes;
  if (end - from > 4) addPositions(gradients, bytes, sum, from + 4, end);
  return sum;
}

// @ts-ignore: decorator
@inline
function addLanes(width: i32, gradients: usize, bytes: u32, sum: usize, from: usize, end: usize): void {
  let total = loadLanes(width, sum);
  for (let k = from; k < end; k += 4) {
    total = f32x4.add(total, loadLanes(width, gradients + load<u32>(k) * bytes));
  }
  storeLanes(width, sum, total);
}

function addPositions(gradients: usize, bytes: u32, sum: usize, from: usize, end: usize): void {
  let d: u32 = 0;
  // A cache line at a time, in four registers: a frequent row has thousands of positions.
  for (; d < (bytes & ~63); d += 64) {
    let a = v128.load(sum + d);
    let b = v128.load(sum + d, 16);
    let c = v128.load(sum + d, 32);
    let e = v128.load(sum + d, 48);
    for (let k = from; k < end; k += 4) {
      const g = gradients + load<u32>(k) * bytes + d;
      a = f32x4.add(a, v128.load(g));
      b = f32x4.add(b, v128.load(g, 16));
      c = f32x4.add(c, v128.load(g, 32));
      e = f32x4.add(e, v128.load(g, 48));
    }
    v128.store(sum + d, a);
    v128.store(sum + d, b, 16);
    v128.store(sum + d, c, 32);
    v128.store(sum + d, e, 48);
  }
  for (; d < (bytes & ~15); d += 16) addLanes(4, gradients + d, bytes, sum + d, from, end);
  if (bytes & 8) {
    addLanes(2, gradients + d, bytes, sum + d, from, end);
    d += 8;
  }
  if (bytes & 4) addLanes(1, gradients + d, bytes, sum + d, from, end);
}
