// One pass over rows for each optimizer: the batch's unique rows, or every row of a stretch of the table.
//
// Every scalar comes as a float32 and stands in all four lanes. `rule` and `width` are constants wherever
// the functions below are inlined, so each exported pass holds the code of its own rule only.
import { loadLanes, squareHigh, squareLow, storeLanes, sumLanes } from "./lanes";
import { dim, gradientsOf, histogram, rowAt, rows, scalarState, strideBytes, table, unique, zeros } from "./plan";
import { adagradUpdate, adamIdleUpdate, adamUpdate, gradientLanes, sgdUpdate } from "./rules";
import { slotOf, sumRow } from "./sum-row";

const SGD = 0;
const ADAGRAD = 1;
const ROWWISE_ADAGRAD = 2;
const ADAM = 3;

/** Bytes of rows and gradients that are touched ahead: half of a first-level cache of 32 KiB. */
const TOUCH_BYTES: u32 = 16384;

/** Loads a word of each cache line of `size` bytes; the last word may lie on one line more. */
// @ts-ignore: decorator
@inline
function touchBytes(at: usize, size: u32): u32 {
  let seen = load<u32>(at + size - 4);
  for (let line: u32 = 0; line < size - 4; line += 64) seen |= load<u32>(at + line);
  return seen;
}

/**
 * Loads one word of every cache line that the unique rows `[from, to)` need. The rows of a batch lie
 * anywhere in a large table, and the loads of this short loop miss the caches side by side, where those
 * of the long update loop would miss one after another (measured: 13.6 ms without, 7.8 ms with, for lazy
 * Adam on 101k of 1M rows of 16). The words go to scratch space only so that no compiler drops the loads.
 */
// @ts-ignore: decorator
@inline
function touch(gradients: usize, from: usize, to: usize, withRows: bool): void {
  let seen: u32 = 0;
  const stride = <u32>strideBytes;
  const bytes = <u32>dim << 2;
  for (let u = from; u < to; u += 4) {
    seen |= touchBytes(slotOf(gradients, u), bytes);
    if (withRows) seen |= touchBytes(table + load<u32>(unique + u) * stride, stride);
  }
  store<u32>(histogram, seen);
}

/** Rows, as bytes of the unique list, that are touched ahead at a time. */
// @ts-ignore: decorator
@inline
function touchStep(): usize {
  return max<u32>(4, min<u32>(128, TOUCH_BYTES / (<u32>strideBytes + (<u32>dim << 2)))) << 2;
}

// @ts-ignore: decorator
@inline
function moveLanes(
  rule: i32,
  width: i32,
  w: usize,
  g: usize,
  state: usize,
  l2: v128,
  scale: v128,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  const weight = loadLanes(width, w);
  const gradient = gradientLanes(width, weight, g, l2, scale);
  if (rule == SGD || rule == ROWWISE_ADAGRAD) {
    storeLanes(width, w, f32x4.sub(weight, sgdUpdate(gradient, a)));
  } else if (rule == ADAGRAD) {
    storeLanes(width, w, f32x4.sub(weight, adagradUpdate(width, gradient, w + state, a, b)));
  } else {
    const atM = w + state;
    const atV = atM + (<usize>dim << 2);
    storeLanes(width, w, f32x4.sub(weight, adamUpdate(width, gradient, atM, atV, a, b, c, d, e, f)));
  }
}

/** Moves one row by the gradient at `g`. */
// @ts-ignore: decorator
@inline
function moveRow(
  rule: i32,
  row: u32,
  g: usize,
  state: usize,
  l2: v128,
  scale: v128,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  const w = rowAt(row);
  const bytes = <u32>dim << 2;
  let rate = a;
  if (rule == ROWWISE_ADAGRAD) {
    const at = scalarState + state + (<usize>row << 2);
    const mean = <f32>rowSquares(w, g, l2, scale) / <f32>dim;
    const sum = load<f32>(at) + mean;
    store<f32>(at, sum);
    rate = f32x4.div(a, f32x4.add(f32x4.splat(sqrt<f32>(sum)), b));
  }
  let at: u32 = 0;
  for (; at < (bytes & ~15); at += 16) moveLanes(rule, 4, w + at, g + at, state, l2, scale, rate, b, c, d, e, f);
  if (bytes & 8) {
    moveLanes(rule, 2, w + at, g + at, state, l2, scale, rate, b, c, d, e, f);
    at += 8;
  }
  if (bytes & 4) moveLanes(rule, 1, w + at, g + at, state, l2, scale, rate, b, c, d, e, f);
}

