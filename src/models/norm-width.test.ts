import { expect, test } from "vitest";
import { everyKind } from "../../test/models/every-kind.ts";
import { ConfigError } from "../core/index.ts";
import { AutoInt } from "./auto-int.ts";
import { HSTU } from "./hstu.ts";
import { MaskNet, type MaskNetOptions } from "./mask-net.ts";
import { Wukong } from "./wukong.ts";

test("Wukong normalises embeddings, which one number does not survive", () => {
  expect(() => new Wukong(everyKind, { embeddingDim: 1 })).toThrow(ConfigError);
  expect(() => new Wukong(everyKind, { embeddingDim: 1 })).toThrow(
    "Wukong: layer normalisation over embedding_dim 1 makes every value a constant",
  );
  expect(() => new Wukong(everyKind, { embeddingDim: 2 })).not.toThrow();
});

test.each<[MaskNetOptions, string]>([
  [{ embeddingDim: 1 }, "embedding_dim"],
  [{ hiddenUnits: [8, 1] }, "hidden_units"],
  [{ arrangement: "parallel", parallelBlockDim: 1 }, "parallel_block_dim"],
])("MaskNet with %j normalises single numbers", (options, option) => {
  expect(() => new MaskNet(everyKind, options)).toThrow(`MaskNet: layer normalisation over ${option} 1`);
});

test("MaskNet without those norms, or with a deep layer of one unit, is built", () => {
  const plain = { embeddingLayerNorm: false, blockLayerNorm: false };
  expect(() => new MaskNet(everyKind, { ...plain, embeddingDim: 1, hiddenUnits: [8, 1] })).not.toThrow();
  expect(() => new MaskNet(everyKind, { arrangement: "parallel", hiddenUnits: [1] })).not.toThrow();
});

test("AutoInt normalises its attention only when asked to", () => {
  const narrow = { attentionDim: 1, heads: 1 };
  expect(() => new AutoInt(everyKind, { ...narrow, attentionLayerNorm: true })).toThrow(
    "AutoInt: layer normalisation over attention_dim 1",
  );
  expect(() => new AutoInt(everyKind, narrow)).not.toThrow();
});

test("HSTU normalises events and what is pooled of them", () => {
  const features = everyKind.features.filter(({ name }) => name !== "historyCategory");
  const plain = { ...everyKind, features };
  expect(() => new HSTU(plain, { embeddingDim: 1 })).toThrow(
    "HSTU: layer normalisation over embedding_dim 1",
  );
  expect(() => new HSTU(everyKind, { embeddingDim: 1 })).not.toThrow();
  for (const options of [{ valueDim: 1 }, { queryDim: 1 }]) {
    expect(() => new HSTU(everyKind, options)).toThrow("HSTU: layer normalisation over value_dim 1");
  }
  expect(() => new HSTU(everyKind, { valueDim: 1, attentionHeads: 2 })).not.toThrow();
});
