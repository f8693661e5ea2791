import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { fieldPairs, Linear, PairAttention } from "../layers/index.ts";
import { acrossSets, type Batch, dropout, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { embeddingOptions, rate, width } from "./options.ts";

export const afmOptions = z.strictObject({
  ...embeddingOptions,
  attentionDim: width.default(16).describe("Width of the attention network's hidden layer."),
  attentionDropout: rate.default(0).describe("Share of the attention weights dropped in training."),
  pooledDropout: rate.default(0).describe("Share of the attended products dropped in training."),
});
export type AFMOptions = z.input<typeof afmOptions>;

/**
 * Attentional factorization machine: an FM whose pairs are weighted by what they hold.
 *
 *     logit = b + Σ_f w_f[x_f] + pᵀ Σ_{f<g} a_fg (e_f ⊙ e_g),   a: see `PairAttention`
 *
 * Xiao et al., "Attentional Factorization Machines", IJCAI 2017, arXiv:1708.04617.
 */
export class AFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly attention: PairAttention;
  readonly projection: Linear;
  readonly #pooledDropout: number;

  constructor(schema: FeatureMap, options: AFMOptions = {}) {
    super();
    const given = parseOptions(afmOptions, options, "AFM");
    const { embeddingDim, embeddingStd, attentionDim, attentionDropout } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    this.attention = new PairAttention(embeddingDim, { hidden: attentionDim, dropout: attentionDropout });
    fieldPairs(this.embedding.fields); // A single field is refused here rather than in the first pass.
    this.projection = new Linear(embeddingDim, 1, { bias: false });
    this.#pooledDropout = given.pooledDropout;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const attended = acrossSets(this.attention.forward(this.embedding.forward(batch))); // [batch, dim]
    const pairs = this.projection.forward(dropout(attended, this.#pooledDropout)).squeeze(1);
    return this.linear.forward(batch).add(pairs);
  }
}

export const afm = describeInteraction({
  name: "AFM",
  summary: "Factorization machine with attention over its pairs.",
  options: afmOptions,
  model: AFM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    attentionDim: 6,
    attentionDropout: 0.1,
    pooledDropout: 0.2,
  },
});
