/**
 * Adam on a handful of numbers that stand beside the model (log-variances, loss factors), in float64.
 * All state lies in one array that goes into checkpoints: `[m…, v…, steps]`.
 */
export interface ScalarAdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Length of the state of `count` numbers. */
export const scalarAdamState = (count: number): number => 2 * count + 1;

/** Moves `values` in place against `gradients`, as torch.optim.Adam does. */
export function scalarAdamStep(
  values: Float64Array,
  gradients: readonly number[],
  state: Float64Array,
  learningRate: number,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: ScalarAdamOptions = {},
): void {
  const count = values.length;
  state[2 * count] += 1;
  const step = state[2 * count];
  for (const [k, g] of gradients.entries()) {
    state[k] = beta1 * state[k] + (1 - beta1) * g;
    state[count + k] = beta2 * state[count + k] + (1 - beta2) * g * g;
    const first = state[k] / (1 - beta1 ** step);
    const second = state[count + k] / (1 - beta2 ** step);
    values[k] -= (learningRate * first) / (Math.sqrt(second) + epsilon);
  }
}
