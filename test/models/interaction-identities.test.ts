/** What the equations of interaction models say about each other, on every kind of feature, in float64. */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/core/index.ts";
import { fieldPairs } from "../../src/layers/index.ts";
import {
  AFM,
  DCN,
  DCNMix,
  DCNv2,
  DeepFM,
  FFM,
  FM,
  FmFM,
  FwFM,
  LR,
  NFM,
  PNN,
  WideDeep,
  XDeepFM,
} from "../../src/models/index.ts";
import { everyKind, withFeatures } from "./every-kind.ts";
import { exact, expectSame, filled, rows, sharedWith } from "./expect-same.ts";
import { logitsOf, randomArrays, zeroed } from "./forward.ts";
import { expectNear, type NamedArray, type NamedArrays } from "./named-arrays.ts";

const fields = everyKind.features.length;
const pairs = fieldPairs(fields);
const dim = 2;
const small = { embeddingDim: dim };
const fm = new FM(everyKind, small);
const lr = new LR(everyKind);

/** An array of a model with values computed from their positions. */
function computed({ shape }: NamedArray, value: (index: number[]) => number): NamedArray {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const count = shape.reduce((product, size) => product * size, 1);
  const at = (i: number): number[] => shape.map((size, axis) => Math.floor(i / strides[axis]) % size);
  return { shape, data: Array.from({ length: count }, (_, i) => value(at(i))) };
}

test("a model of pairs needs two fields", () => {
  const one = withFeatures(everyKind, ({ name }) => name === "user");
  for (const create of [FFM, FwFM, FmFM, AFM, PNN]) {
    expect(() => new create(one, {})).toThrow(ConfigError);
    expect(() => new create(one, {})).toThrow("a model of pairs of fields needs at least two fields");
  }
});

describe("is FM", () => {
  const random = randomArrays(fm);

  test("FFM whose vectors of one value are all the same", async () => {
    const ffm = new FFM(everyKind, small);
    const arrays = Object.fromEntries(
      Object.entries(randomArrays(ffm)).map(([path, array]) => {
        if (!path.startsWith("embedding.")) return [path, random[path]];
        const { data } = random[path];
        return [path, computed(array, ([row, column]) => data[row * dim + (column % dim)])];
      }),
    );
    await expectSame([ffm, arrays], [fm, random]);
  });

  test("FwFM whose weights are 1", async () => {
    const fwFM = new FwFM(everyKind, { ...small, linearType: "LW" });
    const own = sharedWith(fwFM, random);
    const arrays = { ...own, bias: filled(own.bias, 0), "pairs.weight": filled(own["pairs.weight"], 1) };
    await expectSame([fwFM, arrays], [fm, random]);
  });

  test("FmFM whose matrices are the identity", async () => {
    const fmFM = new FmFM(everyKind, small);
    const own = sharedWith(fmFM, random);
    const identity = computed(own["pairs.weight"], ([, i, j]) => (i === j ? 1 : 0));
    await expectSame([fmFM, { ...own, "pairs.weight": identity }], [fm, random]);
  });

  test("NFM without a network: the sum of what it pools", async () => {
    const nfm = new NFM(everyKind, { ...small, hiddenUnits: [] });
    const own = zeroed(sharedWith(nfm, random), /^deep\.head\.bias/);
    const arrays = { ...own, "deep.head.weight": filled(own["deep.head.weight"], 1) };
    await expectSame([nfm, arrays], [fm, random]);
  });

  test("AFM that attends to all pairs alike, times their number", async () => {
    const afm = new AFM(everyKind, { ...small, attentionDim: 3 });
    const own = zeroed(sharedWith(afm, random), /^attention\.score/);
    const arrays = { ...own, "projection.weight": filled(own["projection.weight"], pairs.count) };
    await expectSame([afm, arrays], [fm, random]);
  });

  test.each([[[1]], [[1, 1]]])("xDeepFM with maps %j, each pair once and no network", async (cinUnits) => {
    const xDeepFM = new XDeepFM(everyKind, { ...small, cinUnits, hiddenUnits: [3] });
    const own = zeroed(sharedWith(xDeepFM, random), /^(deep\.head|cin\..*bias)/);
    const once = ([at]: number[]): number => (Math.floor(at / fields) < at % fields ? 1 : 0);
    const arrays = {
      ...own,
      "cin.layers.0.weight": computed(own["cin.layers.0.weight"], once),
      "cin.head.weight": computed(own["cin.head.weight"], ([map]) => (map === 0 ? 1 : 0)),
    };
    await expectSame([xDeepFM, arrays], [fm, random]);
  });

  test("PNN without a network: the sum of its inner products", async () => {
    const pnn = new PNN(everyKind, { ...small, hiddenUnits: [] });
    const own = zeroed(sharedWith(pnn, random), /^deep\.head\.bias/);
    const products = computed(own["deep.head.weight"], ([row]) => (row < fields * dim ? 0 : 1));
    const withoutLinear = zeroed(random, /^linear/);
    await expectSame([pnn, { ...own, "deep.head.weight": products }], [fm, withoutLinear]);
  });
});

