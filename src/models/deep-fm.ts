import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import { pairwiseInteraction } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const deepFMOptions = z.strictObject({ ...embeddingOptions, ...numericFieldsOption, ...deepOptions });
export type DeepFMOptions = z.input<typeof deepFMOptions>;

/**
 * DeepFM: a factorization machine and a deep network on the same embeddings; their logits add up.
 *
 * Guo et al., "DeepFM", IJCAI 2017, arXiv:1703.04247.
 */
export class DeepFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly deep: MLP;

  constructor(schema: FeatureMap, options: DeepFMOptions = {}) {
    super();
    const given = parseOptions(deepFMOptions, options, "DeepFM");
    const { embeddingDim, embeddingStd, numericFields, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    this.deep = new MLP(this.embedding.width, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const deep = this.deep.forwardAcrossSets(this.embedding.flatten(fields, batch)).squeeze(1);
    return this.linear
      .forward(batch)
      .add(acrossSets(pairwiseInteraction(fields)))
      .add(deep);
  }
}

export const deepFM = describeInteraction({
  name: "DeepFM",
  summary: "Factorization machine beside a deep network.",
  options: deepFMOptions,
  model: DeepFM,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32, 16], batchNorm: true, netDropout: 0.2 },
});
