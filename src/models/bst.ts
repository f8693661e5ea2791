import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding, poolEntries } from "../embeddings/index.ts";
import { MLP, PositionalEmbedding, TransformerBlock } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit } from "../module/index.ts";
import { broadcastTo, concat, expandDims, slice, squeeze } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Events, type Interest, interestsOf, namesIn, readEvents, withCandidate } from "./interest.ts";
import { deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const bstOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  transformerLayers: width.default(1).describe("Transformer blocks, one behind the other."),
  attentionHeads: width
    .default(2)
    .describe("Heads of attention; they divide the width of an event, its features' and its position's."),
  attentionDropout: rate.default(0).describe("Share of attention weights dropped in training."),
  historyPooling: z
    .enum(["mean", "candidate"])
    .default("mean")
    .describe(
      "What is taken from the transformer: the mean over events and candidate, or the candidate's place.",
    ),
});
export type BSTOptions = z.input<typeof bstOptions>;

/**
 * Behavior Sequence Transformer: the candidate stands behind the history as its last event, and transformer
 * blocks let all of them see each other.
 *
 *     X = [h_1 ; p_T] … [h_T ; p_1], [a ; p_0]      p: places counted back from the candidate
 *     logit = MLP([fields ; mean(blocks(X))])
 *
 * Chen et al., DLP-KDD 2019, arXiv:1905.06874; blocks, mean pooling and concatenated places as in FuxiCTR. The
 * paper's place is a bucket of time, and its network reads all outputs side by side.
 */
export class BST extends Model {
  readonly embedding: FieldEmbedding;
  readonly transformers: readonly BehaviorTransformer[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: BSTOptions = {}) {
    super();
    const given = parseOptions(bstOptions, options, "BST");
    const { embeddingDim: dim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "BST");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    this.transformers = this.#interests.map((interest) => new BehaviorTransformer(interest, given));
    const pooled = this.transformers.reduce((total, transformer) => total + transformer.width, 0);
    this.deep = new MLP(this.embedding.width + pooled, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const pooled = this.#interests.map((interest, k) =>
      this.transformers[k].forward(readEvents(batch, interest, this.embedding)),
    );
    const x = concat([this.embedding.forwardFlat(batch), ...pooled]); // [batch, width]
    return this.deep.forward(x).squeeze(1);
  }
}

class BehaviorTransformer extends Module {
  readonly position: PositionalEmbedding;
  readonly blocks: readonly TransformerBlock[];
  readonly width: number;
  readonly pooling: "mean" | "candidate";

  constructor({ targets, length }: Interest, options: z.output<typeof bstOptions>) {
    super();
    const { embeddingDim: dim, attentionHeads, attentionDropout, netDropout } = options;
    this.width = (targets.length + 1) * dim;
    this.position = new PositionalEmbedding(length, dim);
    this.blocks = repeat(
      options.transformerLayers,
      () =>
        new TransformerBlock(this.width, { heads: attentionHeads, attentionDropout, dropout: netDropout }),
    );
    this.pooling = options.historyPooling;
  }

  /** `[batch, width]`. */
  forward({ target, history, mask }: Events): Tensor {
    const [batch, length] = mask.shape as [string, number];
    const own = concat([target, broadcastTo(this.position.candidate(), [batch, this.position.dim])]);
    const events = concat([history, this.position.forward(mask)]); // [batch, length, width]
    const all = concat([events, expandDims(own, 1)], { axis: 1 }); // [batch, length + 1, width]
    const present = withCandidate(mask);
    const mixed = this.blocks.reduce((x, block) => block.forward(x, present), all);
    if (this.pooling === "mean") return poolEntries(mixed, present, "mean");
    return squeeze(slice(mixed, { axis: 1, start: length }), 1);
  }
}

export const bst = describeModel({
  name: "BST",
  summary: "A transformer over the history with the candidate behind it.",
  options: bstOptions,
  model: BST,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32], netDropout: 0.1, attentionDropout: 0.1 },
});
