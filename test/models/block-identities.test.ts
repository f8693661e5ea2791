/** What the equations of attention, masks, gates and blocks say about simpler models, in float64. */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/core/index.ts";
import {
  BilinearInteraction,
  CrossNetwork,
  FactorizedBlock,
  FieldAttention,
  GatedCrossNetwork,
  innerProducts,
  LayerNorm,
  WukongLayer,
} from "../../src/layers/index.ts";
import {
  AutoInt,
  DCNv2,
  DLRM,
  EDCN,
  FiBiNET,
  FinalNet,
  FM,
  GDCN,
  MaskNet,
  WideDeep,
} from "../../src/models/index.ts";
import { type Module, Trace, withTrace } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { batchLayout, type FeatureMap } from "../../src/schema/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { SymbolicBatch } from "../../src/training/symbolic-batch.ts";
import { placeTables } from "../../src/training/table-placement.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyKind, withFeatures } from "./every-kind.ts";
import { exact, expectSame, filled, rows, sharedWith } from "./expect-same.ts";
import { logitsOf, randomArrays, zeroed } from "./forward.ts";
import { leafValues } from "./leaf-values.ts";
import { expectNear, hostArray, type NamedArray, type NamedArrays } from "./named-arrays.ts";

const small = { embeddingDim: 2 };
const deep = { ...small, hiddenUnits: [4] };
const { data: noise } = hostTensor("float32", [72], drawRows(everyKind, 15, 3).columns.image.slice(0, 72));
const permutation = [2, 0, 3, 1];

/** A layer's output on `[3, fields, dim]` numbers, in float64. */
async function outputOf(
  layer: Module & { forward(x: Tensor): Tensor },
  dims: readonly number[],
  data: ArrayLike<number>,
  given: { readonly [path: string]: (array: NamedArray) => NamedArray } = {},
): Promise<number[]> {
  const x = input("x", ["batch", ...dims.slice(1)]);
  const values = new Map([[x as Tensor, hostTensor("float32", dims, Array.from(data))]]);
  for (const [path, leaf] of layer.namedParameters()) {
    const random = weightsAt(path, leaf.shape);
    values.set(leaf, hostArray(given[path]?.(random) ?? random));
  }
  const { y } = await runGraph(judge, { y: layer.forward(x) }, values);
  return Array.from(y.data as Float64Array);
}

/** Weights that depend on the path alone, so that equal paths of different layers get equal weights. */
function weightsAt(path: string, shape: readonly number[]): NamedArray {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Array.from({ length: count }, (_, i) => Math.sin(path.length + 3 * i + 1) / 2) };
}

const zeros = (array: NamedArray): NamedArray => filled(array, 0);
const ones = (array: NamedArray): NamedArray => filled(array, 1);
const identity = ({ shape }: NamedArray): NamedArray => {
  const [height, width] = shape.slice(-2);
  const count = shape.reduce((product, size) => product * size, 1);
  const at = (i: number): number => (Math.floor(i / width) % height === i % width ? 1 : 0);
  return { shape, data: Array.from({ length: count }, (_, i) => at(i)) };
};
const scaled = (array: NamedArray, by: number): NamedArray => ({
  ...array,
  data: array.data.map((value) => by * value),
});

describe("pairs of fields", () => {
  test("inner products of permuted fields are the same products in another order", async () => {
    const x = input("x", ["batch", 4, 3]);
    const products = async (order: readonly number[]): Promise<number[][]> => {
      const data = Array.from({ length: 36 }, (_, i) => {
        const [b, f, d] = [Math.floor(i / 12), Math.floor(i / 3) % 4, i % 3];
        return noise[b * 12 + order[f] * 3 + d] as number;
      });
      const values = new Map([[x, hostTensor("float32", [3, 4, 3], data)]]);
      const { y } = await runGraph(judge, { y: innerProducts(x) }, values);
      return [0, 1, 2].map((b) => Array.from((y.data as Float64Array).slice(6 * b, 6 * b + 6)).sort());
    };
    expect(await products(permutation)).toEqual(await products([0, 1, 2, 3]));
  });

  test("bilinear products with one matrix everywhere are those with the matrix shared", async () => {
    const shared = weightsAt("weight", [3, 3]);
    const everywhere = ({ shape }: NamedArray): NamedArray => ({
      shape,
      data: Array.from({ length: shape[0] }, () => shared.data).flat(),
    });
    const make = (type: BilinearInteraction["type"]) => new BilinearInteraction(4, 3, { type });
    const all = await outputOf(make("field_all"), [3, 4, 3], noise.slice(0, 36) as Float32Array);
    for (const type of ["field_each", "field_interaction"] as const) {
      const given = { weight: everywhere };
      expectNear(
        await outputOf(make(type), [3, 4, 3], noise.slice(0, 36) as Float32Array, given),
        all,
        exact,
        type,
      );
    }
  });
});

