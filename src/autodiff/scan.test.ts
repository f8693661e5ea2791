import { describe, expect, test } from "vitest";
import { expectGradient } from "../../test/graph/gradient.ts";
import { judge, runGraph } from "../../test/graph/run.ts";
import { CounterRandom, ShapeError } from "../core/index.ts";
import { countFlops } from "../compile/index.ts";
import { createEngine, type HostTensor } from "../engine/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { add, matmul, mul, sigmoid, slice, squeeze, stack, sub, sum, tanh } from "../ops/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { grad, scan, type ScanStep } from "./index.ts";

const drawn = (name: string, dims: readonly number[]): HostTensor => {
  const random = new CounterRandom(7, name);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return hostTensor(
    "float32",
    dims,
    Float32Array.from({ length: count }, (_, i) => random.normal(i)),
  );
};

const x = input("x", [4, "batch", 2]);
const gate = input("gate", [4, "batch", 1]);
const initial = input("initial", ["batch", 2]);
const weight = input("weight", [2, 2]);
const values = new Map<Tensor, HostTensor>([
  [x, drawn("x", [4, 3, 2])],
  [gate, drawn("gate", [4, 3, 1])],
  [initial, drawn("initial", [3, 2])],
  [weight, drawn("weight", [2, 2])],
]);
const leaves = [...values.keys()];

const bounded = tanh(weight);
/** `h + σ(gate) (tanh(x + h tanh(W) tanh(W)) - h)`; one `tanh(W)` is made outside, one in every step. */
const step: ScanStep = (h, [xt, share]) =>
  add(h, mul(sigmoid(share), sub(tanh(add(xt, matmul(matmul(h, bounded), tanh(weight)))), h)));

const entries = (tensor: Tensor): Tensor[] =>
  Array.from({ length: 4 }, (_, t) => squeeze(slice(tensor, { axis: 0, start: t, end: t + 1 }), 0));

function unrolled(reverse: boolean): Tensor {
  const steps = entries(x).map((xt, t) => [xt, entries(gate)[t]]);
  const states: Tensor[] = [];
  let h = initial;
  for (const now of reverse ? steps.reverse() : steps) {
    h = step(h, now);
    states.push(h);
  }
  return stack(reverse ? states.reverse() : states);
}

describe.each([false, true])("reverse: %s", (reverse) => {
  const scanned = scan(step, { initial, inputs: [x, gate], reverse });

  test.each(["reference", "native", "wasm"] as const)("is the written-out recurrence: %s", async (name) => {
    const loss = (y: Tensor): Tensor => sum(mul(y, y));
    const outputsOf = (prefix: string, y: Tensor): { [name: string]: Tensor } => {
      const first = grad(loss(y), leaves);
      const second = grad(
        first.map(loss).reduce((total, part) => add(total, part)),
        leaves,
      );
      const all = [y, ...first, ...second];
      return Object.fromEntries(all.map((tensor, k) => [`${prefix}${k}`, tensor]));
    };
    const outputs = { ...outputsOf("a", scanned), ...outputsOf("b", unrolled(reverse)) };
    const results = await runGraph(name === "reference" ? judge : await createEngine(name), outputs, values);
    for (let k = 0; `a${k}` in results; k++) {
      const [a, b] = [results[`a${k}`], results[`b${k}`]];
      expect(a.dims).toEqual(b.dims);
      const scale = Math.max(...Array.from(b.data as Float32Array, Math.abs));
      for (let i = 0; i < a.data.length; i++) {
        const far = Math.abs(Number(a.data[i]) - Number(b.data[i]));
        expect(far, `${k}[${i}]`).toBeLessThan(scale * (name === "reference" ? 1e-12 : 1e-5));
      }
    }
  });

  test("gradients are those of central differences", async () => {
    const w = input("w", [4, "batch", 2]);
    const all = new Map(values).set(w, drawn("w", [4, 3, 2]));
    await expectGradient({ loss: sum(mul(scanned, w)), values: all, wrt: leaves });
  });
});

test("counts the arithmetic of every step", () => {
  const count = (y: Tensor): number | undefined => countFlops([y]).get("batch");
  expect(count(scan(step, { initial, inputs: [x, gate] }))).toBe(count(unrolled(false)));
});

test("one step, and a state that the step passes over", async () => {
  const one = scan((_, [xt]) => xt, { initial, inputs: [x] });
  const [gx, gi] = grad(sum(one), [x, initial]);
  const results = await runGraph(judge, { one, gx, gi }, values);
  expect(results.one.data).toEqual(Float64Array.from(values.get(x)?.data as Float32Array));
  expect(results.gx.data).toEqual(new Float64Array(24).fill(1));
  expect(results.gi.data).toEqual(new Float64Array(6));
});

test("shapes that do not fit are said", () => {
  expect(() => scan((h) => sum(h, { axis: 1 }), { initial, inputs: [x] })).toThrow(ShapeError);
  expect(() => scan((h) => h, { initial, inputs: [] })).toThrow("inputs must have one known length");
  expect(() => scan((h) => h, { initial, inputs: [x, input("y", [3, "batch", 1])] })).toThrow(ShapeError);
});