/** Σ over the row of `((g + λ·w)·scale)²` in float64, element `d` in lane `d mod 4`. */
// @ts-ignore: decorator
@inline
function rowSquares(w: usize, g: usize, l2: v128, scale: v128): f64 {
  const bytes = <u32>dim << 2;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let at: u32 = 0;
  for (; at < (bytes & ~15); at += 16) {
    const x = gradientLanes(4, v128.load(w + at), g + at, l2, scale);
    low = f64x2.add(low, squareLow(x));
    high = f64x2.add(high, squareHigh(x));
  }
  if (bytes & 8) {
    low = f64x2.add(low, squareLow(gradientLanes(2, loadLanes(2, w + at), g + at, l2, scale)));
    at += 8;
  }
  // The last element of an odd row: lane 0 or, after a pair, lane 2. The register's lane 1 holds zero.
  if (bytes & 4) {
    const last = squareLow(gradientLanes(1, loadLanes(1, w + at), g + at, l2, scale));
    if (bytes & 8) high = f64x2.add(high, last);
    else low = f64x2.add(low, last);
  }
  return sumLanes(low, high);
}

/**
 * Rows `[fromRow, toRow)` without gradient: `λ·w` alone, or for Adam nothing.
 *
 * All of them are moved at every step, in the order of memory. The alternative, exact too, is to leave them
 * and replay the missed steps when a row is next looked up. Measured on 1M rows of 16 with a batch of 106k
 * positions: uniform ids 14.6 ms a step this way against 21.4 ms (12.2 replay, 9.3 step), Zipf(1.1) ids
 * 12.1 against 12.1, the rows not looked up since still owing theirs. The square roots and divisions are
 * the same in number and bound both, memory streams at the speed of the machine, and a replay visits rows
 * twice, here and there.
 */
// @ts-ignore: decorator
@inline
function restRows(
  rule: i32,
  fromRow: u32,
  toRow: u32,
  state: usize,
  idle: bool,
  l2: v128,
  scale: v128,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  if (rule == ADAM && idle) {
    const bytes = <u32>dim << 2;
    const end = rowAt(toRow);
    for (let w = rowAt(fromRow); w < end; w += strideBytes) {
      let at: u32 = 0;
      for (; at < (bytes & ~15); at += 16) idleLanes(4, w + at, state, a, c, e, f);
      if (bytes & 8) {
        idleLanes(2, w + at, state, a, c, e, f);
        at += 8;
      }
      if (bytes & 4) idleLanes(1, w + at, state, a, c, e, f);
    }
  } else {
    for (let row = fromRow; row < toRow; row++) {
      moveRow(rule, row, zeros, state, l2, scale, a, b, c, d, e, f);
    }
  }
}

// @ts-ignore: decorator
@inline
function idleLanes(width: i32, w: usize, state: usize, beta1: v128, beta2: v128, size: v128, epsilon: v128): void {
  const atM = w + state;
  const atV = atM + (<usize>dim << 2);
  const update = adamIdleUpdate(width, atM, atV, beta1, beta2, size, epsilon);
  storeLanes(width, w, f32x4.sub(loadLanes(width, w), update));
}

/**
 * @param fromRow first row of the stretch, or -1 for the unique rows alone
 * @param state where the state begins: bytes from the weights or, row-wise, from the scalar state
 */