describe("AutoInt", () => {
  const dims = [3, 4, 3];
  const x = Array.from(noise.slice(0, 36) as Float32Array);

  test("fields in another order are attended to in that order", async () => {
    const layer = new FieldAttention(3, { width: 4, heads: 2 });
    const turn = (values: readonly number[], dim: number): number[] =>
      values.map((_, i) => {
        const [b, f, d] = [Math.floor(i / (4 * dim)), Math.floor(i / dim) % 4, i % dim];
        return values[(b * 4 + permutation[f]) * dim + d];
      });
    expectNear(
      await outputOf(layer, dims, turn(x, 3)),
      turn(await outputOf(layer, dims, x), 4),
      exact,
      "turned",
    );
  });

  test("equal keys give every field the mean of the values", async () => {
    const layer = new FieldAttention(3, { width: 3, residual: false });
    const given = { "key.weight": zeros, "value.weight": identity };
    const means = x.map((_, i) => {
      const at = (f: number): number => x[Math.floor(i / 12) * 12 + f * 3 + (i % 3)];
      return Math.max(0, (at(0) + at(1) + at(2) + at(3)) / 4);
    });
    expectNear(await outputOf(layer, dims, x, given), means, exact, "means");
  });

  test("scaled scores are those of queries divided by the root of a head's width", async () => {
    const plain = new FieldAttention(3, { width: 8, heads: 2 });
    const scaling = new FieldAttention(3, { width: 8, heads: 2, scale: true });
    const given = { "query.weight": (array: NamedArray) => scaled(array, 0.5) };
    expectNear(await outputOf(scaling, dims, x), await outputOf(plain, dims, x, given), exact, "scaled");
  });

  test("heads that do not divide the width are refused", () => {
    expect(() => new AutoInt(everyKind, { attentionDim: 5, heads: 2 })).toThrow(ConfigError);
  });

  test("without its attention AutoInt+ is Wide & Deep", async () => {
    const autoInt = new AutoInt(everyKind, { ...deep, wide: true });
    const wideDeep = new WideDeep(everyKind, deep);
    const arrays = zeroed(randomArrays(autoInt), /^head\./);
    await expectSame([autoInt, arrays], [wideDeep, sharedWith(wideDeep, arrays)]);
  });
});

describe("DLRM", () => {
  const idsAlone = withFeatures(everyKind, ({ kind }) => kind !== "numeric");

  test("without numbers, its products added up are FM's pairs", async () => {
    const dlrm = new DLRM(idsAlone, { ...small, topHiddenUnits: [] });
    const fm = new FM(idsAlone, small);
    const own = randomArrays(dlrm);
    const arrays = {
      ...own,
      "top.head.weight": ones(own["top.head.weight"]),
      "top.head.bias": zeros(own["top.head.bias"]),
    };
    const fmArrays = { ...zeroed(randomArrays(fm), /^linear\./), ...embeddingOf(arrays) };
    await expectSame([dlrm, arrays], [fm, fmArrays], idsAlone);
  });

  test("numbers alone are one field, which has no pairs", async () => {
    const numbers = withFeatures(everyKind, ({ kind }) => kind === "numeric");
    expect(() => new DLRM(numbers, {})).toThrow(
      "DLRM's inner products need two fields; all numbers together are one",
    );
    const dlrm = new DLRM(numbers, { ...small, hiddenActivation: "tanh", interaction: "concat" });
    expect(new Set(await logitsOf(dlrm, numbers, randomArrays(dlrm), rows)).size).toBe(rows.size);
  });
});

