// The update rules on the lanes of one register: weights at `w`, gradient at `g`. `width` is a constant
// wherever these are inlined. The equations are in optimizer.ts, the same operations in JavaScript in
// javascript-row-kernels.ts.
import { loadLanes, storeLanes } from "./lanes";

/** `(g + λ·w)·scale` */
// @ts-ignore: decorator
@inline
export function gradientLanes(width: i32, weight: v128, g: usize, l2: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.add(loadLanes(width, g), f32x4.mul(l2, weight)), scale);
}

// @ts-ignore: decorator
@inline
export function sgdUpdate(gradient: v128, rate: v128): v128 {
  return f32x4.mul(rate, gradient);
}

/** Updates the state at `b` and returns what to take off the weights. */
// @ts-ignore: decorator
@inline
export function momentumUpdate(width: i32, gradient: v128, b: usize, rate: v128, momentum: v128): v128 {
  const next = f32x4.add(f32x4.mul(momentum, loadLanes(width, b)), gradient);
  storeLanes(width, b, next);
  return f32x4.mul(rate, next);
}

// @ts-ignore: decorator
@inline
export function adagradUpdate(width: i32, gradient: v128, a: usize, rate: v128, epsilon: v128): v128 {
  const next = f32x4.add(loadLanes(width, a), f32x4.mul(gradient, gradient));
  storeLanes(width, a, next);
  return f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(next), epsilon));
}

// @ts-ignore: decorator
@inline
export function adamUpdate(
  width: i32,
  gradient: v128,
  atM: usize,
  atV: usize,
  beta1: v128,
  gain1: v128,
  beta2: v128,
  gain2: v128,
  size: v128,
  epsilon: v128,
): v128 {
  const m = f32x4.add(f32x4.mul(beta1, loadLanes(width, atM)), f32x4.mul(gain1, gradient));
  const v = f32x4.add(
    f32x4.mul(beta2, loadLanes(width, atV)),
    f32x4.mul(gain2, f32x4.mul(gradient, gradient)),
  );
  storeLanes(width, atM, m);
  storeLanes(width, atV, v);
  return f32x4.div(f32x4.mul(size, m), f32x4.add(f32x4.sqrt(v), epsilon));
}

/** Adam where there is no gradient: momentum goes on. */
// @ts-ignore: decorator
@inline
export function adamIdleUpdate(
  width: i32,
  atM: usize,
  atV: usize,
  beta1: v128,
  beta2: v128,
  size: v128,
  epsilon: v128,
): v128 {
  const m = f32x4.mul(beta1, loadLanes(width, atM));
  const v = f32x4.mul(beta2, loadLanes(width, atV));
  storeLanes(width, atM, m);
  storeLanes(width, atV, v);
  return f32x4.div(f32x4.mul(size, m), f32x4.add(f32x4.sqrt(v), epsilon));
}
