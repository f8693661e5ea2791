/**
 * Gated recurrent unit, plain or led by attention scores s_t:
 *
 *     u_t = σ(x_t W_u + h_{t-1} U_u),  r_t = σ(x_t W_r + h_{t-1} U_r)        (biases beside each W and U)
 *     n_t = tanh(x_t W_n + r_t ⊙ h_{t-1} U_n)
 *     h_t = h_{t-1} + g_t (n_t - h_{t-1}),   h_0 = 0
 *
 *     GRU:   g_t = u_t
 *     AUGRU: g_t = s_t u_t       AGRU: g_t = s_t       AIGRU: g_t = u_t, and s_t x_t in place of x_t
 *
 * Cho et al., EMNLP 2014, arXiv:1406.1078, with the reset gate after the product as in cuDNN and PyTorch
 * (whose z is 1 - u); the kinds with attention: Zhou et al., "Deep Interest Evolution Network", AAAI 2019,
 * arXiv:1809.03672. A masked step keeps the state.
 */
import { scan } from "../autodiff/index.ts";
import { Module, uniformInit } from "../module/index.ts";
import {
  add,
  broadcastTo,
  expandDims,
  mul,
  sigmoid,
  slice,
  squeeze,
  sub,
  swapAxes,
  tanh,
} from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export type GRUKind = "GRU" | "AUGRU" | "AGRU" | "AIGRU";

export interface GRUInputs {
  /** float32 `[batch, length]`, 0 for steps to leave out; absent: none. */
  readonly mask?: Tensor;
  /** `[batch, length]`; for the kinds with attention. */
  readonly scores?: Tensor;
  /** float32 `[batch, length]`, 0 for steps that begin with a state of zeros again; absent: only the first. */
  readonly keep?: Tensor;
}

export class GRU extends Module {
  /** `[inputs, 3 width]`, gates in the order u, r, n. */
  readonly input: Linear;
  /** `[width, 3 width]`. */
  readonly recurrent: Linear;
  readonly width: number;
  readonly kind: GRUKind;

  constructor(inputs: number, width: number, { kind = "GRU" }: { kind?: GRUKind } = {}) {
    super();
    const init = uniformInit(1 / Math.sqrt(width));
    this.input = new Linear(inputs, 3 * width, { init });
    this.recurrent = new Linear(width, 3 * width, { init });
    this.width = width;
    this.kind = kind;
  }

  /** States after every step: `[batch, length, inputs]` to `[batch, length, width]`. */
  forward(x: Tensor, given: GRUInputs = {}): Tensor {
    return swapAxes(this.#states(x, given), 0, 1);
  }

  /** The state after the last step that is not masked, zeros if all are: `[batch, width]`. */
  last(x: Tensor, given: GRUInputs = {}): Tensor {
    return squeeze(slice(this.#states(x, given), { axis: 0, start: (x.shape[1] as number) - 1 }), 0);
  }

  /** `[length, batch, width]`. */
  #states(x: Tensor, { mask, scores, keep }: GRUInputs): Tensor {
    const { width, kind } = this;
    const led = kind !== "GRU";
    if (led !== (scores !== undefined)) throw new Error(`${kind} ${led ? "needs" : "takes no"} scores`);
    const read = kind === "AIGRU" && scores !== undefined ? mul(x, expandDims(scores, -1)) : x;
    const gates = this.input.forward(read); // [batch, length, 3 width]
    const factors = factorsOf(mask, kind === "AIGRU" ? undefined : scores); // [batch, length]
    const columns = [factors, keep].filter((column) => column !== undefined);
    const inputs = [gates, ...columns.map((column) => expandDims(column, -1))];
    const initial = broadcastTo(constant(0), [x.shape[0], width]);
    const step = (h: Tensor, [gate, ...own]: readonly Tensor[]): Tensor => {
      const before = keep === undefined ? h : mul(h, own[own.length - 1]);
      return this.#step(before, gate, factors === undefined ? undefined : own[0]);
    };
    return scan(step, { initial, inputs: inputs.map((input) => swapAxes(input, 0, 1)) });
  }

  #step(h: Tensor, gates: Tensor, factor: Tensor | undefined): Tensor {
    const both = 2 * this.width;
    const turned = this.recurrent.forward(h); // [batch, 3 width]
    const opened = sigmoid(add(slice(gates, { end: both }), slice(turned, { end: both })));
    const reset = slice(opened, { start: this.width });
    const n = tanh(add(slice(gates, { start: both }), mul(reset, slice(turned, { start: both }))));
    const u = slice(opened, { end: this.width });
    const share = factor === undefined ? u : this.kind === "AGRU" ? factor : mul(u, factor);
    return add(h, mul(share, sub(n, h)));
  }
}

/** What each step's gate is multiplied by, `[batch, length]`. */
function factorsOf(mask: Tensor | undefined, scores: Tensor | undefined): Tensor | undefined {
  if (mask === undefined || scores === undefined) return mask ?? scores;
  return mul(mask, scores);
}
