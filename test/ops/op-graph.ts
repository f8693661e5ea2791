/**
 * One case as scalars to differentiate: `f = Σ w ⊙ y` over its float outputs with fixed random `w`, and
 * `s = Σ u ⊙ ∂f/∂x` with fixed random `u`, whose gradient is the second derivative of the op.
 */
import { grad } from "../../src/autodiff/index.ts";
import { CounterRandom } from "../../src/core/index.ts";
import type { HostTensor } from "../../src/engine/index.ts";
import { addAll, mul, sum } from "../../src/ops/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawInputs, type OpCase, outputsOf } from "./case.ts";

export interface OpGraph {
  /** The case's outputs. */
  readonly outputs: readonly Tensor[];
  /** Absent where no output is float. */
  readonly loss: Tensor | undefined;
  /** Float inputs. */
  readonly floats: readonly Tensor[];
  /** Values of inputs and of the fixed weights. */
  readonly values: Map<Tensor, HostTensor>;
}

export async function opGraph(opCase: OpCase, name: string, batch: number): Promise<OpGraph> {
  const { leaves, values } = drawInputs(opCase, name, batch);
  const outputs = outputsOf(opCase, leaves);
  const floats = leaves.filter(({ dtype }) => dtype === "float32");
  const weighted = outputs.filter(({ dtype }) => dtype === "float32");
  if (weighted.length === 0) return { outputs, loss: undefined, floats, values };
  const named = Object.fromEntries(weighted.map((y, k) => [`y${k}`, y]));
  const results = await runGraph(judge, named, values);
  const terms = weighted.map((y, k) => sum(mul(y, fixed(values, `w${k}`, y.shape, results[`y${k}`].dims))));
  return { outputs, loss: addAll(terms), floats, values };
}

/** `Σ u ⊙ g` over the gradients of the loss; `values` learns the `u`. */
export function directionalGradient(
  loss: Tensor,
  floats: readonly Tensor[],
  values: Map<Tensor, HostTensor>,
): Tensor {
  const gradients = grad(loss, floats);
  return addAll(
    gradients.map((g, k) => {
      const { dims } = values.get(floats[k]) as HostTensor;
      return sum(mul(g, fixed(values, `u${k}`, floats[k].shape, dims)));
    }),
  );
}

/** A leaf of fixed normal numbers. */
function fixed(
  values: Map<Tensor, HostTensor>,
  name: string,
  shape: Tensor["shape"],
  dims: readonly number[],
): Tensor {
  const leaf = input(name, shape);
  const random = new CounterRandom(2, name);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: count }, (_, i) => random.normal(i));
  values.set(leaf, { dtype: "float32", dims, data });
  return leaf;
}
