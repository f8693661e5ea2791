/**
 * Multi-head attention of one candidate over a history:
 *
 *     s_t = (a W_q)·(h_t W_k) / √d_h + bias_t,  w = softmax(s) among events,  out = [Σ_t w_t v_t W_v]_heads W_o
 *
 * There is one query only, so keys and values need not be projected event by event: `(a W_q)·(h_t W_k)` is
 * `h_t·(W_k W_qᵀ a)`, and `Σ w_t (v_t W_v)` is `(Σ w_t v_t) W_v`. The cost is that of `heads` dot products an
 * event. An empty history gives zeros.
 *
 * As in SIM (arXiv:2006.05639), ETA (arXiv:2108.04468) and TWIN (arXiv:2302.02352), which search with such
 * scores or others before. No biases in the projections.
 */
import { dropout, Module, observe } from "../module/index.ts";
import {
  add,
  expandDims,
  matmul,
  mul,
  reshape,
  squeeze,
  swapAxes,
  takeAlong,
  transpose,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type EventSelection, selectTopK, takeEvents } from "./event-selection.ts";
import { Linear } from "./linear.ts";
import { maskedSoftmax } from "./masked-softmax.ts";
import { evenHeadDim } from "./multi-head-attention.ts";

export interface MultiHeadTargetAttentionOptions {
  /** Width of all heads together. @default 64 */
  readonly width?: number;
  /** @default 1 */
  readonly heads?: number;
  /** Width of the events that are scored. @default that of the target */
  readonly eventDim?: number;
  /** Width of the values that are pooled. @default that of the events */
  readonly valueDim?: number;
  /** @default that of the values */
  readonly outputDim?: number;
  /** Share of attention weights dropped in training. @default 0 */
  readonly dropout?: number;
}

export interface TargetAttentionInputs {
  /** What is pooled, `[batch, length, valueDim]`. @default the events themselves */
  readonly values?: Tensor;
  /** Added to the scores: `[batch, heads, length]`. */
  readonly bias?: Tensor;
  /** Attend to the `k` events of highest score only, chosen by each head for itself. @default all */
  readonly k?: number;
}

export class MultiHeadTargetAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly rate: number;
  /** Width of the output. */
  readonly width: number;

  /** @throws ConfigError when the heads do not divide the width */
  constructor(dim: number, options: MultiHeadTargetAttentionOptions = {}) {
    super();
    const { width = 64, heads = 1, eventDim = dim, valueDim = eventDim, outputDim = valueDim } = options;
    evenHeadDim(width, heads);
    this.query = new Linear(dim, width, { bias: false });
    this.key = new Linear(eventDim, width, { bias: false });
    this.value = new Linear(valueDim, width, { bias: false });
    this.output = new Linear(width, outputDim, { bias: false });
    this.heads = heads;
    this.rate = options.dropout ?? 0;
    this.width = outputDim;
  }

  /**
   * @param target `[batch, dim]`
   * @param events `[batch, length, eventDim]`
   * @param mask float32 `[batch, length]`, 1 for events, 0 for padding
   * @returns `[batch, width]`
   */
  forward(target: Tensor, events: Tensor, mask: Tensor, inputs: TargetAttentionInputs = {}): Tensor {
    const { values = events, bias, k } = inputs;
    const own = this.scores(target, events);
    const scores = bias === undefined ? own : add(own, bias);
    observe("scores of events", scores); // [batch, heads, length]
    if (k === undefined || k >= (events.shape[1] as number)) {
      const weights = maskedSoftmax(scores, expandDims(mask, 1));
      observe("weights of events", weights);
      return this.pool(weights, values);
    }
    const chosen = selectTopK(scores, mask, k);
    const weights = softmaxOf(scores, chosen);
    observe("weights of found events", weights); // [batch, heads, k]
    return this.pool(weights, takeEvents(values, chosen.index));
  }

  /** How much each event matters to each head: `[batch, heads, length]`. */
  scores(target: Tensor, events: Tensor): Tensor {
    const perHead = byHead(this.query.forward(target), this.heads); // [heads, batch, headDim]
    const folded = matmul(perHead, headRows(this.key, this.heads), { transposeB: true }); // [heads, batch, eventDim]
    const scale = 1 / Math.sqrt(perHead.shape[2] as number);
    return matmul(mul(swapAxes(folded, 0, 1), scale), events, { transposeB: true });
  }

  /**
   * @param weights `[batch, heads, k]`
   * @param values `[batch, k, valueDim]`, or `[batch, heads, k, valueDim]` for values of each head
   * @returns `[batch, width]`
   */
  pool(weights: Tensor, values: Tensor): Tensor {
    const kept = dropout(weights, this.rate);
    const pooled = values.rank === 4 ? squeeze(matmul(expandDims(kept, 2), values), 2) : matmul(kept, values); // [batch, heads, valueDim]
    const perHead = matmul(swapAxes(pooled, 0, 1), headRows(this.value, this.heads)); // [heads, batch, headDim]
    const [heads, batch, headDim] = perHead.shape;
    const joined = reshape(swapAxes(perHead, 0, 1), [batch, (heads as number) * (headDim as number)]);
    return this.output.forward(joined);
  }
}

function softmaxOf(scores: Tensor, { index, mask }: EventSelection): Tensor {
  return maskedSoftmax(takeAlong(scores, index), mask);
}

/** `[batch, width]` to `[heads, batch, headDim]`. */
function byHead(x: Tensor, heads: number): Tensor {
  const [batch, width] = x.shape;
  return swapAxes(reshape(x, [batch, heads, (width as number) / heads]), 0, 1);
}

/** A projection's weight `[in, width]` as `[heads, in, headDim]`. */
function headRows({ weight }: Linear, heads: number): Tensor {
  const [inputs, width] = weight.shape;
  return transpose(reshape(weight, [inputs, heads, width / heads]), [1, 0, 2]);
}
