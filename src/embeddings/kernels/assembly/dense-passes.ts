// One dense parameter at a time: `count` floats each of weights, gradient and state.
import { loadLanes, squareHigh, squareLow, storeLanes, sumLanes } from "./lanes";
import { adagradUpdate, adamUpdate, gradientLanes, momentumUpdate, sgdUpdate } from "./rules";

const SGD = 0;
const MOMENTUM = 1;
const ADAGRAD = 2;
const ADAM = 3;

/** Elements of one block of a sum of squares (SQUARES_BLOCK in dense-kernels.ts), in bytes. */
const BLOCK_BYTES: usize = 4096;

// @ts-ignore: decorator
@inline
function moveLanes(
  rule: i32,
  width: i32,
  at: usize,
  weights: usize,
  gradient: usize,
  first: usize,
  second: usize,
  l2: v128,
  scale: v128,
  keep: v128,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  const w = weights + at;
  const weight = loadLanes(width, w);
  const g = gradientLanes(width, weight, gradient + at, l2, scale);
  let update: v128;
  if (rule == SGD) update = sgdUpdate(g, a);
  else if (rule == MOMENTUM) update = momentumUpdate(width, g, first + at, a, b);
  else if (rule == ADAGRAD) update = adagradUpdate(width, g, first + at, a, b);
  else update = adamUpdate(width, g, first + at, second + at, a, b, c, d, e, f);
  storeLanes(width, w, f32x4.sub(f32x4.mul(keep, weight), update));
}

// @ts-ignore: decorator
@inline
function move(
  rule: i32,
  count: i32,
  weights: usize,
  gradient: usize,
  first: usize,
  second: usize,
  l2: f32,
  scale: f32,
  keep: f32,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
): void {
  const lambda = f32x4.splat(l2);
  const factor = f32x4.splat(scale);
  const kept = f32x4.splat(keep);
  const bytes = <usize>count << 2;
  const fours = bytes & ~15;
  let at: usize = 0;
  for (; at < fours; at += 16) {
    moveLanes(rule, 4, at, weights, gradient, first, second, lambda, factor, kept, a, b, c, d, e, f);
  }
  if (bytes & 8) {
    moveLanes(rule, 2, at, weights, gradient, first, second, lambda, factor, kept, a, b, c, d, e, f);
    at += 8;
  }
  if (bytes & 4) {
    moveLanes(rule, 1, at, weights, gradient, first, second, lambda, factor, kept, a, b, c, d, e, f);
  }
}

export function denseSgd(
  count: i32,
  weights: usize,
  gradient: usize,
  l2: f32,
  scale: f32,
  keep: f32,
  rate: f32,
): void {
  const a = f32x4.splat(rate);
  move(SGD, count, weights, gradient, 0, 0, l2, scale, keep, a, a, a, a, a, a);
}

export function denseMomentum(
  count: i32,
  weights: usize,
  gradient: usize,
  l2: f32,
  scale: f32,
  keep: f32,
  state: usize,
  rate: f32,
  momentum: f32,
): void {
  const a = f32x4.splat(rate);
  const b = f32x4.splat(momentum);
  move(MOMENTUM, count, weights, gradient, state, 0, l2, scale, keep, a, b, a, a, a, a);
}

export function denseAdagrad(
  count: i32,
  weights: usize,
  gradient: usize,
  l2: f32,
  scale: f32,
  keep: f32,
  state: usize,
  rate: f32,
  epsilon: f32,
): void {
  const a = f32x4.splat(rate);
  const b = f32x4.splat(epsilon);
  move(ADAGRAD, count, weights, gradient, state, 0, l2, scale, keep, a, b, a, a, a, a);
}

export function denseAdam(
  count: i32,
  weights: usize,
  gradient: usize,
  l2: f32,
  scale: f32,
  keep: f32,
  first: usize,
  second: usize,
  beta1: f32,
  gain1: f32,
  beta2: f32,
  gain2: f32,
  size: f32,
  epsilon: f32,
): void {
  move(
    ADAM,
    count,
    weights,
    gradient,
    first,
    second,
    l2,
    scale,
    keep,
    f32x4.splat(beta1),
    f32x4.splat(gain1),
    f32x4.splat(beta2),
    f32x4.splat(gain2),
    f32x4.splat(size),
    f32x4.splat(epsilon),
  );
}

/** Sum of squares of `g + λ·w` in float64: in blocks, element `i` of a block in lane `i mod 4`. */
export function denseSquares(count: i32, weights: usize, gradient: usize, l2: f32): f64 {
  const lambda = f32x4.splat(l2);
  const one = f32x4.splat(1);
  const bytes = <usize>count << 2;
  let total: f64 = 0;
  for (let block: usize = 0; block < bytes; block += BLOCK_BYTES) {
    const end = min(bytes, block + BLOCK_BYTES);
    const fours = end & ~15;
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let at = block;
    for (; at < fours; at += 16) {
      const x = gradientLanes(4, v128.load(weights + at), gradient + at, lambda, one);
      low = f64x2.add(low, squareLow(x));
      high = f64x2.add(high, squareHigh(x));
    }
    if (end & 8) {
      low = f64x2.add(low, squareLow(gradientLanes(2, loadLanes(2, weights + at), gradient + at, lambda, one)));
      at += 8;
    }
    if (end & 4) {
      const last = squareLow(gradientLanes(1, loadLanes(1, weights + at), gradient + at, lambda, one));
      if (end & 8) high = f64x2.add(high, last);
      else low = f64x2.add(low, last);
    }
    total += sumLanes(low, high);
  }
  return total;
}
