/**
 * How strongly a loss teaches: the mean of |∂L/∂z| over the positives and over the negatives of a batch,
 * averaged over the batches of an epoch. Under cross entropy alone that of the negatives goes with the positive
 * rate; a ranking loss keeps it up. Lin et al., KDD 2024, arXiv:2403.14144, section 4.
 */
import { grad } from "../autodiff/index.ts";
import { abs, cast, div, greater, maximum, mul, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Means over the batches that had rows of the class; null where none had. Plain JSON. */
export interface LogitGradients {
  readonly positives: number | null;
  readonly negatives: number | null;
}

const classes = ["positives", "negatives"] as const;

/** Scalars of a training graph: `slope:<class>:<label>`, and `count:<class>:<label>` rows. */
export function logitGradientOutputs(
  loss: Tensor,
  logits: { readonly [label: string]: Tensor },
  labelOf: (name: string) => Tensor,
): { [output: string]: Tensor } {
  const outputs: { [output: string]: Tensor } = {};
  const names = Object.keys(logits);
  const gradients = grad(
    loss,
    names.map((name) => logits[name]),
  );
  for (const [k, name] of names.entries()) {
    const positives = cast(greater(labelOf(name), 0.5), "float32");
    for (const [part, mask] of Object.entries({ positives, negatives: sub(1, positives) })) {
      const count = sum(mask);
      outputs[`slope:${part}:${name}`] = div(sum(mul(abs(gradients[k]), mask)), maximum(count, 1));
      outputs[`count:${part}:${name}`] = count;
    }
  }
  return outputs;
}

export class LogitGradientMeter {
  /** Sum of means and number of batches, by label and class; kept in checkpoints. */
  readonly state: Float64Array;
  readonly #labels: readonly string[];

  constructor(labels: readonly string[]) {
    this.#labels = labels;
    this.state = new Float64Array(labels.length * 4);
  }

  /** @returns this batch's means, by label */
  observe(scalar: (output: string) => number): { readonly [label: string]: LogitGradients } {
    const now: { [label: string]: LogitGradients } = {};
    for (const [k, label] of this.#labels.entries()) {
      const found = classes.map((part, c) => {
        if (scalar(`count:${part}:${label}`) === 0) return null;
        const slope = scalar(`slope:${part}:${label}`);
        this.state[4 * k + 2 * c] += slope;
        this.state[4 * k + 2 * c + 1]++;
        return slope;
      });
      now[label] = { positives: found[0], negatives: found[1] };
    }
    return now;
  }

  /** Means since the last call. */
  record(): { readonly [label: string]: LogitGradients } {
    const mean = (at: number): number | null =>
      this.state[at + 1] === 0 ? null : this.state[at] / this.state[at + 1];
    const found = this.#labels.map((label, k) => [
      label,
      { positives: mean(4 * k), negatives: mean(4 * k + 2) },
    ]);
    this.state.fill(0);
    return Object.fromEntries(found);
  }
}
