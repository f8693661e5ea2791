/**
 * The last half of a step: gradients lie in the arenas; their norm is taken over rows and weights together,
 * then everything moves. With states kept apart, each task is one such step.
 */
import { DivergedError } from "../core/index.ts";
import { type ModelWeights, rowL2 } from "./model-weights.ts";
import type { OptimizerOptions } from "./optimizer-options.ts";

export interface GradientStep {
  readonly optimizer: Pick<
    OptimizerOptions,
    "maxGradientNorm" | "embeddingRegularizer" | "embeddingRegularizerScope"
  >;
  readonly learningRate: number;
  /** From 1. */
  readonly step: number;
  /** Whose gradients, and whose state. @default 0 */
  readonly task?: number;
  /** Factor on λ of rows. @default 1 */
  readonly rowL2Share?: number;
  /** Factor on λ of each dense parameter. @default 1 */
  readonly denseL2Shares?: readonly number[];
}

/** What a step moves. */
export type MovedWeights = Pick<ModelWeights, "arenas" | "dense">;

/** Milliseconds, added to. */
export interface TimeSpent {
  rows: number;
  dense: number;
}

/**
 * The factor that clips gradients by their norm.
 *
 * @throws DivergedError when the norm is not finite, also without clipping: such a gradient would end up in
 *   the weights
 */
export function clippingFactor({ arenas, dense }: MovedWeights, given: GradientStep): number {
  const { optimizer, task = 0, denseL2Shares } = given;
  const l2 = rowL2Of(given);
  const squares = arenas
    .filter((arena) => arena.optimizer !== undefined)
    .reduce(
      (sum, arena) => sum + arena.sumOfSquares({ l2, task }),
      dense.sumOfSquares({ task, l2Shares: denseL2Shares }),
    );
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm)) throw notFinite("norm of the gradients", norm, given.step);
  const most = optimizer.maxGradientNorm ?? Number.POSITIVE_INFINITY;
  // As torch.nn.utils.clip_grad_norm_: the small constant keeps the quotient finite.
  return norm > most ? most / (norm + 1e-6) : 1;
}

/** Moves rows and dense parameters in place. */
export function moveWeights(
  { arenas, dense }: MovedWeights,
  given: GradientStep,
  gradientScale: number,
  spent: TimeSpent,
): void {
  const { learningRate, step, task = 0, denseL2Shares } = given;
  const start = performance.now();
  const l2 = rowL2Of(given);
  for (const arena of arenas) {
    if (arena.optimizer !== undefined) arena.step({ learningRate, step, gradientScale, l2, task });
  }
  const moved = performance.now();
  dense.step({ learningRate, step, gradientScale, task, l2Shares: denseL2Shares });
  spent.rows += moved - start;
  spent.dense += performance.now() - moved;
}

function rowL2Of({ optimizer, rowL2Share = 1 }: GradientStep) {
  return rowL2(optimizer.embeddingRegularizer * rowL2Share, optimizer.embeddingRegularizerScope);
}

export function notFinite(what: string, value: number, step: number): DivergedError {
  return new DivergedError(`the ${what} became ${value} at step ${step}`, {
    details: { step, value },
    hint: "lower the learning rate, or run `millrace validate` on the data; the weights of the step before are kept",
  });
}
