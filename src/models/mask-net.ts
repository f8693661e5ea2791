import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { checkNormWidth, LayerNorm, MaskBlock, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import { concat } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, width } from "./options.ts";

const { hiddenActivation, netDropout } = deepOptions;

export const maskNetOptions = z.strictObject({
  ...embeddingOptions,
  arrangement: z
    .enum(["serial", "parallel"])
    .default("serial")
    .describe("`serial`: blocks one on the other; `parallel`: blocks side by side under a deep network."),
  hiddenUnits: deepOptions.hiddenUnits.describe(
    "Serial: widths of the blocks; parallel: of the deep network's hidden layers.",
  ),
  parallelBlocks: width.default(3).describe("Number of blocks side by side."),
  parallelBlockDim: width.default(64).describe("Width of each of them."),
  reductionRatio: z
    .number()
    .positive()
    .default(1)
    .describe("Width of a mask's inner layer over that of the hidden vector it masks."),
  hiddenActivation,
  netDropout,
  embeddingLayerNorm: z.boolean().default(true).describe("Normalise each field's vector before the blocks."),
  blockLayerNorm: z.boolean().default(true).describe("Layer normalisation in the blocks."),
});
export type MaskNetOptions = z.input<typeof maskNetOptions>;

/**
 * MaskNet: hidden vectors are multiplied by masks that each row's embeddings make, block after block or
 * block beside block.
 *
 *     v₀ = LN of every field, side by side;   block(v) = act(LN(W (mask(x₀) ⊙ v)))
 *     serial: logit = wᵀ block_L(… block_1(v₀)) + b        parallel: logit = MLP([block_1(v₀) ; … ; block_B(v₀)])
 *
 * Masks see the embeddings as they are (x₀), not normalised. Wang et al., "MaskNet", DLP-KDD 2021,
 * arXiv:2102.07619.
 */
export class MaskNet extends Model {
  readonly embedding: FieldEmbedding;
  readonly norm: LayerNorm | undefined;
  readonly blocks: readonly MaskBlock[];
  readonly deep: MLP;
  readonly arrangement: "serial" | "parallel";

  constructor(schema: FeatureMap, options: MaskNetOptions = {}) {
    super();
    const given = parseOptions(maskNetOptions, options, "MaskNet");
    const { embeddingDim, embeddingStd, arrangement, hiddenUnits, parallelBlocks, parallelBlockDim } = given;
    const serial = arrangement === "serial";
    const [option, blockWidths] = serial
      ? (["hidden_units", hiddenUnits] as const)
      : (["parallel_block_dim", parallelBlockDim] as const);
    if (given.embeddingLayerNorm) {
      checkNormWidth("MaskNet", "embedding_dim", embeddingDim, "embedding_layer_norm to false");
    }
    if (given.blockLayerNorm) checkNormWidth("MaskNet", option, blockWidths, "block_layer_norm to false");
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init: normalInit(embeddingStd) });
    const { fields, width: embedding } = this.embedding;
    this.norm = given.embeddingLayerNorm ? new LayerNorm(embeddingDim, { fields }) : undefined;
    const { reductionRatio, hiddenActivation: activation, netDropout: dropout } = given;
    const block = (hidden: number, output: number): MaskBlock =>
      new MaskBlock({
        embedding,
        hidden,
        output,
        reductionRatio,
        activation,
        dropout,
        layerNorm: given.blockLayerNorm,
      });
    const widths = [embedding, ...hiddenUnits];
    this.blocks = serial
      ? hiddenUnits.map((output, l) => block(widths[l], output))
      : repeat(parallelBlocks, () => block(embedding, parallelBlockDim));
    this.deep = serial
      ? new MLP(widths[widths.length - 1], [], { output: 1 })
      : new MLP(parallelBlocks * parallelBlockDim, hiddenUnits, { activation, dropout, output: 1 });
    this.arrangement = arrangement;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const x0 = this.embedding.flatten(fields, batch); // [batch, width]
    const v0 = this.embedding.flatten(this.norm?.forward(fields) ?? fields, batch);
    const masked =
      this.arrangement === "serial"
        ? this.blocks.reduce((v, block) => block.forward(x0, v), v0)
        : concat(this.blocks.map((block) => block.forward(x0, v0)));
    return this.deep.forward(acrossSets(masked)).squeeze(1);
  }
}

export const maskNet = describeInteraction({
  name: "MaskNet",
  summary: "Hidden vectors multiplied by masks that the row's embeddings make.",
  options: maskNetOptions,
  model: MaskNet,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    arrangement: "parallel",
    parallelBlocks: 2,
    parallelBlockDim: 8,
    hiddenUnits: [16],
    reductionRatio: 0.5,
    netDropout: 0.2,
  },
});
