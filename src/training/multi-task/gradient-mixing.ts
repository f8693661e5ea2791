/**
 * Gradient surgery. Every method here replaces the tasks' gradients on shared weights by linear
 * combinations of them, and which ones depends on the gradients' inner products alone; so a method is a
 * function from the products `M_ij = g_i·g_j` to coefficients, tested on plain numbers and blind to where
 * the gradients lie (dense weights, rows). Methods that give one direction are scaled so that equal
 * gradients come out as their sum (CAGrad: as 1 + c times it).
 */
import { caGrad } from "./ca-grad.ts";
import { gradientCosine } from "./gradient-cosine.ts";
import { impartialGradient } from "./impartial-gradient.ts";
import { minimumNorm } from "./minimum-norm.ts";
import { nashBargain } from "./nash-bargain.ts";
import type { MultiTaskOptions } from "./options.ts";
import { pcGrad } from "./pc-grad.ts";

/** Inner products of K gradients, `[K][K]`, symmetric. */
export type Products = readonly (readonly number[])[];

export interface MixingContext {
  readonly seed: number;
  /** The step, from 0. */
  readonly step: number;
  /** Position of the task that others must not harm. */
  readonly main: number;
}

/**
 * Each task's gradient after surgery, `adjusted_i = Σ_j c_ij g_j`; their sum is the direction of the step.
 */
export type GradientMixing = (products: Products, context: MixingContext) => number[][];

export function gradientMixing(options: MultiTaskOptions): GradientMixing {
  switch (options.gradients) {
    case "sum":
      return (products) => scaled(products.map(() => 1));
    case "pcgrad":
      return pcGrad;
    case "mgda":
      return (products) => scaled(toSum(minimumNorm(products)));
    case "cagrad":
      return (products) => scaled(caGrad(products, options.cagradC));
    case "imtl":
      return (products) => scaled(toSum(impartialGradient(products)));
    case "nash":
      return (products) => scaled(toSum(nashBargain(products)));
    case "gcs":
      return (products, { main }) => scaled(gradientCosine(products, main));
  }
}

/** One factor a task. */
function scaled(factors: readonly number[]): number[][] {
  return factors.map((factor, i) => factors.map((_, j) => (i === j ? factor : 0)));
}

/** Rescaled to add up to the number of tasks. */
function toSum(factors: readonly number[]): number[] {
  const total = factors.reduce((sum, factor) => sum + factor, 0);
  return factors.map((factor) => (factor * factors.length) / total);
}

/** Coefficients of the sum of all adjusted gradients. */
export function combined(coefficients: readonly (readonly number[])[]): number[] {
  return coefficients[0].map((_, j) => coefficients.reduce((sum, row) => sum + row[j], 0));
}
