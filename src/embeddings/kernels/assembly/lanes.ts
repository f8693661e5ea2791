// Loads and stores of 4, 2 or 1 floats as the low lanes of one register. A row of any width is a run of
// fours and a tail of two and one: the unused lanes hold zeros or nonsense and are never stored.
// No fused multiply-add and no relaxed SIMD anywhere: every operation rounds once, as Math.fround does.

// @ts-ignore: decorator
@inline
export function loadLanes(width: i32, at: usize): v128 {
  return width == 4 ? v128.load(at) : width == 2 ? v128.load64_zero(at) : v128.load32_zero(at);
}

// @ts-ignore: decorator
@inline
export function storeLanes(width: i32, at: usize, x: v128): void {
  if (width == 4) v128.store(at, x);
  else if (width == 2) v128.store64_lane(at, x, 0);
  else v128.store32_lane(at, x, 0);
}

/** (lane 0 + lane 2) + (lane 1 + lane 3), the lanes being two registers of two float64 each. */
// @ts-ignore: decorator
@inline
export function sumLanes(low: v128, high: v128): f64 {
  const pair = f64x2.add(low, high);
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}

/** The squares of lanes 0 and 1, in float64. */
// @ts-ignore: decorator
@inline
export function squareLow(x: v128): v128 {
  const wide = f64x2.promote_low_f32x4(x);
  return f64x2.mul(wide, wide);
}

/** The squares of lanes 2 and 3, in float64. */
// @ts-ignore: decorator
@inline
export function squareHigh(x: v128): v128 {
  return squareLow(v128.shuffle<u64>(x, x, 1, 1));
}
