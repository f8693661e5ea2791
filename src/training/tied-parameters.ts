/**
 * Parameters that are one: the first of a group takes the sum of the group's gradients and moves, the others
 * are copies of it. That is the gradient of the function in which one parameter stands at all their places,
 * so a group of equal heads, each on its own rows, learns exactly as one head on all rows.
 */
import type { ModelWeights } from "./model-weights.ts";

export class TiedParameters {
  readonly #weights: ModelWeights;
  /** Positions among the parameters, the leader first. */
  readonly #groups: readonly (readonly number[])[];

  constructor(weights: ModelWeights, groups: readonly (readonly string[])[]) {
    this.#weights = weights;
    const paths = [...weights.parameters.keys()];
    this.#groups = groups.map((group) => group.map((path) => paths.indexOf(path)));
    for (const [, ...followers] of this.#groups)
      for (const follower of followers) weights.dense.setTrainable(follower, false);
  }

  /** Adds the group's gradients up in the leader's, in order, for each task; the others' are zero then. */
  fold(): void {
    const { dense } = this.#weights;
    for (const [leader, ...followers] of this.#groups) {
      for (let task = 0; task < dense.tasks; task++) {
        const sum = dense.gradient(leader, task);
        for (const follower of followers) {
          const gradient = dense.gradient(follower, task);
          for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
          gradient.fill(0);
        }
      }
    }
  }

  /** Copies each leader's values. */
  copy(): void {
    const { dense } = this.#weights;
    for (const [leader, ...followers] of this.#groups)
      for (const follower of followers) dense.parameter(follower).set(dense.parameter(leader));
  }
}
