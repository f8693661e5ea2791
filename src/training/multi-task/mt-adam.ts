/**
 * MTAdam: every task has Adam's moments of its own, of gradients that are scaled, weight by weight and table by
 * table, to the norm of an anchor task; their steps share the largest denominator,
 *
 *     n_k ← β₃ n_k + (1-β₃) ‖g_k‖  (at first ‖g_k‖),   g_k ← r_k (n_anchor / n_k) g_k,
 *     m_k, v_k as Adam's of g_k,   θ ← θ - η Σ_k m̂_k / (√(max_k v̂_k) + ε),
 *
 * with β₃ = 0.9 and ranks r_k of 1 unless `priorities` says others. The anchor is the first task whose gradient
 * reaches the weight, so what one task alone reaches follows Adam.
 *
 * Malkiel and Wolf, "MTAdam: Automatic Balancing of Multiple Training Loss Terms", EMNLP 2021, arXiv:2006.14683;
 * details as in the authors' code.
 */
import { ConfigError } from "../../core/index.ts";
import type { MovedWeights } from "../apply-gradients.ts";
import type { SharedLeaves } from "./shared-leaves.ts";

const DECAY = 0.9;
/** A norm below this is none. */
const NO_NORM = 1e-10;

export interface MTAdamInput {
  readonly weights: MovedWeights;
  readonly shared: Pick<SharedLeaves, "parameters" | "tables">;
  readonly tasks: number;
  /** r_k */
  readonly ranks: readonly number[];
}

export class MTAdam {
  /** n_k by shared parameter or table, then by task. */
  readonly state: Float64Array;
  readonly #given: MTAdamInput;

  /** @throws ConfigError where weights or rows do not move by Adam */
  constructor(given: MTAdamInput) {
    const { weights, shared, tasks } = given;
    this.#given = given;
    const optimizers = [
      weights.dense.optimizer,
      ...weights.arenas.flatMap(({ optimizer }) => optimizer ?? []),
    ];
    const other = optimizers.find(({ name }) => name !== "adam");
    if (other !== undefined) {
      throw new ConfigError(
        `training.multi_task.optimizer_state: mtadam is a form of Adam, not of ${other.name}`,
        {
          details: { optimizer: other.name },
          hint: "say optimizer: adam and leave embedding_optimizer out, or use optimizer_state: per-task",
        },
      );
    }
    const parameters = shared.parameters.filter(Boolean).length;
    this.state = new Float64Array((parameters + shared.tables.length) * tasks);
  }

  /** Scales the gradients of shared weights and rows in place. @param step from 1 */
  scale(step: number): void {
    const { weights, shared, tasks } = this.#given;
    const each = Array.from({ length: tasks }, (_, k) => k);
    let leaf = 0;
    for (const [i, isShared] of shared.parameters.entries()) {
      if (!isShared) continue;
      const gradients = each.map((task) => weights.dense.gradient(i, task));
      const squares = gradients.map((gradient) => gradient.reduce((sum, x) => sum + x * x, 0));
      for (const [k, factor] of this.#factors(leaf++, squares, step).entries()) {
        const gradient = gradients[k];
        if (factor !== 1) for (let j = 0; j < gradient.length; j++) gradient[j] *= factor;
      }
    }
    for (const { arena: a, range } of shared.tables) {
      const arena = weights.arenas[a];
      const products = arena.taskProducts([range]);
      const squares = each.map((task) => products[task * tasks + task]);
      const factors = this.#factors(leaf++, squares, step);
      const scales = factors.map((factor, i) => factors.map((_, j) => (i === j ? factor : 0)));
      arena.mixTasks(scales, [range]);
    }
  }

  /** Moves everything, once each task's moments have taken in its gradient. */
  move(learningRate: number, step: number): void {
    const { dense, arenas } = this.#given.weights;
    for (const arena of arenas)
      if (arena.optimizer !== undefined) arena.stepByLargest({ learningRate, step });
    dense.stepByLargest({ learningRate, step });
  }

  /** By task, after taking in the norms of this step. */
  #factors(leaf: number, squares: readonly number[], step: number): number[] {
    const { tasks, ranks } = this.#given;
    const norms = this.state.subarray(leaf * tasks, (leaf + 1) * tasks);
    for (const [k, square] of squares.entries()) {
      const norm = Math.sqrt(square);
      norms[k] = step === 1 ? norm : DECAY * norms[k] + (1 - DECAY) * norm;
    }
    const anchor = norms.find((norm) => norm > NO_NORM);
    return squares.map((_, k) =>
      anchor === undefined || norms[k] <= NO_NORM ? 1 : ranks[k] * (anchor / norms[k]),
    );
  }
}
