/** What the models' equations say about each other, on a schema with every kind of feature, in float64. */
import { describe, expect, test } from "vitest";
import { poolEntries } from "../../src/embeddings/index.ts";
import { TargetAttention } from "../../src/layers/index.ts";
import { pairwiseInteraction } from "../../src/ops/index.ts";
import { DCNv2, DeepFM, FinalMLP, FM, LR, models } from "../../src/models/index.ts";
import type { Model } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import type { EncodedBatch, FeatureMap } from "../../src/schema/index.ts";
import { input } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyKind, schemaOf, sliceRows, withFeatures } from "./every-kind.ts";
import { exact, expectSame, filled, rows, sharedWith } from "./expect-same.ts";
import { allLogitsOf, logitsOf, randomArrays, zeroed } from "./forward.ts";
import { expectNear, type NamedArrays } from "./named-arrays.ts";

describe("factorization machines", () => {
  test("the linear-time form is the sum over all pairs", async () => {
    const [batch, fields, dim] = [4, 6, 3];
    const e = hostTensor(
      "float32",
      [batch, fields, dim],
      drawRows(everyKind, 15, 3).columns.image.slice(0, 72),
    );
    const x = input("x", ["batch", fields, dim]);
    const { y } = await runGraph(judge, { y: pairwiseInteraction(x) }, new Map([[x, e]]));
    const at = (b: number, f: number, d: number): number => e.data[(b * fields + f) * dim + d] as number;
    const expected = Array.from({ length: batch }, (_, b) => {
      let total = 0;
      for (let f = 0; f < fields; f++)
        for (let g = 0; g < f; g++) for (let d = 0; d < dim; d++) total += at(b, f, d) * at(b, g, d);
      return total;
    });
    expectNear(y.data as Float64Array, expected, exact, "pairs");
  });

  test("FM with zero embeddings is LR", async () => {
    const [fm, lr] = [new FM(everyKind, { embeddingDim: 3 }), new LR(everyKind)];
    const arrays = zeroed(randomArrays(fm), /^embedding\./);
    await expectSame([fm, arrays], [lr, sharedWith(lr, arrays)]);
  });

  test("FM with one field has no pairs", async () => {
    const schema = withFeatures(everyKind, ({ name }) => name === "user");
    const [fm, lr] = [new FM(schema, { embeddingDim: 3 }), new LR(schema)];
    const arrays = randomArrays(fm);
    await expectSame([fm, arrays], [lr, sharedWith(lr, arrays)], schema);
  });

  test("DeepFM whose network is zero is FM", async () => {
    const deep = new DeepFM(everyKind, { embeddingDim: 3, hiddenUnits: [5] });
    const fm = new FM(everyKind, { embeddingDim: 3 });
    const arrays = zeroed(randomArrays(deep), /^deep\.head/);
    await expectSame([deep, arrays], [fm, sharedWith(fm, arrays)]);
  });
});

describe("DCNv2", () => {
  const given = { embeddingDim: 2, hiddenUnits: [4] };

  test("cross layers of zeros change nothing", async () => {
    const [three, none] = [
      new DCNv2(everyKind, { ...given, crossLayers: 3 }),
      new DCNv2(everyKind, { ...given, crossLayers: 0 }),
    ];
    const arrays = zeroed(randomArrays(three), /^cross\./);
    await expectSame([three, arrays], [none, sharedWith(none, arrays)]);
  });

  test("a cross layer of W = 0 and b = 1 doubles its input", async () => {
    const [one, none] = [
      new DCNv2(everyKind, { ...given, crossLayers: 1 }),
      new DCNv2(everyKind, { ...given, crossLayers: 0 }),
    ];
    const random = randomArrays(one);
    const arrays: NamedArrays = {
      ...zeroed(random, /^cross\..*weight/),
      "cross.layers.0.bias": filled(random["cross.layers.0.bias"], 1),
    };
    const head = arrays["head.weight"];
    const crossed = none.embedding.width;
    const doubled = { ...head, data: head.data.map((value, i) => (i < crossed ? 2 * value : value)) };
    await expectSame([one, arrays], [none, { ...sharedWith(none, arrays), "head.weight": doubled }]);
  });
});

