/**
 * A layer of experts with a gate for each branch (a task, or a domain):
 *
 *     z_b = Σ_j g_bj f_j(x_j),   g_b = softmax(MLP_b(gate input of b))
 *
 * over the experts that branch b reads. Some experts belong to a branch and see its input, the shared ones
 * see the shared input. By what is there and who reads it, this is the layer of several models:
 *
 * - no experts of branches: MMoE (Ma et al., KDD 2018);
 * - a branch reads its own and the shared experts: CGC, a level of PLE (Tang et al., RecSys 2020);
 * - it reads all, those of other branches through stop-gradient: STEM's "all forward, task-specific
 *   backward" (Su et al., AAAI 2024, arXiv:2308.13537).
 */
import { repeat } from "../core/index.ts";
import { Module, observe } from "../module/index.ts";
import { add, expandDims, flatten, mul, softmax, stack, stopGradient, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Expert } from "./expert.ts";
import { MLP } from "./mlp.ts";

export interface ExpertLayerOptions {
  readonly branches: number;
  /** Experts of each branch. */
  readonly own: number;
  readonly shared: number;
  readonly expert: () => Expert;
  /** Width of a branch's input, flat. */
  readonly inputs: number;
  /** Hidden widths of the gates. */
  readonly gateHidden: readonly number[];
  /**
   * Experts of other branches: not read, read through stop-gradient, or read and trained.
   * @default "none"
   */
  readonly others?: "none" | "stopped" | "trained";
  /** Gates read the sum of the branch's input and the shared one. @default false */
  readonly gateReadsShared?: boolean;
  /** A gate for the shared path, over the shared experts or over all; absent: no next layer needs it. */
  readonly sharedGate?: "shared" | "all";
}

export interface ExpertLayerValues {
  /** One a branch; what the first expert's kind takes, `[batch, …]`. */
  readonly branches: readonly Tensor[];
  readonly shared: Tensor | undefined;
}

export class ExpertLayer extends Module {
  /** By branch. */
  readonly own: readonly (readonly Expert[])[];
  readonly shared: readonly Expert[];
  readonly gates: readonly MLP[];
  readonly sharedGate: MLP | undefined;
  /** Of the outputs. */
  readonly width: number;
  readonly #options: ExpertLayerOptions;

  constructor(options: ExpertLayerOptions) {
    super();
    const { branches, own, shared, expert, inputs, gateHidden, others = "none", sharedGate } = options;
    this.own = repeat(branches, () => repeat(own, expert));
    this.shared = repeat(shared, expert);
    const total = branches * own + shared;
    const read = others === "none" ? own + shared : total;
    this.gates = repeat(branches, () => new MLP(inputs, gateHidden, { output: read }));
    this.sharedGate =
      sharedGate === undefined
        ? undefined
        : new MLP(inputs, gateHidden, { output: sharedGate === "all" ? total : shared });
    this.width = (this.shared[0] ?? this.own[0][0]).width;
    this.#options = options;
  }

  /** Vectors of every branch and of the shared path, `[batch, width]` each. */
  forward({ branches, shared }: ExpertLayerValues): ExpertLayerValues {
    const { others = "none", gateReadsShared = false, sharedGate } = this.#options;
    const own = this.own.map((experts, b) => experts.map((expert) => expert.forward(branches[b])));
    const common = shared === undefined ? [] : this.shared.map((expert) => expert.forward(shared));
    const outputs = branches.map((input, b) => {
      const read = own.flatMap((experts, other) => {
        if (other === b || others === "trained") return experts;
        return others === "none" ? [] : experts.map(stopGradient);
      });
      const seen = gateReadsShared && shared !== undefined ? add(input, shared) : input;
      return mix([...read, ...common], this.gates[b].forward(flatten(seen)), `gates.${b}`);
    });
    for (const [b, experts] of own.entries()) {
      for (const [k, expert] of experts.entries()) observe(`experts.${b}.${k}`, expert);
    }
    for (const [k, expert] of common.entries()) observe(`experts.shared.${k}`, expert);
    if (this.sharedGate === undefined || shared === undefined)
      return { branches: outputs, shared: undefined };
    const candidates = sharedGate === "all" ? [...own.flat(), ...common] : common;
    return {
      branches: outputs,
      shared: mix(candidates, this.sharedGate.forward(flatten(shared)), "gates.shared"),
    };
  }
}

/** `Σ_j softmax(scores)_j x_j`: K of `[batch, width]` and `[batch, K]` to `[batch, width]`. */
function mix(experts: readonly Tensor[], scores: Tensor, name: string): Tensor {
  const weights = softmax(scores); // [batch, K]
  observe(name, weights);
  return sum(mul(stack(experts, { axis: 1 }), expandDims(weights, 2)), { axis: 1 });
}
