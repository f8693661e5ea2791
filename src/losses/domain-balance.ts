/**
 * Row weights with which each domain of a batch counts once, however many rows it has there:
 *
 *     w'_n = w_n / Σ_{m: s(m) = s(n)} w_m
 *
 * so that a weighted mean of losses is the mean over the batch's domains of each one's mean loss. Domains
 * without rows are left out. Lin et al., "Crocodile", arXiv:2405.12706, divides each domain's sum so.
 */
import { div, gather, maximum, mul, sum } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

/**
 * @param domains int32 `[batch]`, below `size`
 * @param weights `[batch]`, at least 0 @default all 1
 * @returns `[batch]`
 */
export function domainBalancedWeights(domains: Tensor, size: number, weights?: Tensor): Tensor {
  const identity = Float32Array.from({ length: size * size }, (_, k) => (k % (size + 1) === 0 ? 1 : 0));
  const oneHot = gather(constant(identity, { shape: [size, size] }), domains); // [batch, size]
  const rows = weights === undefined ? oneHot : mul(oneHot, weights.expandDims(1));
  const totals = maximum(sum(rows, { axis: 0 }), 1e-30); // [size]
  return sum(div(rows, totals), { axis: 1 });
}
