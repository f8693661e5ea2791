/** Layers of sequence models against the same in PyTorch: outputs and gradients. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine, type HostTensor } from "../../src/engine/index.ts";
import {
  GRU,
  type GRUKind,
  HSTULayer,
  MultiHeadAttention,
  MultiHeadTargetAttention,
  PositionalEmbedding,
  RelativeBias,
  SetPooling,
  SimHash,
  TransformerBlock,
} from "../../src/layers/index.ts";
import type { Module } from "../../src/module/index.ts";
import { add, expandDims, mul, pad, sum } from "../../src/ops/index.ts";
import { constant, input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { expectNear, hostArray, type NamedArray, type NamedArrays } from "../models/named-arrays.ts";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly parameters: NamedArrays;
    /** Arguments that have a gradient, by name. */
    readonly inputs: NamedArrays;
    /** Arguments without one. */
    readonly given: NamedArrays;
    readonly output: NamedArray;
    readonly weights: NamedArray;
    readonly inputGradients: NamedArrays;
    readonly gradients: NamedArrays;
  }[];
}

interface Layer {
  readonly module: Module;
  readonly apply: (arguments_: { readonly [name: string]: Tensor }) => Tensor;
}

const attention = (...options: ConstructorParameters<typeof MultiHeadAttention>): Layer => {
  const module = new MultiHeadAttention(...options);
  return { module, apply: ({ x, queries = x, events, mask }) => module.forward(queries, events, mask) };
};
const states = (...options: ConstructorParameters<typeof GRU>): Layer => {
  const module = new GRU(...options);
  return { module, apply: ({ x, mask, scores }) => module.forward(x, { mask, scores }) };
};
const lastState = (...options: ConstructorParameters<typeof GRU>): Layer => {
  const module = new GRU(...options);
  return { module, apply: ({ x, mask, scores }) => module.last(x, { mask, scores }) };
};

const toCandidate = (
  k: number | undefined,
  ...options: ConstructorParameters<typeof MultiHeadTargetAttention>
) => {
  const module = new MultiHeadTargetAttention(...options);
  return {
    module,
    apply: ({ target, events, mask, values, bias }) =>
      module.forward(target, events, mask, { values, bias, k }),
  } satisfies Layer;
};
const pooling = (...options: ConstructorParameters<typeof SetPooling>): Layer => {
  const module = new SetPooling(...options);
  return { module, apply: ({ events, mask }) => module.forward(events, mask) };
};
const block = (...options: ConstructorParameters<typeof TransformerBlock>): Layer => {
  const module = new TransformerBlock(...options);
  return { module, apply: ({ x, mask }) => module.forward(x, mask) };
};
const hstu = (...options: ConstructorParameters<typeof HSTULayer>): Layer => {
  const module = new HSTULayer(...options);
  return { module, apply: ({ x, allowed, bias }) => module.forward(x, allowed, bias) };
};
/** Entries that mean nothing are left out. */
const relative = (times: boolean): Layer => {
  const module = new RelativeBias(5, { times });
  const lower = constant(
    Array.from({ length: 36 }, (_, i) => (i % 6 <= Math.floor(i / 6) ? 1 : 0)),
    {
      shape: [6, 6],
    },
  );
  return {
    module,
    apply: ({ mask, ages }) => {
      const all = add(pad(mask, { axis: 1, after: 1 }), constant([0, 0, 0, 0, 0, 1]));
      const meant = mul(mul(expandDims(all, 2), expandDims(all, 1)), lower);
      return mul(module.forward(mask, ages), meant);
    },
  };
};

