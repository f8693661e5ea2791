/**
 * How much experts repeat each other on a batch: the entrywise absolute sum of the cross-covariances of all
 * pairs of experts,
 *
 *     L = (1/d²) Σ_{p>q} ‖C⁽ᵖ⁾ᵀ C⁽ᑫ⁾‖₁,   C⁽ᵖ⁾ = O⁽ᵖ⁾ - its mean over the batch
 *
 * divided by the number of rows as well with `normalize: "mean"`, so that it does not grow with the batch.
 * Lin et al., "Crocodile", arXiv:2405.12706.
 */
import { abs, cast, concat, div, floor, gather, matmul, mean, mul, sizeOf, sub, sum } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

export interface CrossExpertCovarianceOptions {
  /** `paper`: sums over rows; `mean`: means. @default "mean" */
  readonly normalize?: "paper" | "mean";
  /** Rows of the batch, evenly spread, that are looked at. @default all */
  readonly rows?: number;
}

/**
 * @param experts `[batch, d]` each
 * @returns a scalar; 0 for a single expert
 */
export function crossExpertCovariance(
  experts: readonly Tensor[],
  { normalize = "mean", rows }: CrossExpertCovarianceOptions = {},
): Tensor {
  if (experts.length < 2) return constant(0);
  const width = experts[0].shape[1] as number;
  const all = concat([...experts], { axis: 1 }); // [batch, experts · d]
  const seen = rows === undefined ? all : spreadRows(all, rows);
  const centred = sub(seen, mean(seen, { axis: 0 }));
  const products = abs(matmul(centred, centred, { transposeA: true })); // [experts · d, experts · d]
  // The blocks of pairs p > q, below the diagonal.
  const side = experts.length * width;
  const below = Float32Array.from({ length: side * side }, (_, k) =>
    Number(Math.floor(Math.floor(k / side) / width) > Math.floor((k % side) / width)),
  );
  const total = div(sum(mul(products, constant(below, { shape: [side, side] }))), width * width);
  return normalize === "paper" ? total : div(total, rows ?? sizeOf(all.shape[0]));
}

/** So many rows at even distances; of a smaller batch some come more than once. */
function spreadRows(x: Tensor, rows: number): Tensor {
  const places = Float32Array.from({ length: rows }, (_, k) => k / rows);
  return gather(x, cast(floor(mul(constant(places), sizeOf(x.shape[0]))), "int32"));
}
