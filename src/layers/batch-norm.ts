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
import { add, div, maximum, mean, mul, scaleStandardized, sizeOf, sqrt, square, sub } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

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
    return currentTrace().training ? this.#byBatch(x) : this.#byRunning(x);
  }

  #byRunning(x: Tensor): Tensor {
    const inverse = div(1, sqrt(add(this.runningVariance, this.epsilon)));
    const factor = this.scale === undefined ? inverse : mul(inverse, this.scale);
    return this.#shifted(mul(sub(x, this.runningMean), factor));
  }

  #byBatch(x: Tensor): Tensor {
    const centre = mean(x, { axis: 0 }); // [width]
    const centred = sub(x, centre);
    const variance = mean(square(centred), { axis: 0 }); // [width]
    const rows = sizeOf(x.shape[0]);
    // A last batch of one row has no unbiased variance; its biased one (0) is taken then.
    const unbiased = mul(variance, div(rows, maximum(sub(rows, 1), 1)));
    this.#move(this.runningMean, centre);
    this.#move(this.runningVariance, unbiased);
    const inverse = div(1, sqrt(add(variance, this.epsilon)));
    const scale = this.scale ?? constant(new Float32Array(this.runningMean.shape[0]).fill(1));
    return this.#shifted(scaleStandardized(x, centred, inverse, scale));
  }

  #shifted(x: Tensor): Tensor {
    return this.shift === undefined ? x : add(x, this.shift);
  }

  /** A layer that runs twice in one pass moves twice. */
  #move(running: State, batch: Tensor): void {
    const { stateUpdates } = currentTrace();
    const before = stateUpdates.get(running) ?? running;
    stateUpdates.set(running, add(mul(before, 1 - this.momentum), mul(batch, this.momentum)));
  }
}
