/** Our layers against PyTorch's: outputs in both modes, gradients, running moments. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import {
  type ActivationName,
  BatchNorm,
  BilinearFusion,
  CrossNetwork,
  Dice,
  LayerNorm,
  Linear,
  MLP,
  PReLU,
  TargetAttention,
} from "../../src/layers/index.ts";
import { type Module, Trace, withTrace } from "../../src/module/index.ts";
import { mul, sum } from "../../src/ops/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { expectNear, hostArray, type NamedArray, type NamedArrays } from "../models/named-arrays.ts";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly parameters: NamedArrays;
    readonly inputs: readonly NamedArray[];
    readonly mask?: NamedArray;
    readonly evaluation: NamedArray;
    readonly training: NamedArray;
    readonly weights: NamedArray;
    readonly inputGradients: readonly NamedArray[];
    readonly gradients: NamedArrays;
    /** Running states after the pass in training. */
    readonly after: NamedArrays;
  }[];
}

interface Layer {
  readonly module: Module;
  readonly apply: (...inputs: Tensor[]) => Tensor;
}

const of = <M extends Module & { forward(...inputs: Tensor[]): Tensor }>(module: M): Layer => ({
  module,
  apply: (...inputs) => module.forward(...inputs),
});

const layers: { readonly [name: string]: () => Layer } = {
  linear: () => of(new Linear(4, 3)),
  "linear over three axes": () => of(new Linear(4, 3)),
  "linear without bias": () => of(new Linear(4, 3, { bias: false })),
  "batch norm": () => of(new BatchNorm(3)),
  "batch norm without affine": () => of(new BatchNorm(3, { affine: false, epsilon: 1e-3, momentum: 0.3 })),
  "layer norm": () => of(new LayerNorm(4)),
  "layer norm over three axes": () => of(new LayerNorm(4, { epsilon: 1e-2 })),
  dice: () => of(new Dice(3)),
  prelu: () => of(new PReLU()),
  ...Object.fromEntries(
    (["relu", "sigmoid", "tanh", "gelu", "silu", "prelu", "dice"] as ActivationName[]).map((activation) => [
      `mlp ${activation}`,
      () => of(new MLP(4, [5, 3], { activation, output: 2 })),
    ]),
  ),
  "mlp batch norm": () => of(new MLP(4, [5, 3], { batchNorm: true })),
  "cross network": () => of(new CrossNetwork(4, { depth: 3 })),
  "target attention": () => of(new TargetAttention(3, { hidden: [4] })),
  "target attention softmax": () => of(new TargetAttention(3, { hidden: [4], softmax: true })),
  "target attention relu": () => of(new TargetAttention(3, { hidden: [4, 3], activation: "relu" })),
  "bilinear fusion": () => of(new BilinearFusion(4, 6, { heads: 2 })),
  "bilinear fusion one head": () => of(new BilinearFusion(3, 2, { heads: 1 })),
};

const golden: Golden = JSON.parse(readFileSync(new URL("layers.json", import.meta.url), "utf8"));

/** Float64 with float32 constants in the graph, against float64 written with nine digits; float32. */
const tolerances = { reference: 1e-7, native: 1e-5 } as const;

test("every fixture has its layer and every layer its fixture", () => {
  expect(Object.keys(layers)).toEqual(golden.cases.map(({ name }) => name));
});

describe.each(["reference", "native"] as const)("%s engine", (engineName) => {
  test.each(golden.cases)("$name", async (expected) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const tolerance = tolerances[engineName];
    const { module, apply } = layers[expected.name]();
    const leaves = new Map<string, Tensor>([...module.namedParameters(), ...module.namedStates()]);
    expect([...leaves.keys()].sort()).toEqual(Object.keys(expected.parameters).sort());
    const values = new Map([...leaves].map(([path, leaf]) => [leaf, hostArray(expected.parameters[path])]));
    const feed = ({ shape, data }: NamedArray, name: string): Tensor => {
      const leaf = input(name, ["batch", ...shape.slice(1)]);
      values.set(leaf, hostArray({ shape, data }));
      return leaf;
    };
    const inputs = expected.inputs.map((array, k) => feed(array, `x${k}`));
    const mask = expected.mask === undefined ? [] : [feed(expected.mask, "mask")];

    const evaluation = apply(...inputs, ...mask);
    const trace = new Trace({ training: true });
    const training = withTrace(trace, () => apply(...inputs, ...mask));
    const parameters = module.namedParameters();
    const loss = sum(mul(training, feed(expected.weights, "weights")));
    const gradients = grad(loss, [...inputs, ...parameters.values()]);
    const outputs: { [name: string]: Tensor } = { evaluation, training };
    for (const [k, gradient] of gradients.entries()) outputs[`gradient${k}`] = gradient;
    for (const [path, state] of module.namedStates()) outputs[path] = trace.stateUpdates.get(state) as Tensor;
    const results = await runGraph(engine, outputs, values);

    const near = (name: string, { shape, data }: NamedArray, what: string): void => {
      expect(results[name].dims, what).toEqual(shape);
      expectNear(results[name].data as Float32Array, data, tolerance, what);
    };
    near("evaluation", expected.evaluation, "output in evaluation");
    near("training", expected.training, "output in training");
    for (const [k, array] of expected.inputGradients.entries())
      near(`gradient${k}`, array, `gradient of input ${k}`);
    for (const [k, path] of [...parameters.keys()].entries())
      near(`gradient${inputs.length + k}`, expected.gradients[path], `gradient of ${path}`);
    for (const [path, array] of Object.entries(expected.after)) near(path, array, `${path} afterwards`);
  });
});
