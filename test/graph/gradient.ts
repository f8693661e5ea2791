/**
 * Gradients against central differences in float64: for each leaf one random direction `d`,
 *
 *     Σ g·d  =  (f(x + h d) - f(x - h d)) / 2h
 *
 * With h = 1e-5 the difference is exact to about h² (curvature) and 1e-16/h (rounding), both 1e-10; the
 * tolerance leaves room for constants, which graphs hold in float32 (6e-8).
 */
import { expect } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { CounterRandom } from "../../src/core/index.ts";
import type { HostTensor } from "../../src/engine/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { judge, type LeafValues, loadGraph } from "./run.ts";

const step = 1e-5;
const tolerance = 1e-6;

export interface GradientCheck {
  /** A scalar. */
  readonly loss: Tensor;
  /** Every leaf's value. */
  readonly values: LeafValues;
  /** The float leaves to check. */
  readonly wrt: readonly Tensor[];
}

/** Asserts that `grad` of the loss is its derivative at `values`. */
export async function expectGradient({ loss, values, wrt }: GradientCheck): Promise<void> {
  const gradients = grad(loss, wrt);
  const outputs = Object.fromEntries(gradients.map((gradient, k) => [`gradient${k}`, gradient]));
  const graph = await loadGraph(judge, { loss, ...outputs }, values.keys());
  const at = async (moved: LeafValues): Promise<number> => (await graph.run(moved)).loss.data[0] as number;
  const analytic = await graph.run(values);
  for (const [k, leaf] of wrt.entries()) {
    const x = values.get(leaf) as HostTensor;
    const random = new CounterRandom(k, "direction");
    const direction = Float64Array.from({ length: x.data.length }, (_, i) => random.normal(i));
    const moved = (h: number): LeafValues =>
      new Map(values).set(leaf, {
        dtype: "float64",
        dims: x.dims,
        data: Float64Array.from(x.data as Float32Array, (value, i) => value + h * direction[i]),
      });
    const numeric = ((await at(moved(step))) - (await at(moved(-step)))) / (2 * step);
    const gradient = analytic[`gradient${k}`];
    expect(gradient.dims, `shape of the gradient of leaf ${k}`).toEqual(x.dims);
    const along = (gradient.data as Float64Array).reduce((sum, g, i) => sum + g * direction[i], 0);
    const error = Math.abs(along - numeric) / Math.max(1, Math.abs(numeric));
    expect(error, `leaf ${k}: gradient ${along}, central difference ${numeric}`).toBeLessThan(tolerance);
  }
  await graph.release();
}