describe("FiBiNET", () => {
  const fiBiNET = new FiBiNET(everyKind, {
    ...small,
    hiddenUnits: [],
    bilinearType: "field_all",
    excitationActivation: "sigmoid",
  });
  const fm = new FM(everyKind, small);
  const own = randomArrays(fiBiNET);
  const half = own["deep.head.weight"].shape[0] / 2;
  const weightedHead = (plain: number, weighed: number): NamedArrays => ({
    ...own,
    "plainPairs.weight": identity(own["plainPairs.weight"]),
    "weighedPairs.weight": identity(own["weighedPairs.weight"]),
    "weighing.excite.weight": zeros(own["weighing.excite.weight"]),
    "deep.head.weight": {
      shape: [2 * half, 1],
      data: Array.from({ length: 2 * half }, (_, i) => (i < half ? plain : weighed)),
    },
    "deep.head.bias": zeros(own["deep.head.bias"]),
  });

  test("plain products with W = 1, added up, are FM's", async () => {
    await expectSame([fiBiNET, weightedHead(1, 0)], [fm, sharedWith(fm, own)]);
  });

  test("weights of 1/2 for all fields quarter the products", async () => {
    await expectSame([fiBiNET, weightedHead(0, 4)], [fm, sharedWith(fm, own)]);
  });
});

describe("MaskNet", () => {
  test("masks of 1, nothing normalised: a deep network without biases", async () => {
    const maskNet = new MaskNet(everyKind, { ...deep, embeddingLayerNorm: false, blockLayerNorm: false });
    const wideDeep = new WideDeep(everyKind, deep);
    const own = zeroed(randomArrays(maskNet), /project\.weight/);
    const arrays: NamedArrays = { ...own, "blocks.0.project.bias": ones(own["blocks.0.project.bias"]) };
    const plain = {
      ...zeroed(sharedWith(wideDeep, arrays), /^linear\.|^deep\.layers\.0\.bias/),
      "deep.layers.0.weight": arrays["blocks.0.linear.weight"],
    };
    await expectSame([maskNet, arrays], [wideDeep, plain]);
  });

  test("two equal parallel blocks are one that counts twice", async () => {
    const options = { ...deep, arrangement: "parallel", parallelBlockDim: 3 } as const;
    const [two, one] = [2, 1].map((parallelBlocks) => new MaskNet(everyKind, { ...options, parallelBlocks }));
    const own = randomArrays(one);
    const first = own["deep.layers.0.weight"];
    const arrays = Object.fromEntries(
      Object.keys(randomArrays(two)).map((path) => [path, own[path.replace("blocks.1", "blocks.0")]]),
    );
    const both = { shape: [6, 4], data: [...first.data, ...first.data] };
    await expectSame(
      [two, { ...arrays, "deep.layers.0.weight": both }],
      [one, { ...own, "deep.layers.0.weight": scaled(first, 2) }],
    );
  });
});

describe("GDCN", () => {
  test("gates of weight 0 halve the crosses of DCNv2", async () => {
    const gdcn = new GDCN(everyKind, { ...deep, crossLayers: 2 });
    const dcn = new DCNv2(everyKind, { ...deep, crossLayers: 2 });
    const arrays = zeroed(randomArrays(gdcn), /\.gate$/);
    const halved = Object.entries(sharedWith(dcn, arrays)).map(([path, array]) => [
      path,
      path.startsWith("cross.") ? scaled(array, 0.5) : array,
    ]);
    await expectSame([gdcn, arrays], [dcn, Object.fromEntries(halved)]);
  });

  test("gates that are all open leave the cross as it is", async () => {
    const x = Array.from(noise.slice(0, 12) as Float32Array, (value) => Math.abs(value) + 1);
    const open = { "layers.0.gate": (array: NamedArray) => filled(array, 100) };
    const gated = await outputOf(new GatedCrossNetwork(4, { depth: 1 }), [3, 4], x, open);
    expectNear(gated, await outputOf(new CrossNetwork(4, { depth: 1 }), [3, 4], x), exact, "open gates");
  });
});

