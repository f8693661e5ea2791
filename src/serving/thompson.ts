/**
 * Thompson sampling over candidates whose click logits are known only so well: each is drawn from N(m, η v), and
 * candidates are ranked by
 *
 *     bid · σ(m + √(η v) ξ),   ξ ~ N(0, 1).
 *
 * η scales how far draws go: 0 is greedy. A share of the traffic explores, the rest is greedy. The noise is a
 * function of (seed, request, candidate's place) and is given back with m, v and the propensity, the probability
 * with which the first candidate came first, so that logs can be evaluated counterfactually.
 */
import { ConfigError, CounterRandom } from "../core/index.ts";

export interface UncertainCandidate {
  /** m: mean of the click logit. */
  readonly logit: number;
  /** v: its variance, at least 0. */
  readonly variance: number;
  /** Above 0. @default 1 */
  readonly bid?: number;
}

export interface ThompsonOptions {
  /** η, at least 0: factor on variances. @default 1 */
  readonly eta?: number;
  /** Share of requests that explore, in [0, 1]. @default 1 */
  readonly share?: number;
  readonly seed: number;
}

export interface ThompsonRanking {
  /** Whether this request was one that explores. */
  readonly explored: boolean;
  /** Places of candidates, best first; equal scores in the order they came. */
  readonly order: readonly number[];
  /** By candidate: what it was ranked by, and the ξ it was drawn with (0 where nothing was). */
  readonly scores: Float64Array;
  readonly noise: Float64Array;
  /** Probability that the first candidate comes first, over both ways to rank. */
  readonly propensity: number;
}

/**
 * @param request tells requests apart; the same one always gets the same draw
 * @throws ConfigError for options out of range
 */
export function thompsonRanking(
  candidates: readonly UncertainCandidate[],
  request: number | string,
  { eta = 1, share = 1, seed }: ThompsonOptions,
): ThompsonRanking {
  if (!(eta >= 0) || !(share >= 0 && share <= 1)) {
    throw new ConfigError("thompson: eta must be at least 0, and share lie in [0, 1]", {
      details: { eta, share },
    });
  }
  const random = new CounterRandom(seed, "thompson", request);
  const explored = eta > 0 && random.uniform(0) < share;
  const noise = Float64Array.from(candidates, (_, k) => (explored ? random.normal(k + 1) : 0));
  const scores = Float64Array.from(candidates, ({ logit, variance, bid = 1 }, k) =>
    scoreOf(bid, logit + Math.sqrt(eta * variance) * noise[k]),
  );
  const order = ranked(scores);
  const greedy = ranked(candidates.map(({ logit, bid = 1 }) => scoreOf(bid, logit)));
  const [first] = order;
  const byDraw = eta === 0 ? 0 : share * firstProbability(candidates, first, eta);
  const byGreed = (eta === 0 ? 1 : 1 - share) * (greedy[0] === first ? 1 : 0);
  return { explored, order, scores, noise, propensity: order.length === 0 ? 0 : byDraw + byGreed };
}

/**
 * Probability that a candidate's draw scores highest: with `s(x) = bid · σ(x)`,
 *
 *     ∫ N(x; m_i, η v_i) Π_{j≠i} Φ((logit(s_i(x) / bid_j) - m_j) / √(η v_j)) dx,
 *
 * by the trapezoidal rule over eight deviations each way, which is exact to about 1e-7 for such integrands.
 */
export function firstProbability(
  candidates: readonly UncertainCandidate[],
  place: number,
  eta: number,
): number {
  const own = candidates[place];
  const deviation = Math.sqrt(eta * own.variance);
  const beatsOthers = (x: number): number => {
    const score = scoreOf(own.bid ?? 1, x);
    let product = 1;
    for (const [j, { logit, variance, bid = 1 }] of candidates.entries()) {
      if (j === place || product === 0) continue;
      // The logit that the other would need for the same score.
      const needed =
        bid === (own.bid ?? 1) ? x : score >= bid ? Number.POSITIVE_INFINITY : logOdds(score / bid);
      const spread = Math.sqrt(eta * variance);
      // A candidate without variance is where it is; the one that came first wins a tie.
      if (spread > 0) product *= normalCdf((needed - logit) / spread);
      else if (needed < logit || (needed === logit && j < place)) product = 0;
    }
    return product;
  };
  if (deviation === 0) return beatsOthers(own.logit);
  const steps = 400;
  const width = 16 / steps;
  let sum = 0;
  for (let k = 0; k <= steps; k++) {
    const t = -8 + k * width;
    const density = Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI);
    sum += density * beatsOthers(own.logit + deviation * t) * (k === 0 || k === steps ? 0.5 : 1);
  }
  return Math.min(1, sum * width);
}

/** `σ(m / √(1 + π v / 8))`: about the mean of σ over N(m, v). */
export function meanProbability({ logit, variance }: UncertainCandidate): number {
  return scoreOf(1, logit / Math.sqrt(1 + (Math.PI * variance) / 8));
}

function scoreOf(bid: number, logit: number): number {
  return bid / (1 + Math.exp(-logit));
}

function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

function ranked(scores: ArrayLike<number>): number[] {
  return Array.from(scores, (_, k) => k).sort((a, b) => scores[b] - scores[a] || a - b);
}

/** Φ, by the series of the error function near 0 and its continued fraction in the tails. */
function normalCdf(x: number): number {
  if (x === Number.POSITIVE_INFINITY) return 1;
  if (Math.abs(x) < 3) {
    // Φ(x) = 1/2 + φ(x) (x + x³/3 + x⁵/(3·5) + …)
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
  }
  const z = Math.abs(x);
  let fraction = z;
  for (let k = 40; k >= 1; k--) fraction = z + k / fraction;
  const tail = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI) / fraction;
  return x > 0 ? 1 - tail : tail;
}