describe("weights of pairs", () => {
  const matrix = new FmFM(everyKind, small);
  const vector = new FmFM(everyKind, { ...small, fieldInteraction: "vector" });
  const scalar = new FwFM(everyKind, { ...small, linearType: "LW" });

  test("a diagonal matrix is a vector", async () => {
    const arrays = randomArrays(vector);
    const { data } = arrays["pairs.weight"];
    const own = sharedWith(matrix, zeroed(arrays, /^pairs/));
    const diagonal = computed(randomArrays(matrix)["pairs.weight"], ([pair, i, j]) =>
      i === j ? data[pair * dim + i] : 0,
    );
    await expectSame([matrix, { ...own, "pairs.weight": diagonal }], [vector, arrays]);
  });

  test("a vector of one number is a number", async () => {
    const arrays = zeroed(randomArrays(scalar), /^bias/);
    const { data } = arrays["pairs.weight"];
    const own = sharedWith(vector, arrays);
    const repeated = computed(randomArrays(vector)["pairs.weight"], ([pair]) => data[pair]);
    await expectSame([vector, { ...own, "pairs.weight": repeated }], [scalar, arrays]);
  });
});

describe("is LR", () => {
  test.each([
    ["WideDeep", new WideDeep(everyKind, { ...small, hiddenUnits: [3] }), /^deep\.head/],
    [
      "xDeepFM",
      new XDeepFM(everyKind, { ...small, cinUnits: [2, 2], hiddenUnits: [3] }),
      /^(deep|cin)\.head/,
    ],
    ["NFM", new NFM(everyKind, { ...small, hiddenUnits: [3] }), /^deep\.head/],
    ["AFM", new AFM(everyKind, small), /^projection/],
    ["FmFM", new FmFM(everyKind, small), /^pairs/],
    ["FFM", new FFM(everyKind, small), /^embedding/],
  ] as const)("%s with nothing but its linear part", async (_, model, pattern) => {
    const arrays = zeroed(randomArrays(model), pattern);
    await expectSame([model, arrays], [lr, sharedWith(lr, arrays)]);
  });
});

test("WideDeep is DeepFM without its pairs", async () => {
  const deepFM = new DeepFM(everyKind, { ...small, hiddenUnits: [3] });
  const arrays = randomArrays(deepFM);
  const wideDeep = new WideDeep(everyKind, { ...small, hiddenUnits: [3] });
  const [all, wide, factorized, linear] = await Promise.all(
    [deepFM, wideDeep, fm, lr].map((model) => logitsOf(model, everyKind, sharedWith(model, arrays), rows)),
  );
  const withoutPairs = all.map((value, i) => value - factorized[i] + linear[i]);
  expectNear(wide, withoutPairs, exact, "logits");
});

test("PNN with both products and no weight on the outer one is IPNN", async () => {
  const inner = new PNN(everyKind, { ...small, hiddenUnits: [16] });
  const both = new PNN(everyKind, { ...small, hiddenUnits: [16], product: "both" });
  const arrays = randomArrays(inner);
  const { shape, data } = randomArrays(both)["deep.layers.0.weight"];
  const weight = { shape, data: data.map((_, i) => arrays["deep.layers.0.weight"].data[i] ?? 0) };
  await expectSame([both, { ...sharedWith(both, arrays), "deep.layers.0.weight": weight }], [inner, arrays]);
});

