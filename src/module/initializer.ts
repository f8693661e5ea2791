/**
 * Initial values of parameters: functions of (seed, path) alone, so that a model starts from the same
 * numbers wherever and in whatever order it is built.
 */
import { CounterRandom } from "../core/index.ts";

/** Fills a row-major array of the given shape. */
export type Initializer = (values: Float32Array, shape: readonly number[], random: CounterRandom) => void;

export const zerosInit: Initializer = (values) => {
  values.fill(0);
};

export function constantInit(value: number): Initializer {
  return (values) => {
    values.fill(value);
  };
}

/** Independent N(0, std²). */
export function normalInit(std: number): Initializer {
  return (values, _, random) => {
    for (let i = 0; i < values.length; i++) values[i] = std * random.normal(i);
  };
}

/** Independent U(-bound, bound). */
export function uniformInit(bound: number): Initializer {
  return (values, _, random) => {
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform(i) - 1);
  };
}

/** Fan-in and fan-out of a weight `[in, out]`; leading axes count as independent matrices. */
function fans(shape: readonly number[]): [number, number] {
  return [shape[shape.length - 2] ?? 1, shape[shape.length - 1]];
}

/** Glorot and Bengio (AISTATS 2010): N(0, 2 / (fan_in + fan_out)). */
export const xavierNormal: Initializer = (values, shape, random) => {
  const [fanIn, fanOut] = fans(shape);
  normalInit(Math.sqrt(2 / (fanIn + fanOut)))(values, shape, random);
};

/** Glorot and Bengio (AISTATS 2010): U(±√(6 / (fan_in + fan_out))). */
export const xavierUniform: Initializer = (values, shape, random) => {
  const [fanIn, fanOut] = fans(shape);
  uniformInit(Math.sqrt(6 / (fanIn + fanOut)))(values, shape, random);
};

/** The initial values of whatever stands at `path` in the model. */
export function initialValues(
  init: Initializer,
  shape: readonly number[],
  seed: number,
  path: string,
): Float32Array {
  const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  init(values, shape, new CounterRandom(seed, "initial", path));
  return values;
}