describe("FinalMLP", () => {
  const given = {
    embeddingDim: 2,
    mlp1HiddenUnits: [4],
    mlp2HiddenUnits: [6],
    heads: 2,
    gateHiddenUnits: [3],
  };

  test("gates that say 0 are 1 exactly: the model without them, to the last bit", async () => {
    const gated = new FinalMLP(everyKind, { ...given, gate1Context: ["user", "tags"] });
    const plain = new FinalMLP(everyKind, { ...given, useFeatureSelection: false });
    const arrays = zeroed(randomArrays(gated), /^gate.*\.head/);
    const a = await logitsOf(gated, everyKind, arrays, rows);
    const b = await logitsOf(plain, everyKind, sharedWith(plain, arrays), rows);
    expect(a).toEqual(b);
  });

  test("without the bilinear part the logit is that of both streams alone, added up", async () => {
    const both = new FinalMLP(everyKind, { ...given, useFeatureSelection: false });
    const arrays = zeroed(randomArrays(both), /^fusion\.weight/);
    const bias = { ...arrays, ...zeroed({ "fusion.left.bias": arrays["fusion.left.bias"] }, /./) };
    const first = await logitsOf(both, everyKind, zeroed(arrays, /^fusion\.right/), rows);
    const second = await logitsOf(both, everyKind, zeroed(bias, /^fusion\.left\.weight/), rows);
    const together = await logitsOf(both, everyKind, arrays, rows);
    expectNear(
      together,
      first.map((value, i) => value + second[i]),
      exact,
      "sum of streams",
    );
  });

  test("each stream's logit is a deep network's", async () => {
    const both = new FinalMLP(everyKind, { ...given, useFeatureSelection: false });
    const arrays = zeroed(randomArrays(both), /^fusion\.(weight|right)/);
    const deep = new DeepFM(everyKind, { embeddingDim: 2, hiddenUnits: [4] });
    // DeepFM's logit is its linear part, its pairs and the network: FM's logit taken away leaves the network.
    const deepArrays = {
      ...sharedWith(deep, arrays),
      "deep.layers.0.weight": arrays["mlp1.layers.0.weight"],
      "deep.layers.0.bias": arrays["mlp1.layers.0.bias"],
      "deep.head.weight": arrays["fusion.left.weight"],
      "deep.head.bias": arrays["fusion.left.bias"],
    };
    const fm = new FM(everyKind, { embeddingDim: 2 });
    const whole = await logitsOf(deep, everyKind, deepArrays, rows);
    const pairs = await logitsOf(fm, everyKind, sharedWith(fm, deepArrays), rows);
    const stream = await logitsOf(both, everyKind, arrays, rows);
    expectNear(
      stream,
      whole.map((value, i) => value - pairs[i]),
      exact,
      "one stream",
    );
  });
});