describe("crosses", () => {
  const given = { ...small, crossLayers: 3, hiddenUnits: [3] };
  const dcnV2 = new DCNv2(everyKind, given);
  const width = fields * dim;

  test("DCN is DCNv2 whose matrices have equal columns, where no bias is", async () => {
    const dcn = new DCN(everyKind, given);
    const arrays = zeroed(randomArrays(dcn), /^cross\.bias/);
    const w = arrays["cross.weight"].data;
    const own = zeroed(sharedWith(dcnV2, arrays), /^cross\..*bias/);
    const layers = Object.fromEntries(
      [0, 1, 2].map((l) => {
        const path = `cross.layers.${l}.weight`;
        return [path, computed(own[path], ([row]) => w[row * 3 + l])];
      }),
    );
    await expectSame([dcn, arrays], [dcnV2, { ...own, ...layers }]);
  });

  test("DCN's biases alone move x by their sum", async () => {
    const [dcn, none] = [new DCN(everyKind, given), new DCN(everyKind, { ...given, crossLayers: 0 })];
    const arrays = zeroed(randomArrays(dcn), /^cross\.weight/);
    const biases = arrays["cross.bias"].data;
    const head = arrays["head.weight"].data;
    const shift = biases.reduce((total, value, i) => total + value * head[i % width], 0);
    const bias = { shape: [1], data: [arrays["head.bias"].data[0] + shift] };
    const moved = await logitsOf(dcn, everyKind, arrays, rows);
    const plain = await logitsOf(none, everyKind, { ...sharedWith(none, arrays), "head.bias": bias }, rows);
    expectNear(moved, plain, 1e-6, "logits"); // The moved bias is a float32.
  });

  test("DCNMix of one expert far from saturation is DCNv2 with W = V Uᵀ", async () => {
    const rank = 2;
    const mix = new DCNMix(everyKind, { ...given, experts: 1, rank });
    // Eighths, so that their products are float32 exactly; powers of two take tanh to where it is linear.
    const eighths = (array: NamedArray): NamedArray => ({
      ...array,
      data: array.data.map((value) => Math.round(value * 8) / 8),
    });
    const tiny = 2 ** -21;
    const scaled = (array: NamedArray, factor: number): NamedArray => ({
      ...array,
      data: array.data.map((value) => value * factor),
    });
    const random = randomArrays(mix);
    const arrays: { [path: string]: NamedArray } = { ...random };
    const crosses: { [path: string]: NamedArray } = {};
    const own = sharedWith(dcnV2, random);
    for (const l of [0, 1, 2]) {
      const path = `cross.layers.${l}`;
      const [down, up] = [eighths(random[`${path}.down`]), eighths(random[`${path}.up`])];
      arrays[`${path}.down`] = scaled(down, tiny);
      arrays[`${path}.up`] = scaled(up, 1 / tiny);
      arrays[`${path}.core`] = computed(random[`${path}.core`], ([, i, j]) => (i === j ? 1 : 0));
      crosses[`${path}.weight`] = computed(own[`${path}.weight`], ([i, j]) =>
        Array.from({ length: rank }, (_, r) => down.data[i * rank + r] * up.data[r * width + j]).reduce(
          (total, value) => total + value,
        ),
      );
      crosses[`${path}.bias`] = random[`${path}.bias`];
    }
    const [a, b] = [
      await logitsOf(mix, everyKind, arrays, rows),
      await logitsOf(dcnV2, everyKind, { ...own, ...crosses }, rows),
    ];
    expectNear(a, b, 1e-9, "logits"); // tanh(x) = x to x³/3, and x is about 1e-6.
  });

  test("DCNMix of equal experts is one of them, whatever the gate says", async () => {
    const [experts, rank] = [3, 2];
    const one = new DCNMix(everyKind, { ...given, experts: 1, rank });
    const three = new DCNMix(everyKind, { ...given, experts, rank });
    const arrays = randomArrays(one);
    const own = sharedWith(three, zeroed(arrays, /^cross\.layers\.\d\.(down|core|up)|gate/));
    const shapes = randomArrays(three);
    const copies: { [path: string]: NamedArray } = { "cross.gate.weight": shapes["cross.gate.weight"] };
    for (const l of [0, 1, 2]) {
      const of = (name: string): [string, readonly number[]] => [
        `cross.layers.${l}.${name}`,
        arrays[`cross.layers.${l}.${name}`].data,
      ];
      const [down, downs] = of("down");
      const [core, cores] = of("core");
      const [up, ups] = of("up");
      copies[down] = computed(shapes[down], ([i, r]) => downs[i * rank + (r % rank)]);
      copies[core] = computed(shapes[core], ([, i, j]) => cores[i * rank + j]);
      copies[up] = computed(shapes[up], ([r, j]) => ups[(r % rank) * width + j]);
    }
    const all: NamedArrays = { ...own, ...copies };
    await expectSame([three, all], [one, arrays]);
  });
});
