/** Every op's vjp, and the vjp of its vjp, against central differences, in float64 by the reference engine. */
import { describe, expect, test } from "vitest";
import { reaches } from "../../src/autodiff/index.ts";
import { addAll, mul, sum } from "../../src/ops/index.ts";
import { sameShape, type Tensor } from "../../src/tensor/index.ts";
import { expectGradient } from "../graph/gradient.ts";
import { drawInputs, type OpCase, outputsOf } from "./case.ts";
import { cases } from "./cases.ts";
import { directionalGradient, opGraph } from "./op-graph.ts";

const all = Object.entries(cases).flatMap(([name, of]) =>
  of.map((opCase) => [name, opCase.about, opCase] as const),
);
const differentiable = all.filter(([, , opCase]) =>
  floatsOf(opCase).some((k) => !opCase.blocked?.includes(k)),
);

/** Positions of float inputs, where the output is float too. */
function floatsOf(opCase: OpCase): number[] {
  const { leaves } = drawInputs(opCase, "", 3);
  if (outputsOf(opCase, leaves).every(({ dtype }) => dtype !== "float32")) return [];
  return leaves.flatMap(({ dtype }, k) => (dtype === "float32" ? [k] : []));
}

/** A stopped gradient is not the derivative, on purpose. */
function free(opCase: OpCase, floats: readonly Tensor[]): Tensor[] {
  const positions = floatsOf(opCase);
  return floats.filter((_, k) => !opCase.blocked?.includes(positions[k]));
}

describe("gradient equals central differences", () => {
  test.each(differentiable)("%s: %s", async (name, _, opCase) => {
    const { loss, floats, values } = await opGraph(opCase, name, 3);
    await expectGradient({ loss: loss!, values, wrt: free(opCase, floats) });
  });
});

describe("gradient where inputs have a second use", () => {
  test.each(differentiable)("%s: %s", async (name, _, opCase) => {
    const { loss, floats, values } = await opGraph(opCase, name, 2);
    const elsewhere = addAll(floats.map((x) => sum(mul(x, mul(x, x)))));
    await expectGradient({ loss: mul(loss!, elsewhere), values, wrt: free(opCase, floats) });
  });
});

describe("gradient where two inputs are one tensor", () => {
  const tied = differentiable.filter(([, , { inputs }]) => firstPair(inputs) !== undefined);

  test.each(tied)("%s: %s", async (name, _, opCase) => {
    const [first, second] = firstPair(opCase.inputs)!;
    const joined: OpCase = {
      ...opCase,
      build: (...x) => opCase.build(...x.map((input, k) => (k === second ? x[first] : input))),
    };
    const { loss, floats, values } = await opGraph(joined, name, 3);
    await expectGradient({ loss: loss!, values, wrt: free(opCase, floats) });
  });

  function firstPair(inputs: OpCase["inputs"]): readonly [number, number] | undefined {
    for (let i = 0; i < inputs.length; i++) {
      for (let j = i + 1; j < inputs.length; j++) {
        const [a, b] = [inputs[i], inputs[j]];
        if (a.dtype === "float32" && b.dtype === "float32" && sameShape(a.shape, b.shape)) return [i, j];
      }
    }
    return undefined;
  }
});

describe("second derivative equals central differences of the gradient", () => {
  test.each(differentiable)("%s: %s", async (name, _, opCase) => {
    const { loss, floats, values } = await opGraph(opCase, name, 3);
    const slope = directionalGradient(loss!, floats, values);
    await expectGradient({ loss: slope, values, wrt: free(opCase, floats) });
  });
});

test.each(all)("%s: %s: gradients reach exactly the inputs they should", (_, __, opCase) => {
  const { leaves } = drawInputs(opCase, "", 3);
  const outputs = outputsOf(opCase, leaves);
  const reached = leaves.map((leaf) => outputs.some((y) => y.dtype === "float32" && reaches(y, leaf)));
  const expected = leaves.map((_, k) => floatsOf(opCase).includes(k) && !opCase.blocked?.includes(k));
  expect(reached).toEqual(expected);
});