describe("EDCN", () => {
  test("equal gates weigh all fields alike at any temperature", async () => {
    const [cold, hot] = [1, 7].map((temperature) => new EDCN(everyKind, { ...small, temperature }));
    const own = randomArrays(cold);
    const arrays = Object.fromEntries(
      Object.entries(own).map(([path, array]) => [path, path.endsWith("gates") ? ones(array) : array]),
    );
    await expectSame([cold, arrays], [hot, arrays]);
  });

  test("one layer without crosses, bridged by a sum: a deep network on fields divided by their number", async () => {
    // Eight fields and weights that count twice: both are exact in float32.
    const eight = withFeatures(
      everyKind,
      ({ name }) => everyKind.features.findIndex((f) => f.name === name) < 8,
    );
    const edcn = new EDCN(eight, { ...small, crossLayers: 1, bridge: "sum", batchNorm: false });
    const { width, fields } = edcn.embedding;
    const wideDeep = new WideDeep(eight, { ...small, hiddenUnits: [width] });
    const own = zeroed(randomArrays(edcn), /^crosses\./);
    const head = own["head.weight"].data.slice(0, width);
    const arrays: NamedArrays = {
      ...own,
      "regulations.0.gates": ones(own["regulations.0.gates"]),
      "head.weight": { shape: [3 * width, 1], data: [...head, ...head, ...head] },
    };
    const plain = {
      ...zeroed(sharedWith(wideDeep, arrays), /^linear\./),
      "deep.layers.0.weight": scaled(arrays["deeps.0.layers.0.weight"], 1 / fields),
      "deep.layers.0.bias": arrays["deeps.0.layers.0.bias"],
      "deep.head.weight": { shape: [width, 1], data: head.map((value) => 2 * value) },
      "deep.head.bias": arrays["head.bias"],
    };
    await expectSame([edcn, arrays], [wideDeep, plain], eight);
  });
});

