/**
 * Student's t distribution, for intervals around means of few values (seeds). The distribution function
 * is the regularised incomplete beta function, evaluated by Lentz's continued fraction (NIST DLMF 8.17.22);
 * the quantile inverts it by bisection. Relative error below 1e-10.
 */

/** `P(T ≤ t)` with `degrees` degrees of freedom (> 0). */
export function studentTCdf(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

/** The t with `P(T ≤ t) = probability`; probability in (0, 1). */
export function studentTQuantile(probability: number, degrees: number): number {
  // By symmetry the search runs over t < 0, where tail probabilities keep all their digits.
  if (probability > 0.5) return -studentTQuantile(1 - probability, degrees);
  if (probability === 0.5) return 0;
  let low = -1;
  while (studentTCdf(low, degrees) > probability) low *= 2;
  let high = 0;
  for (let i = 0; i < 200 && high - low > 1e-14 * -low; i++) {
    const middle = (low + high) / 2;
    if (studentTCdf(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b) = B(x; a, b) / B(a, b), for x in [0, 1]. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean; the other side by I_x(a, b) = 1 - I_{1-x}(b, a).
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta) / a;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

/** ln Γ(x) for x > 0 by Stirling's series after shifting x up. */
function logGamma(x: number): number {
  let shift = 0;
  while (x < 10) shift += Math.log(x++);
  const x2 = x * x;
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * x2)) / x2) / x2) / x2) / x;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - shift;
}
