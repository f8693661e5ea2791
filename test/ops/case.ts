/** What the table of op cases is made of: inputs drawn from a seed, and a function that applies the op. */
import { CounterRandom } from "../../src/core/index.ts";
import { type HostTensor, hostTensor } from "../../src/onnx/index.ts";
import { type DType, type Shape, input, type Tensor } from "../../src/tensor/index.ts";

export interface CaseInput {
  readonly dtype: DType;
  /** The dimension `batch` may have any size. */
  readonly shape: Shape;
  values(count: number, random: CounterRandom): number[];
}

export interface OpCase {
  /** What is special about it; unique among the cases of one op. */
  readonly about: string;
  readonly inputs: readonly CaseInput[];
  build(...inputs: Tensor[]): Tensor | readonly Tensor[];
  /** Positions of float inputs that no gradient may reach. @default none */
  readonly blocked?: readonly number[];
  /** Batch sizes to run at where the shapes have a `batch`. @default 0, 1, 3, 7 */
  readonly batches?: readonly number[];
}

export type OpCases = readonly [OpCase, ...OpCase[]];

const drawn =
  (dtype: DType, draw: (random: CounterRandom, i: number) => number) =>
  (shape: Shape): CaseInput => ({
    dtype,
    shape,
    values: (count, random) => Array.from({ length: count }, (_, i) => draw(random, i)),
  });

/** Floats in [low, high). */
export const uniform = (shape: Shape, low = -1.5, high = 1.5): CaseInput =>
  drawn("float32", (random, i) => low + (high - low) * random.uniform(i))(shape);

/** Floats of both signs, at least 0.1 away from 0, where many functions have a kink. */
export const awayFromZero = drawn("float32", (random, i) => {
  const u = 2 * random.uniform(i) - 1;
  return u + Math.sign(u) * 0.1;
});

/** Floats any two of which are at least 0.1 apart, in random order. */
export const apart = (shape: Shape, offset = 0): CaseInput => ({
  dtype: "float32",
  shape,
  values: (count, random) =>
    Array.from(random.permutation(count), (rank) => 0.1 * (rank - Math.floor(count / 2)) + offset),
});

/** Whole numbers in 0 … bound-1. */
export const below = (shape: Shape, bound: number, dtype: DType = "int32"): CaseInput =>
  drawn(dtype, (random, i) => random.integer(i, bound))(shape);

export const booleans = drawn("bool", (random, i) => random.integer(i, 2));

/** All 32 bits. */
export const words = drawn("uint32", (random, i) => random.uint32(i));

/** The numbers given, in order. */
export const exactly = (shape: Shape, numbers: readonly number[], dtype: DType = "float32"): CaseInput => ({
  dtype,
  shape,
  values: () => [...numbers],
});

/** Symbols and numbers of a case's inputs for one batch size. */
export function drawInputs(
  opCase: OpCase,
  name: string,
  batch: number,
): { leaves: Tensor[]; values: Map<Tensor, HostTensor> } {
  const leaves = opCase.inputs.map(({ dtype, shape }, k) => input(`x${k}`, shape, dtype));
  const values = new Map<Tensor, HostTensor>();
  for (const [k, leaf] of leaves.entries()) {
    const dims = leaf.shape.map((dim) => (typeof dim === "number" ? dim : batch));
    const count = dims.reduce((product, dim) => product * dim, 1);
    const numbers = opCase.inputs[k].values(count, new CounterRandom(1, name, opCase.about, k));
    values.set(leaf, hostTensor(leaf.dtype, dims, numbers));
  }
  return { leaves, values };
}

/** Every output of a case. */
export function outputsOf(opCase: OpCase, leaves: readonly Tensor[]): readonly Tensor[] {
  const built = opCase.build(...leaves);
  return Array.isArray(built) ? built : [built as Tensor];
}
