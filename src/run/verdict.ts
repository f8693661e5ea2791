/**
 * Whether a measured difference bears out a claim, decided by code. Method and baseline ran with the
 * same seeds; the differences d_s of the pairs give
 *
 *     d̄ ± t_{0.975, n-1} · sd(d) / √n,   sd with n - 1
 *
 * the 95 % interval of Student's t. With fewer than two pairs there is no interval and no verdict.
 */
import { studentTQuantile } from "../numerics/index.ts";

export type Verdict = "holds" | "partly" | "does-not-hold" | "inconclusive";

/** What the method is claimed to do, in the metric's unit; `margin` and `tolerance` are at least 0. */
export type Claim =
  /** Better than the baseline, by at least `margin` (0: by any amount). */
  | { readonly kind: "better"; readonly margin?: number }
  /** Not worse than the baseline by more than `tolerance`. */
  | { readonly kind: "not-worse"; readonly tolerance: number };

export interface PairedDifference {
  /** Mean of method minus baseline; null without pairs. */
  readonly difference: number | null;
  /** Null with fewer than two pairs. */
  readonly interval95: readonly [number, number] | null;
  readonly pairs: number;
}

/** Pairs by position (seed); those where either side is null are left out. */
export function pairedDifference(
  method: readonly (number | null)[],
  baseline: readonly (number | null)[],
): PairedDifference {
  const differences: number[] = [];
  method.forEach((value, seed) => {
    const other = baseline[seed] ?? null;
    if (value !== null && other !== null) differences.push(value - other);
  });
  const pairs = differences.length;
  const { mean, std } = meanAndStd(differences);
  if (mean === null || std === null) return { difference: mean, interval95: null, pairs };
  const half = (studentTQuantile(0.975, pairs - 1) * std) / Math.sqrt(pairs);
  return { difference: mean, interval95: [mean - half, mean + half], pairs };
}

/** `std` with n - 1; null where undefined. */
export function meanAndStd(values: readonly number[]): { mean: number | null; std: number | null } {
  if (values.length === 0) return { mean: null, std: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean, std: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (values.length - 1)) };
}

/**
 * Better: *holds* when the whole interval lies beyond the margin; *partly* when it lies on the better
 * side without clearing the margin; *does not hold* when it lies on the worse side or ends before the
 * margin. Not worse: *holds* when the whole interval lies within the tolerance or is better; *does not
 * hold* when it lies beyond. Anything else is *inconclusive*.
 */
export function verdictOf(
  interval95: readonly [number, number] | null,
  higherIsBetter: boolean,
  claim: Claim = { kind: "better" },
): Verdict {
  if (interval95 === null) return "inconclusive";
  const [low, high] = higherIsBetter ? interval95 : [-interval95[1], -interval95[0]];
  if (claim.kind === "not-worse") {
    if (low >= -claim.tolerance) return "holds";
    return high < -claim.tolerance ? "does-not-hold" : "inconclusive";
  }
  const { margin = 0 } = claim;
  if (low > 0) return low >= margin ? "holds" : "partly";
  return high < 0 || high < margin ? "does-not-hold" : "inconclusive";
}

/**
 * Of a whole recipe: *holds* when every comparison holds, *partly* when some do (or hold partly),
 * *does not hold* when none does and at least one is refuted, otherwise *inconclusive*.
 */
export function overallVerdict(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0) return "inconclusive";
  if (verdicts.every((verdict) => verdict === "holds")) return "holds";
  if (verdicts.some((verdict) => verdict === "holds" || verdict === "partly")) return "partly";
  return verdicts.includes("does-not-hold") ? "does-not-hold" : "inconclusive";
}
