/**
 * The law behind embedding collapse, in its smallest setting: three fields, a factorization machine, labels without any
 * signal. Only the first field's table is trained; how many values the third field has decides how many directions the
 * first keeps.
 *
 *     logit = ⟨e₁, e₂⟩ + ⟨e₁, e₃⟩ + ⟨e₂, e₃⟩,   all tables N(0, 1),   full-batch gradient descent on E₁, rate 1
 *
 * All pairs of 100 first and 100 second values, the third drawn uniformly. Guo et al., ICML 2024, arXiv:2310.04400;
 * card figures after 5000 steps with width 10: abundance near 5.9 with 3 values, near 7.4 with 100.
 */
import { CounterRandom, sigmoid } from "../core/index.ts";
import { informationAbundance, singularValues } from "../numerics/index.ts";

const values = 100;
export const dim = 10;

export interface LawOptions {
  readonly thirdValues: number;
  readonly steps: number;
  readonly seed: number;
}

/** Information abundance of the first field's table at the end. */
export function abundanceAfterTraining({ thirdValues, steps, seed }: LawOptions): number {
  const draw = (name: string, rows: number): Float64Array => {
    const random = new CounterRandom(seed, "collapse law", name);
    return Float64Array.from({ length: rows * dim }, (_, i) => random.normal(i));
  };
  const [first, second, third] = [draw("first", values), draw("second", values), draw("third", thirdValues)];
  const random = new CounterRandom(seed, "collapse law", "rows");
  const rows = values * values;
  const partner = new Int32Array(rows);
  const label = new Uint8Array(rows);
  // What meets e₁ in a row, e₂ + e₃, and the part of the logit that stays.
  const met = new Float64Array(rows * dim);
  const rest = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    partner[row] = random.integer(2 * row, thirdValues);
    label[row] = random.integer(2 * row + 1, 2);
    for (let k = 0; k < dim; k++) {
      const b = second[(row % values) * dim + k];
      const c = third[partner[row] * dim + k];
      met[row * dim + k] = b + c;
      rest[row] += b * c;
    }
  }
  const gradient = new Float64Array(values * dim);
  for (let step = 0; step < steps; step++) {
    gradient.fill(0);
    for (let row = 0; row < rows; row++) {
      const at = Math.floor(row / values) * dim;
      let logit = rest[row];
      for (let k = 0; k < dim; k++) logit += first[at + k] * met[row * dim + k];
      const error = sigmoid(logit) - label[row];
      for (let k = 0; k < dim; k++) gradient[at + k] += error * met[row * dim + k];
    }
    for (let i = 0; i < first.length; i++) first[i] -= gradient[i] / rows;
  }
  return informationAbundance(singularValues({ data: first, rows: values, columns: dim })) ?? 1;
}
