/**
 * Minimises a convex function over the simplex (weights at least 0 that add up to 1) for a handful of
 * weights: mass is moved between two of them at a time to where the function is least, pair after pair,
 * until nothing moves. Deterministic; exact up to rounding for two weights.
 */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const ROUNDS = 200;
const ENOUGH = 1e-9;

export function minimizeOnSimplex(count: number, value: (weights: readonly number[]) => number): number[] {
  const weights = new Array<number>(count).fill(1 / count);
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0;
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        const mass = weights[a] + weights[b];
        if (mass === 0) continue;
        const before = weights[a];
        const at = (share: number): number => {
          weights[a] = share;
          weights[b] = mass - share;
          return value(weights);
        };
        const best = leastAt(at, mass);
        at(best);
        moved = Math.max(moved, Math.abs(best - before));
      }
    }
    if (moved < ENOUGH) break;
  }
  return weights;
}

/** Where a convex function of one number in [0, end] is least, by golden section; ends are tried too. */
function leastAt(value: (x: number) => number, end: number): number {
  let low = 0;
  let high = end;
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let atLeft = value(left);
  let atRight = value(right);
  while (high - low > 1e-12 * Math.max(1, end)) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = value(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = value(right);
    }
    if (left >= right) break;
  }
  const inner = (low + high) / 2;
  return [inner, 0, end].reduce((best, x) => (value(x) < value(best) ? x : best));
}

/**
 * The nearest point whose elements are at least 0 and add up to `total`: all are lowered by one number, and
 * what falls below 0 is 0 (Held, Wolfe and Crowder, 1974).
 */
export function projectOntoSimplex(values: readonly number[], total: number): number[] {
  const sorted = [...values].sort((a, b) => b - a);
  let sum = 0;
  let lowered = 0;
  for (const [k, value] of sorted.entries()) {
    sum += value;
    const by = (sum - total) / (k + 1);
    if (value > by) lowered = by;
  }
  return values.map((value) => Math.max(0, value - lowered));
}