// @ts-ignore: decorator
@inline
function moveRows(
  rule: i32,
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
  gradientScale: f32,
  state: usize,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  const gradients = gradientsOf(task);
  const whole = fromRow >= 0;
  const scale = f32x4.splat(gradientScale);
  const l2 = f32x4.splat(batchL2);
  const rest = f32x4.splat(restL2);
  const idle = restL2 == 0;
  const end = <usize>toUnique << 2;
  const step = touchStep();
  let next: u32 = fromRow;
  for (let from = <usize>fromUnique << 2; from < end; from += step) {
    const to = min(end, from + step);
    touch(gradients, from, to, !whole);
    for (let u = from; u < to; u += 4) {
      const row = load<u32>(unique + u);
      if (whole) {
        restRows(rule, next, row, state, idle, rest, scale, a, b, c, d, e, f);
        next = row + 1;
      }
      const g = summed ? slotOf(gradients, u) : sumRow(gradients, u);
      moveRow(rule, row, g, state, l2, scale, a, b, c, d, e, f);
    }
  }
  if (whole) restRows(rule, next, toRow, state, idle, rest, scale, a, b, c, d, e, f);
}

export function sgd(
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
  scale: f32,
  rate: f32,
): void {
  const a = f32x4.splat(rate);
  moveRows(
    SGD, task, fromRow, toRow, fromUnique, toUnique, summed, batchL2, restL2, scale, 0, a, a, a, a, a, a,
  );
}

export function adagrad(
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
  scale: f32,
  rate: f32,
  epsilon: f32,
): void {
  const a = f32x4.splat(rate);
  const b = f32x4.splat(epsilon);
  const state = (<usize>(1 + task) * <usize>dim) << 2;
  moveRows(
    ADAGRAD, task, fromRow, toRow, fromUnique, toUnique, summed, batchL2, restL2, scale, state, a, b, a, a, a, a,
  );
}

export function rowwiseAdagrad(
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
  scale: f32,
  rate: f32,
  epsilon: f32,
): void {
  const a = f32x4.splat(rate);
  const b = f32x4.splat(epsilon);
  const state = (<usize>task * <usize>rows) << 2;
  moveRows(
    ROWWISE_ADAGRAD, task, fromRow, toRow, fromUnique, toUnique, summed, batchL2, restL2, scale, state,
    a, b, a, a, a, a,
  );
}

export function adam(
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
  scale: f32,
  beta1: f32,
  gain1: f32,
  beta2: f32,
  gain2: f32,
  size: f32,
  epsilon: f32,
): void {
  const a = f32x4.splat(beta1);
  const b = f32x4.splat(gain1);
  const c = f32x4.splat(beta2);
  const d = f32x4.splat(gain2);
  const e = f32x4.splat(size);
  const f = f32x4.splat(epsilon);
  const state = (<usize>(1 + 2 * task) * <usize>dim) << 2;
  moveRows(
    ADAM, task, fromRow, toRow, fromUnique, toUnique, summed, batchL2, restL2, scale, state, a, b, c, d, e, f,
  );
}

/** Sum of squares of the gradients `g + λ·w` of a pass: in each row, then over the rows ascending. */
export function squares(
  task: i32,
  fromRow: i32,
  toRow: i32,
  fromUnique: i32,
  toUnique: i32,
  summed: bool,
  batchL2: f32,
  restL2: f32,
): f64 {
  const gradients = gradientsOf(task);
  const whole = fromRow >= 0 && restL2 != 0;
  const l2 = f32x4.splat(batchL2);
  const rest = f32x4.splat(restL2);
  const one = f32x4.splat(1);
  const end = <usize>toUnique << 2;
  const step = touchStep();
  let next: u32 = fromRow;
  let total: f64 = 0;
  for (let from = <usize>fromUnique << 2; from < end; from += step) {
    const to = min(end, from + step);
    touch(gradients, from, to, batchL2 != 0 && !whole);
    for (let u = from; u < to; u += 4) {
      const row = load<u32>(unique + u);
      if (whole) {
        for (; next < row; next++) total += rowSquares(rowAt(next), zeros, rest, one);
        next = row + 1;
      }
      const g = summed ? slotOf(gradients, u) : sumRow(gradients, u);
      // Without L2 the weights are not read at all: they lie far apart, the gradients side by side. Zeros
      // stand in for them, and 0 · 0 added to a gradient leaves its square as it is.
      total += batchL2 == 0 ? rowSquares(zeros, g, l2, one) : rowSquares(rowAt(row), g, l2, one);
    }
  }
  if (whole) for (; next < <u32>toRow; next++) total += rowSquares(rowAt(next), zeros, rest, one);
  return total;
}
