import { describe, expect, test } from "vitest";
import { expectGradient } from "../../test/graph/gradient.ts";
import { judge, runGraph } from "../../test/graph/run.ts";
import { ShapeError } from "../core/index.ts";
import { hostTensor } from "../onnx/index.ts";
import {
  add,
  cast,
  exp,
  matmul,
  mul,
  square,
  stopGradient,
  sum,
  topKIndices,
  where,
  zeros,
} from "../ops/index.ts";
import { constant, defineOp, apply, input, type Tensor } from "../tensor/index.ts";
import { grad, reaches, topological } from "./index.ts";

const x = input("x", [2]);
const values = new Map([[x, hostTensor("float32", [2], [0.5, -1.5])]]);

async function numbers(tensor: Tensor): Promise<number[]> {
  const { y } = await runGraph(judge, { y: tensor }, values);
  return Array.from(y.data as Float64Array);
}

describe("grad", () => {
  test("adds up what comes back along every path", async () => {
    const y = mul(x, x);
    const [g] = grad(sum(add(mul(y, x), y)), [x]); // x³ + x²
    expect(await numbers(g)).toEqual([3 * 0.25 + 1, 3 * 2.25 - 3]);
  });

  test("can be taken again and again", async () => {
    let derivative: Tensor = sum(mul(square(x), square(x))); // x⁴
    for (let order = 1; order <= 4; order++) [derivative] = grad(sum(derivative), [x]);
    expect(await numbers(derivative)).toEqual([24, 24]);
    const [fifth] = grad(sum(derivative), [x]);
    expect(await numbers(fifth)).toEqual([0, 0]);
  });

  test("takes what it is asked about as leaves", async () => {
    const y = mul(x, 3);
    const [toY, toX] = grad(sum(square(y)), [y, x]);
    expect(await numbers(toY)).toEqual([3, -9]);
    // y is held fixed, so x moves nothing.
    expect(await numbers(toX)).toEqual([0, 0]);
  });

  test("of a tensor with respect to itself is the seed", () => {
    const loss = sum(x);
    expect(grad(loss, [loss])[0].shape).toEqual([]);
    const seed = input("seed", [2]);
    expect(grad(x, [x], { seed })[0]).toBe(seed);
  });

  test("starts from a seed where the output is no scalar", async () => {
    const [g] = grad(square(x), [x], { seed: constant([10, 1]) });
    expect(await numbers(g)).toEqual([10, -3]);
  });

  test("gives zeros where nothing flows", async () => {
    const other = input("other", ["batch", 3]);
    const [g] = grad(sum(x), [other]);
    expect(g.shape).toEqual(["batch", 3]);
  });

  test("Hessian-vector products of a matrix function", async () => {
    const a = input("a", [3, 3]);
    const v = input("v", [3, 3]);
    const loss = sum(exp(matmul(a, matmul(a, a))));
    const slope = sum(mul(grad(loss, [a])[0], v));
    const at = new Map([
      [a, hostTensor("float32", [3, 3], [0.1, -0.4, 0.3, 0.2, 0.5, -0.1, 0.3, 0.2, -0.6])],
      [v, hostTensor("float32", [3, 3], [1, 0, -1, 0.5, 2, 0, -1, 0.25, 1])],
    ]);
    await expectGradient({ loss: slope, values: at, wrt: [a] });
  });

  test("refuses outputs that are no scalars, and seeds of another shape", () => {
    expect(() => grad(x, [x])).toThrow(ShapeError);
    expect(() => grad(x, [x])).toThrow(
      "grad: the output must be a scalar, or a seed be given; output is [2]",
    );
    expect(() => grad(x, [x], { seed: constant(1) })).toThrow(
      "grad: the seed must be shaped like the output; seed is [], output is [2]",
    );
  });

  test("names the op that has no derivative", () => {
    const opaque = defineOp<readonly [Tensor]>({
      name: "opaque",
      infer: ([tensor]) => tensor,
      lower: (onnx, [name]) => onnx.node("Identity", [name]),
    });
    const y = apply(opaque, [x]);
    expect(() => grad(sum(y), [x])).toThrow('grad: op "opaque" has no derivative');
    // What does not lie between is never asked.
    expect(grad(sum(add(y, x)), [y])).toHaveLength(1);
  });
});

describe("reaches", () => {
  test("stop-gradient blocks", () => {
    expect(reaches(sum(x), x)).toBe(true);
    expect(reaches(sum(stopGradient(x)), x)).toBe(false);
    expect(reaches(sum(mul(stopGradient(x), x)), x)).toBe(true);
  });

  test("integers, comparisons and positions block", () => {
    expect(reaches(sum(cast(cast(x, "int32"), "float32")), x)).toBe(false);
    expect(reaches(sum(cast(topKIndices(x, 1), "float32")), x)).toBe(false);
    expect(reaches(sum(zeros(x)), x)).toBe(false);
    const flag = input("flag", [2], "bool");
    expect(reaches(sum(where(flag, x, 0)), flag)).toBe(false);
  });

  test("a tensor outside the graph is not reached", () => {
    expect(reaches(sum(x), input("elsewhere", [2]))).toBe(false);
  });
});

test("topological order puts inputs before users, each once", () => {
  const y = mul(x, x);
  const z = add(y, x);
  expect(topological(z, y)).toEqual([x, y, z]);
  // A chain far deeper than the call stack.
  let deep: Tensor = x;
  for (let i = 0; i < 20_000; i++) deep = add(deep, x);
  expect(topological(deep)).toHaveLength(20_001);
});
