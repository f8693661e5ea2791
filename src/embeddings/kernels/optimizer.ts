/**
 * Optimizers as data, and the float32 scalars that one step of each needs. The scalars are computed
 * here in float64 and rounded once, so that every implementation of the kernels gets the same bits.
 *
 *     sgd              w -= rate·g                       (momentum μ, dense parameters only:
 *                                                         b = μ·b + g, w -= rate·b)
 *     adagrad          a += g², w -= rate·g / (√a + ε)
 *     rowwise-adagrad  a += mean(g²) over the row, w -= rate·g / (√a + ε); one number a row
 *     adam             m = β₁·m + (1-β₁)·g, v = β₂·v + (1-β₂)·g²
 *                      w -= rate·√(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε')
 *     rmsprop          v = ρ·v + (1-ρ)·g², w -= rate·g / (√v + ε)
 *
 * with ε' = ε·√(1-β₂ᵗ) where every row moves (torch.optim.Adam) and ε' = ε where only the batch's rows
 * do (torch.optim.SparseAdam); t counts the steps of the whole table, from 1.
 */
import { ConfigError } from "../../core/index.ts";

export type Optimizer =
  | { readonly name: "sgd"; readonly momentum?: number }
  | { readonly name: "adagrad"; readonly epsilon?: number }
  | { readonly name: "rowwise-adagrad"; readonly epsilon?: number }
  | { readonly name: "adam"; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number }
  | { readonly name: "rmsprop"; readonly decay?: number; readonly epsilon?: number };

/** What an optimizer keeps for each row: vectors as wide as the row, and single numbers. */
export interface StateLayout {
  readonly vectors: number;
  readonly scalars: number;
}

export function rowStateLayout(optimizer: Optimizer | undefined): StateLayout {
  switch (optimizer?.name) {
    case undefined:
      return { vectors: 0, scalars: 0 };
    case "sgd":
      if ((optimizer.momentum ?? 0) !== 0) {
        throw new ConfigError("SGD on embedding rows has no momentum", {
          details: { momentum: optimizer.momentum },
          hint: "leave momentum out, or use adam",
        });
      }
      return { vectors: 0, scalars: 0 };
    case "adagrad":
      return { vectors: 1, scalars: 0 };
    case "rowwise-adagrad":
      return { vectors: 0, scalars: 1 };
    case "adam":
    case "rmsprop":
      return { vectors: 2, scalars: 0 };
  }
}

/** State vectors beside each dense parameter. */
export function denseStateVectors(optimizer: Optimizer): number {
  switch (optimizer.name) {
    case "sgd":
      return (optimizer.momentum ?? 0) === 0 ? 0 : 1;
    case "adagrad":
      return 1;
    case "adam":
    case "rmsprop":
      return 2;
    case "rowwise-adagrad":
      throw new ConfigError("row-wise AdaGrad is for embedding rows, not for dense parameters", {
        hint: "use adagrad, adam or sgd for the dense parameters",
      });
  }
}

export interface AdamScalars {
  readonly beta1: number;
  /** 1-β₁ */
  readonly gain1: number;
  readonly beta2: number;
  /** 1-β₂ */
  readonly gain2: number;
  /** rate·√(1-β₂ᵗ)/(1-β₁ᵗ) */
  readonly size: number;
  /** ε' */
  readonly epsilon: number;
}

/** @param lazy whether only the batch's rows move, as in torch.optim.SparseAdam */
export function adamScalars(
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: Extract<Optimizer, { name: "adam" }>,
  { learningRate, step, lazy }: { learningRate: number; step: number; lazy: boolean },
): AdamScalars {
  const root = Math.sqrt(1 - beta2 ** step);
  return {
    beta1: Math.fround(beta1),
    gain1: Math.fround(1 - beta1),
    beta2: Math.fround(beta2),
    gain2: Math.fround(1 - beta2),
    size: Math.fround((learningRate * root) / (1 - beta1 ** step)),
    epsilon: Math.fround(lazy ? epsilon : epsilon * root),
  };
}

/**
 * RMSProp (torch.optim.RMSprop, without momentum) is Adam's kernel with β₁ = 0 and no bias correction; its
 * first state vector holds the last gradient.
 */
export function rmspropScalars(
  { decay = 0.99, epsilon = 1e-8 }: Extract<Optimizer, { name: "rmsprop" }>,
  learningRate: number,
): AdamScalars {
  return {
    beta1: 0,
    gain1: 1,
    beta2: Math.fround(decay),
    gain2: Math.fround(1 - decay),
    size: Math.fround(learningRate),
    epsilon: Math.fround(epsilon),
  };
}

/** ε of AdaGrad and row-wise AdaGrad, as torch.optim.Adagrad has it. */
export function adagradEpsilon({ epsilon = 1e-10 }: { readonly epsilon?: number }): number {
  return Math.fround(epsilon);
}
