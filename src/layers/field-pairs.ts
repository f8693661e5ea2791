/**
 * All pairs of different fields, each once, in the order of a matrix's upper triangle:
 * (0, 1), (0, 2), …, (1, 2), …, (F-2, F-1).
 */
import { ConfigError } from "../core/index.ts";
import { matmul, mul, reshape, square, sub, sum, take } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export interface FieldPairs {
  /** Number of pairs, `F (F - 1) / 2`. */
  readonly count: number;
  /** The smaller field of each pair. */
  readonly left: readonly number[];
  /** The larger one. */
  readonly right: readonly number[];
}

/** @throws ConfigError when there are fewer than two fields, hence no pair */
export function fieldPairs(fields: number): FieldPairs {
  if (fields < 2) {
    throw new ConfigError("a model of pairs of fields needs at least two fields", {
      details: { fields },
      hint: "declare more features, or take LR",
    });
  }
  const pairs = Array.from({ length: fields }, (_, f) =>
    Array.from({ length: fields - 1 - f }, (_, k) => [f, f + 1 + k] as const),
  ).flat();
  return { count: pairs.length, left: pairs.map(([f]) => f), right: pairs.map(([, g]) => g) };
}

/** `⟨e_f, e_g⟩` of every pair: `[batch, fields, dim]` to `[batch, pairs]`. */
export function innerProducts(e: Tensor): Tensor {
  const fields = e.shape[1] as number;
  const { left, right } = fieldPairs(fields);
  const all = matmul(e, e, { transposeB: true }); // [batch, fields, fields]
  const upper = left.map((f, pair) => f * fields + right[pair]);
  return take(reshape(all, [e.shape[0], fields * fields]), upper);
}

/** `e_f ⊙ e_g` of every pair: `[batch, fields, dim]` to `[batch, pairs, dim]`. */
export function elementwiseProducts(e: Tensor): Tensor {
  const { left, right } = fieldPairs(e.shape[1] as number);
  return mul(take(e, left, { axis: 1 }), take(e, right, { axis: 1 }));
}

/**
 * `Σ_{f<g} e_f ⊙ e_g` in linear time, as `½ [(Σ_f e_f)² - Σ_f e_f²]`: `[batch, fields, dim]` to `[batch, dim]`.
 * The bi-interaction pooling of He and Chua, "Neural Factorization Machines", SIGIR 2017, arXiv:1708.05027.
 */
export function summedProducts(e: Tensor): Tensor {
  return mul(sub(square(sum(e, { axis: 1 })), sum(square(e), { axis: 1 })), 0.5);
}