describe("FinalNet", () => {
  test("without products a block is a deep network", async () => {
    const finalNet = new FinalNet(everyKind, {
      ...small,
      blocks: 1,
      block1HiddenUnits: [4],
      hiddenActivation: "tanh",
      batchNorm: false,
      residual: "sum",
      fieldGate: false,
    });
    const wideDeep = new WideDeep(everyKind, { ...deep, hiddenActivation: "tanh" });
    const own = randomArrays(finalNet);
    const firstHalf = ({ shape, data }: NamedArray): NamedArray => ({
      shape,
      data: data.map((value, i) => (i % 8 < 4 ? value : 0)),
    });
    const kept = ({ shape, data }: NamedArray): NamedArray => ({
      shape: [...shape.slice(0, -1), 4],
      data: data.filter((_, i) => i % 8 < 4),
    });
    const [weight, bias] = [own["block1.layers.0.weight"], own["block1.layers.0.bias"]];
    const arrays: NamedArrays = {
      ...own,
      "block1.layers.0.weight": firstHalf(weight),
      "block1.layers.0.bias": firstHalf(bias),
    };
    const plain = {
      ...zeroed(sharedWith(wideDeep, arrays), /^linear\./),
      "deep.layers.0.weight": kept(weight),
      "deep.layers.0.bias": kept(bias),
      "deep.head.weight": arrays["head1.weight"],
      "deep.head.bias": arrays["head1.bias"],
    };
    await expectSame([finalNet, arrays], [wideDeep, plain]);
  });

  test("two blocks' logit is the mean of theirs", async () => {
    const options = { ...small, block1HiddenUnits: [4], block2HiddenUnits: [4], fieldGate: false };
    const both = new FinalNet(everyKind, options);
    const alone = new FinalNet(everyKind, { ...options, blocks: 1 });
    const arrays = randomArrays(both);
    const [first, second] = [1, 2].map((block) =>
      Object.fromEntries(
        Object.keys(randomArrays(alone)).map((path) => [
          path,
          arrays[path.replace(/^(block|head)1/, `$1${block}`)],
        ]),
      ),
    );
    const a = await logitsOf(alone, everyKind, first, rows);
    const b = await logitsOf(alone, everyKind, second, rows);
    expectNear(
      await logitsOf(both, everyKind, arrays, rows),
      a.map((value, i) => (value + b[i]) / 2),
      exact,
      "mean",
    );
  });

  describe("self-distillation", () => {
    const options = { ...small, block1HiddenUnits: [4], block2HiddenUnits: [4], batchNorm: false };
    const real: FeatureMap = { ...everyKind, labels: [{ ...everyKind.labels[0], kind: "real" }] };

    /** The auxiliary loss of two equal blocks, if there is one, and their logits. */
    async function distilled(schema: FeatureMap, blocks: 1 | 2, training: boolean) {
      const model = new FinalNet(schema, { ...options, blocks, fieldGate: false });
      const own = randomArrays(model);
      const arrays = Object.fromEntries(
        Object.entries(own).map(([path, array]) => [
          path,
          own[path.replace(/^(block|head)2/, "$11")] ?? array,
        ]),
      );
      const batch = new SymbolicBatch(schema, batchLayout(schema), placeTables(model.namedTables()));
      const trace = new Trace({ training, label: (name) => batch.scalar(name) });
      const logit = withTrace(trace, () => model.forward(batch));
      const outputs = { logit, ...Object.fromEntries(trace.auxiliaryLosses) };
      return runGraph(judge, outputs, leafValues(model, batch, arrays, drawRows(schema, 9, 21)));
    }

    test("is there in training, with two blocks", async () => {
      expect(Object.keys(await distilled(everyKind, 2, true))).toEqual(["logit", "self-distillation"]);
      expect(Object.keys(await distilled(everyKind, 1, true))).toEqual(["logit"]);
      expect(Object.keys(await distilled(everyKind, 2, false))).toEqual(["logit"]);
    });

    test("of equal blocks is twice the entropy of their prediction", async () => {
      const { logit, "self-distillation": loss } = await distilled(everyKind, 2, true);
      const entropies = Array.from(logit.data as Float64Array, (z) => {
        const p = 1 / (1 + Math.exp(-z));
        return -p * Math.log(p) - (1 - p) * Math.log(1 - p);
      });
      const mean = entropies.reduce((sum, value) => sum + value, 0) / entropies.length;
      expectNear(loss.data as Float64Array, [2 * mean], exact, "entropy");
    });

    test("of a real label is a squared distance: nothing between equal blocks", async () => {
      const { "self-distillation": loss } = await distilled(real, 2, true);
      expect(Array.from(loss.data as Float64Array)).toEqual([0]);
    });
  });

  test("an odd width has no halves", () => {
    expect(() => new FactorizedBlock(4, [4, 3])).toThrow("a factorized layer's halves need an even width");
    expect(new FactorizedBlock(4, [4, 3], { residual: "sum" }).width).toBe(3);
  });
});

describe("Wukong", () => {
  const shape = { vectors: 4, dim: 3, interacted: 1, compressed: 3, hidden: [3] };
  const x = Array.from(noise.slice(0, 36) as Float32Array);

  test("a projection to as many columns as vectors, the identity, keeps all pairs", async () => {
    const all = new WukongLayer({ ...shape, rank: undefined });
    const projected = new WukongLayer({ ...shape, rank: 4 });
    const given = { "products.projection": identity };
    expectNear(
      await outputOf(projected, [3, 4, 3], x, given),
      await outputOf(all, [3, 4, 3], x),
      exact,
      "X Xᵀ",
    );
  });

  test("with nothing from products and compression a layer is layer norm", async () => {
    const layer = new WukongLayer({ ...shape, rank: 2 });
    const none = {
      "products.network.head.weight": zeros,
      "products.network.head.bias": zeros,
      "compression.weight": zeros,
      "norm.scale": ones,
      "norm.shift": zeros,
    };
    const norm = await outputOf(new LayerNorm(3), [3, 4, 3], x, { scale: ones, shift: zeros });
    expectNear(await outputOf(layer, [3, 4, 3], x, none), norm, exact, "LN(X)");
  });
});

function embeddingOf(arrays: NamedArrays): NamedArrays {
  return Object.fromEntries(Object.entries(arrays).filter(([path]) => path.startsWith("embedding.")));
}
