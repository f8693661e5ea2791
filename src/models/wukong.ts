import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { checkNormWidth, MLP, WukongLayer } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { flatten } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const wukongOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  wukongLayers: width.default(3).describe("Number L of layers; interactions reach degree 2^L."),
  interactedVectors: width
    .default(40)
    .describe("Vectors a layer makes of products of its inputs (n_F in the paper)."),
  compressedVectors: width
    .default(40)
    .describe("Vectors a layer makes as linear combinations of its inputs (n_L in the paper)."),
  rank: z
    .number()
    .int()
    .nonnegative()
    .default(8)
    .describe("Columns the matrix of products is projected to (k in the paper); 0: all pairs."),
  interactionHiddenUnits: z
    .array(width)
    .default([512, 256])
    .describe("Hidden widths of the networks that turn products into vectors."),
  interactionDropout: rate.default(0).describe("Dropout of those networks."),
});
export type WukongOptions = z.input<typeof wukongOptions>;

/**
 * Wukong: layers of factorization machines, each on the vectors of the one before, under a deep network.
 *
 *     X_{l+1} = LN([FMB(X_l) ; LCB(X_l)] + R(X_l)),   logit = MLP(flatten(X_L))
 *
 * The blocks are in `layers/wukong-layer.ts`. Zhang et al., "Wukong: Towards a Scaling Law for Large-Scale
 * Recommendation", ICML 2024, arXiv:2403.02545.
 */
export class Wukong extends Model {
  readonly embedding: FieldEmbedding;
  readonly layers: readonly WukongLayer[];
  readonly deep: MLP;

  constructor(schema: FeatureMap, options: WukongOptions = {}) {
    super();
    const given = parseOptions(wukongOptions, options, "Wukong");
    const { embeddingDim: dim, embeddingStd, interactedVectors, compressedVectors, rank } = given;
    checkNormWidth("Wukong", "embedding_dim", dim);
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    const vectors = interactedVectors + compressedVectors;
    this.layers = repeat(
      given.wukongLayers,
      (l) =>
        new WukongLayer({
          vectors: l === 0 ? this.embedding.fields : vectors,
          dim,
          interacted: interactedVectors,
          compressed: compressedVectors,
          rank: rank === 0 ? undefined : rank,
          hidden: given.interactionHiddenUnits,
          dropout: given.interactionDropout,
        }),
    );
    this.deep = new MLP(vectors * dim, given.hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const vectors = this.layers.reduce((x, layer) => layer.forward(x), fields);
    return this.deep.forwardAcrossSets(flatten(vectors)).squeeze(1);
  }
}

export const wukong = describeInteraction({
  name: "Wukong",
  summary: "Stacked factorization machines: the degree of interactions doubles with every layer.",
  options: wukongOptions,
  model: Wukong,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    wukongLayers: 2,
    interactedVectors: 3,
    compressedVectors: 2,
    rank: 2,
    interactionHiddenUnits: [8],
    interactionDropout: 0.1,
    hiddenUnits: [16],
    batchNorm: true,
    netDropout: 0.1,
  },
});
