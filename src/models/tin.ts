import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { agesOf, FieldEmbedding } from "../embeddings/index.ts";
import { MLP, type TemporalInterest } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Interest, interestsOf, namesIn, readEvents } from "./interest.ts";
import { deepOptions, embeddingOptions, mlpOptions } from "./options.ts";
import { temporalInterest, temporalOptions } from "./temporal-options.ts";

export const tinOptions = z.strictObject({ ...embeddingOptions, ...deepOptions, ...temporalOptions });
export type TINOptions = z.input<typeof tinOptions>;

/**
 * Temporal Interest Network: each history is pooled by the temporal interest module, then joins the other
 * fields in a deep network. A history and the side sequences aligned with it are read together, side by side.
 *
 *     logit = MLP([fields ; TIM(history, candidate)])
 *
 * Zhou et al., "Temporal Interest Network for User Response Prediction", WWW 2024 companion, arXiv:2308.08487. The
 * network reads the pooled 4-way products and the fields, the candidate's among them; the authors' code sums the
 * behaviours alone and gives the network the sum, the candidate and their product, behind a linear map.
 */
export class TIN extends Model {
  readonly embedding: FieldEmbedding;
  readonly interests: readonly TemporalInterest[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: TINOptions = {}) {
    super();
    const given = parseOptions(tinOptions, options, "TIN");
    const { embeddingDim: dim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "TIN");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    this.interests = this.#interests.map(({ sequences: [history], targets }) =>
      temporalInterest(history, targets.length * dim, given, schema),
    );
    this.deep = new MLP(this.embedding.width + exclude.length * dim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const pooled = this.#interests.map((interest, k) => {
      const timed = agesOf(interest.sequences[0], batch.schema);
      const ages = timed === undefined ? undefined : batch.vector(timed);
      return this.interests[k].forward({ ...readEvents(batch, interest, this.embedding), ages });
    });
    const x = concat([this.embedding.forwardFlat(batch), ...pooled]); // [batch, width]
    return this.deep.forward(x).squeeze(1);
  }
}

export const tin = describeModel({
  name: "TIN",
  summary: "Behaviours meet the candidate in what they are and when they were, in weight and in value.",
  options: tinOptions,
  model: TIN,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32], netDropout: 0.2 },
});
