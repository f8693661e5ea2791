/**
 * Batch normalisation over the first axis: in training by the batch's own moments, which also move the
 * running ones; in evaluation by the running moments.
 *
 *     y = γ (x - μ) / √(σ² + ε) + β
 *     running ← (1 - m) running + m · batch moment   (σ² unbiased, as in PyTorch)
 *
 * Ioffe and Szegedy, ICML 2015, arXiv:1502.03167.
 */
import { constantInit, currentTrace, Module, Parameter, State } from "../module/index.ts";
import { add, div, maximum, mean, mul, sizeOf, sqrt, square, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export interface BatchNormOptions {
  /** @default 1e-5 */
  readonly epsilon?: number;
  /** Share of the new moment in the running one. @default 0.1 */
  readonly momentum?: number;
  /** Learned scale and shift. @default true */
  readonly affine?: boolean;
}

export class BatchNorm extends Module {
  readonly scale: Parameter | undefined;
  readonly shift: Parameter | undefined;
  readonly runningMean: State;
  readonly runningVariance: State;
  readonly epsilon: number;
  readonly momentum: number;

  constructor(width: number, { epsilon = 1e-5, momentum = 0.1, affine = true }: BatchNormOptions = {}) {
    super();
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.scale = affine ? new Parameter([width], { init: constantInit(1) }) : undefined;
    this.shift = affine ? new Parameter([width]) : undefined;
    this.runningMean = new State([width]);
    this.runningVariance = new State([width], { init: constantInit(1) });
  }

  /** `[batch, width]` to the same. */
  forward(x: Tensor): Tensor {
    const trace = currentTrace();
    let centre: Tensor = this.runningMean;
    let variance: Tensor = this.runningVariance;
    let centred = sub(x, centre);
    if (trace.training) {
      centre = mean(x, { axis: 0 }); // [width]
      centred = sub(x, centre);
      variance = mean(square(centred), { axis: 0 }); // [width]
      const rows = sizeOf(x.shape[0]);
      // A last batch of one row has no unbiased variance; its biased one (0) is taken then.
      const unbiased = mul(variance, div(rows, maximum(sub(rows, 1), 1)));
      this.#move(this.runningMean, centre);
      this.#move(this.runningVariance, unbiased);
    }
    const normalised = div(centred, sqrt(add(variance, this.epsilon)));
    if (this.scale === undefined || this.shift === undefined) return normalised;
    return add(mul(normalised, this.scale), this.shift);
  }

  /** A layer that runs twice in one pass moves twice. */
  #move(running: State, batch: Tensor): void {
    const { stateUpdates } = currentTrace();
    const before = stateUpdates.get(running) ?? running;
    stateUpdates.set(running, add(mul(before, 1 - this.momentum), mul(batch, this.momentum)));
  }
}
