/** Axes: where a value falls in [0, 1] along an axis, and which values get a tick. */

export interface Scale {
  /** 0 at the lower end, 1 at the upper; values outside are clamped. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Ticks at 1, 2 or 5 times a power of ten; the ends move out to ticks. */
export function linearScale(low: number, high: number, { ticks = 5 } = {}): Scale {
  // A single value (or a range that rounding hides) still needs a range to stand in.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const isRange = high - low > 1e-9 * size && size > 1e-200;
  const span = isRange ? high - low : size > 1e-200 ? size * 0.1 : 1;
  const step = niceStep(span / ticks);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const values = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return scaleOf((value) => value, values[0], values[values.length - 1], values);
}

/** Powers of ten between two positive values; multiples of them too where there are few. */
export function logScale(low: number, high: number): Scale {
  const decades = Math.log10(high / low);
  const factors = decades < 1.5 ? [1, 2, 5] : decades < 4 ? [1, 3] : [1];
  const stride = Math.ceil(decades / 8);
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += stride) {
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(1)));
  }
  const inside = (tick: number): boolean => tick >= low * 0.999 && tick <= high * 1.001;
  return scaleOf(Math.log, low, high, ticks.filter(inside));
}

/** Log-odds of probabilities in (0, 1). */
export function logitScale(low: number, high: number): Scale {
  const all = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 0.9999];
  const inside = (tick: number): boolean => tick >= low && tick <= high;
  const known = all.filter(inside);
  // Between close ends the usual ones are too far apart.
  const ticks = known.length > 2 ? known : linearScale(low, high).ticks.filter(inside);
  return scaleOf((p) => Math.log(p / (1 - p)), low, high, ticks);
}

/** Whole numbers, such as epochs and ranks: ticks at some of them, and the axis ends at the last. */
export function integerScale(first: number, last: number): Scale {
  const end = Math.max(last, first + 1);
  const step = Math.ceil((end - first) / 8);
  const ticks = Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, i) => first + i * step);
  return scaleOf((value) => value, first, end, ticks);
}

function scaleOf(map: (value: number) => number, low: number, high: number, ticks: readonly number[]): Scale {
  const start = map(low);
  const span = map(high) - start || 1;
  return { at: (value) => Math.min(1, Math.max(0, (map(value) - start) / span)), ticks };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return factor * power;
}