describe("target attention", () => {
  const target = input("target", ["batch", 2]);
  const events = input("events", ["batch", 3, 2]);
  const mask = input("mask", ["batch", 3]);
  const values = new Map([
    [target, hostTensor("float32", [3, 2], [1, 2, -1, 0.5, 3, 1])],
    [events, hostTensor("float32", [3, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    [mask, hostTensor("float32", [3, 3], [1, 1, 1, 1, 0, 0, 0, 0, 0])],
  ]);

  async function pooled(softmax: boolean, bias: number): Promise<number[]> {
    const attention = new TargetAttention(2, { hidden: [4], activation: "relu", softmax });
    const all = new Map(values);
    for (const [path, leaf] of attention.namedParameters()) {
      const value = path === "unit.head.bias" ? bias : path.startsWith("unit.head") ? 0 : 0.3;
      all.set(
        leaf,
        hostTensor("float32", leaf.shape, new Float32Array(leaf.shape[0] * (leaf.shape[1] ?? 1)).fill(value)),
      );
    }
    const { y } = await runGraph(judge, { y: attention.forward(target, events, mask) }, all);
    return Array.from(y.data as Float64Array);
  }

  test("equal scores under softmax are mean pooling; an empty history is zeros", async () => {
    const { y } = await runGraph(judge, { y: poolEntries(events, mask, "mean") }, values);
    expect(Array.from(y.data as Float64Array)).toEqual([3, 4, 7, 8, 0, 0]);
    expectNear(await pooled(true, 0.7), [3, 4, 7, 8, 0, 0], exact, "mean");
  });

  test("equal scores without softmax are sum pooling times the score", async () => {
    expectNear(await pooled(false, 2), [18, 24, 14, 16, 0, 0], exact, "sum");
  });
});

describe.each(models)("$name", (description) => {
  const schema = schemaOf(description);
  const rows = drawRows(schema, 9, 21);
  const make = (of: FeatureMap): Model => description.create(of, description.example);
  const model = make(schema);
  const arrays = randomArrays(model);

  test("rows do not see each other in evaluation", async () => {
    const whole = await allLogitsOf(model, schema, arrays, rows);
    for (const at of [0, 4, 8]) {
      const alone = await allLogitsOf(model, schema, arrays, sliceRows(schema, rows, at, at + 1));
      for (const [label, logits] of Object.entries(whole)) {
        expectNear(alone[label], [logits[at]], exact, `${label} of row ${at}`);
      }
    }
  });

  test("more padding changes nothing", async () => {
    const longer = {
      ...schema,
      features: schema.features.map((feature) =>
        "maxLength" in feature ? { ...feature, maxLength: feature.maxLength + 2 } : feature,
      ),
    };
    const wide = make(longer);
    await expectSameLogits([wide, longer, grown(arrays, wide), padLists(rows, 2)]);
  });

  test("the order of a bag does not matter", async () => {
    const turned = { ...rows, columns: { ...rows.columns, tags: reversedLists(rows, "tags", 4) } };
    expect(turned.columns.tags).not.toEqual(rows.columns.tags);
    await expectSameLogits([model, schema, arrays, turned]);
  });

  async function expectSameLogits(given: Parameters<typeof allLogitsOf>): Promise<void> {
    const own = await allLogitsOf(model, schema, arrays, rows);
    for (const [label, logits] of Object.entries(await allLogitsOf(...given))) {
      expectNear(logits, own[label], exact, label);
    }
  }
});

/** Arrays for a model of longer histories: numbers by distance get more rows, whose values must not matter. */
function grown(arrays: NamedArrays, model: Model): NamedArrays {
  const wider = randomArrays(model, 2);
  return Object.fromEntries(
    Object.entries(arrays).map(([path, { data }]) => [
      path,
      { shape: wider[path].shape, data: [...data, ...wider[path].data.slice(data.length)] },
    ]),
  );
}

/** Every list with `more` padding entries at its end. */
function padLists(batch: EncodedBatch, more: number): EncodedBatch {
  const columns = { ...batch.columns };
  for (const feature of everyKind.features) {
    if (!("maxLength" in feature)) continue;
    const { name, maxLength } = feature;
    const wide = new Int32Array(batch.size * (maxLength + more));
    for (let row = 0; row < batch.size; row++) {
      wide.set(
        batch.columns[name].subarray(row * maxLength, (row + 1) * maxLength) as Int32Array,
        row * (maxLength + more),
      );
    }
    columns[name] = wide;
  }
  return { size: batch.size, columns };
}

/** Each row's entries from last to first, padding still behind them. */
function reversedLists({ size, columns }: EncodedBatch, name: string, maxLength: number): Int32Array {
  const turned = new Int32Array(size * maxLength);
  for (let row = 0; row < size; row++) {
    const length = columns[`${name}.length`][row];
    for (let j = 0; j < length; j++)
      turned[row * maxLength + j] = columns[name][row * maxLength + length - 1 - j];
  }
  return turned;
}
