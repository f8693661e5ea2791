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
import { ConfigError, CounterRandom, logOdds } from "../core/index.ts";

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
 * @throws ConfigError for options out of range, and for logits, variances or bids that are none
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
  checkCandidates(candidates);
  const random = new CounterRandom(seed, "thompson", request);
  const explored = eta > 0 && random.uniform(0) < share;
  const noise = Float64Array.from(candidates, (_, k) => (explored ? random.normal(k + 1) : 0));
  const scores = Float64Array.from(candidates, ({ logit, variance, bid = 1 }, k) =>
    scoreOf(bid, logit + Math.sqrt(eta * variance) * noise[k]),
  );
  const order = ranked(scores);
  const greedy = ranked(candidates.map(({ logit, bid = 1 }) => scoreOf(bid, logit)));
  const [first] = order;
  if (first === undefined) return { explored, order, scores, noise, propensity: 0 };
  const byDraw = eta === 0 ? 0 : share * firstProbability(candidates, first, eta);
  const byGreed = (eta === 0 ? 1 : 1 - share) * (greedy[0] === first ? 1 : 0);
  return { explored, order, scores, noise, propensity: byDraw + byGreed };
}

/**
 * Probability that a candidate's draw scores highest: with `s(x) = bid · σ(x)`,
 *
 *     ∫ N(x; m_i, η v_i) Π_{j≠i} Φ((logit(s_i(x) / bid_j) - m_j) / √(η v_j)) dx,
 *
 * by Simpson's rule over eight deviations each way, finer where a candidate that is known much better than
 * this one is overtaken: to within about 1e-6.
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
  const integrand = (t: number): number => Math.exp(-0.5 * t * t) * beatsOthers(own.logit + deviation * t);
  const nodes = integrationNodes(candidates, place, eta);
  let sum = 0;
  let last = 0;
  for (const [n, t] of nodes.entries()) {
    const value = integrand(t);
    if (n > 0) {
      const before = nodes[n - 1];
      sum += ((t - before) / 6) * (last + 4 * integrand((before + t) / 2) + value);
    }
    last = value;
  }
  return Math.min(1, sum / Math.sqrt(2 * Math.PI));
}

/**
 * In own deviations, ascending: equal steps, and where a candidate that is known much better is overtaken, steps of
 * half its deviation.
 */
function integrationNodes(
  candidates: readonly UncertainCandidate[],
  place: number,
  eta: number,
): Float64Array {
  const reach = 8;
  const { logit: own, variance: ownVariance, bid: ownBid = 1 } = candidates[place];
  const deviation = Math.sqrt(eta * ownVariance);
  const nodes = Array.from({ length: 25 * reach + 1 }, (_, k) => (2 * k) / 25 - reach);
  for (const [j, { logit, variance, bid = 1 }] of candidates.entries()) {
    // Own probability of the same score as the other's mean.
    const needed = (bid / ownBid) * scoreOf(1, logit);
    if (j === place || needed >= 1) continue;
    const at = bid === ownBid ? logit : logOdds(needed);
    const centre = (at - own) / deviation;
    // Near there the other's logit goes with ours by (1 - p) / (1 - p_j).
    const width = (Math.sqrt(eta * variance) / deviation) * ((1 - scoreOf(1, logit)) / (1 - needed));
    if (!(Math.abs(centre) < reach) || width > 0.25) continue;
    const step = Math.max(width / 2, 1e-9);
    for (let k = -12; k <= 12; k++) {
      const t = centre + k * step;
      if (Math.abs(t) < reach) nodes.push(t);
    }
  }
  return Float64Array.from(nodes).sort();
}

function checkCandidates(candidates: readonly UncertainCandidate[]): void {
  for (const [place, { logit, variance, bid = 1 }] of candidates.entries()) {
    const fine = Number.isFinite(logit) && variance >= 0 && variance < Infinity && bid > 0 && bid < Infinity;
    if (fine) continue;
    throw new ConfigError(
      `thompson: candidate ${place} has logit ${logit}, variance ${variance}, bid ${bid}`,
      {
        details: { place, logit, variance, bid },
        hint: "logits are finite, variances finite and at least 0, bids finite and above 0",
      },
    );
  }
}

/** `σ(m / √(1 + π v / 8))`: about the mean of σ over N(m, v). */
export function meanProbability({ logit, variance }: UncertainCandidate): number {
  return scoreOf(1, logit / Math.sqrt(1 + (Math.PI * variance) / 8));
}

function scoreOf(bid: number, logit: number): number {
  return bid / (1 + Math.exp(-logit));
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