const layers: { readonly [name: string]: () => Layer } = {
  "self-attention": () => attention(6, { heads: 2 }),
  "self-attention causal": () => attention(6, { heads: 3, causal: true }),
  "self-attention mask": () => attention(6, { heads: 2 }),
  "self-attention causal mask": () => attention(6, { heads: 2, causal: true }),
  "self-attention without bias": () => attention(6, { bias: false }),
  "attention to others": () => attention(6, { heads: 2, eventDim: 3, headDim: 2 }),
  gru: () => states(6, 3),
  "gru mask": () => states(6, 3),
  "gru last": () => lastState(6, 2),
  "target attention": () => toCandidate(undefined, 6, { width: 4 }),
  "target attention heads": () => toCandidate(undefined, 6, { width: 8, heads: 2 }),
  "target attention bias": () => toCandidate(undefined, 6, { width: 6, heads: 3 }),
  "target attention top 2": () => toCandidate(2, 6, { width: 8, heads: 2 }),
  "target attention top 9": () => toCandidate(9, 6, { width: 8, heads: 2 }),
  "target attention values": () => toCandidate(3, 6, { width: 8, heads: 2, eventDim: 3, valueDim: 5 }),
  "set pooling": () => pooling(6, { seeds: 2, heads: 2 }),
  "set pooling attention only": () => pooling(6, { seeds: 3, attentionOnly: true }),
  "transformer block": () => block(6, { heads: 2, hidden: 4 }),
  "transformer block causal": () => block(6, { causal: true }),
  "sim-hash distances": () => {
    const module = new SimHash(6, 16);
    return {
      module,
      apply: ({ target, events }) => mul(expandDims(module.distances(target, events), 2), events),
    };
  },
  "positional embedding": () => {
    const module = new PositionalEmbedding(5, 3);
    return { module, apply: ({ mask }) => module.forward(mask) };
  },
  "relative bias": () => relative(false),
  "relative bias times": () => relative(true),
  "hstu layer": () => hstu(6, { normalizer: 7 }),
  "hstu layer heads": () => hstu(6, { normalizer: 5, heads: 2, queryDim: 2, valueDim: 4 }),
  ...Object.fromEntries(
    (["AUGRU", "AGRU", "AIGRU"] as GRUKind[]).map((kind) => [
      kind.toLowerCase(),
      () => lastState(3, 4, { kind }),
    ]),
  ),
};

const golden: Golden = JSON.parse(readFileSync(new URL("sequence_layers.json", import.meta.url), "utf8"));

/** Float64 with float32 constants in the graph (1/√6), against float64 written with nine digits; float32. */
const tolerances = { reference: 5e-7, native: 1e-5 } as const;

test("every fixture has its layer and every layer its fixture", () => {
  expect(Object.keys(layers)).toEqual(golden.cases.map(({ name }) => name));
});

describe.each(["reference", "native"] as const)("%s engine", (engineName) => {
  test.each(golden.cases)("$name", async (expected) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const { module, apply } = layers[expected.name]();
    const parameters = module.namedParameters();
    expect([...parameters.keys()].sort()).toEqual(Object.keys(expected.parameters).sort());
    const values = new Map<Tensor, HostTensor>(
      [...parameters].map(([path, leaf]) => [leaf, hostArray(expected.parameters[path])]),
    );
    const feed = (name: string, { shape, data }: NamedArray): Tensor => {
      const leaf = input(name, ["batch", ...shape.slice(1)]);
      values.set(leaf, hostArray({ shape, data }));
      return leaf;
    };
    const feedAll = (arrays: NamedArrays) =>
      Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, feed(name, array)]));
    const inputs = feedAll(expected.inputs);
    const output = apply({ ...inputs, ...feedAll(expected.given) });
    const loss = sum(mul(output, feed("weights", expected.weights)));
    const gradients = grad(loss, [...Object.values(inputs), ...parameters.values()]);
    const outputs = {
      output,
      ...Object.fromEntries(gradients.map((gradient, k) => [`gradient${k}`, gradient])),
    };
    const results = await runGraph(engine, outputs, values);

    const near = (name: string, { shape, data }: NamedArray, what: string): void => {
      expect(results[name].dims, what).toEqual(shape);
      expectNear(results[name].data as Float32Array, data, tolerances[engineName], what);
    };
    near("output", expected.output, "output");
    const expectedGradients = { ...expected.inputGradients, ...expected.gradients };
    for (const [k, name] of [...Object.keys(inputs), ...parameters.keys()].entries())
      near(`gradient${k}`, expectedGradients[name], `gradient of ${name}`);
  });
});
