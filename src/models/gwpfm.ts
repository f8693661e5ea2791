import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { GroupedPairs, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import { add, squeeze, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { groupsOf, groupsOption } from "./field-groups.ts";
import { deepOptions, embeddingOptions, mlpOptions, width } from "./options.ts";
import { historyPooling, historyPoolingOptions } from "./temporal-options.ts";

export const gwPFMOptions = z.strictObject({
  ...embeddingOptions,
  embeddingDim: width
    .default(8)
    .describe("Width of one part; a table's row holds one for each group, side by side."),
  ...groupsOption,
  ...historyPoolingOptions,
  historyPooling: historyPoolingOptions.historyPooling.default("mean"),
  ...deepOptions,
  hiddenUnits: deepOptions.hiddenUnits
    .default([])
    .describe("Widths of a deep network behind the interaction; none: its components are added up."),
});
export type GwPFMOptions = z.input<typeof gwPFMOptions>;

/**
 * Group-weighted part-aware factorization machine: fields stand in groups, and a value has a vector for each group.
 *
 *     o = Σ_{i<j} r_{g(i) g(j)} (v_{i→g(j)} ⊙ v_{j→g(i)})
 *     logit = b + Σ_f w_f[x_f] + Σ_k o_k,   or  … + MLP(o)
 *
 * One group makes it FM, a group for each field a field-weighted FFM. Pan et al., "Ads Recommendation in a
 * Collapsed and Entangled World", KDD 2024, arXiv:2403.00793; the paper names it, its form follows FwFM and FFM.
 */
export class GwPFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly pairs: GroupedPairs;
  readonly deep: MLP | undefined;

  constructor(schema: FeatureMap, options: GwPFMOptions = {}) {
    super();
    const given = parseOptions(gwPFMOptions, options, "GwPFM");
    const { embeddingDim, embeddingStd, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    const names = new FieldEmbedding(schema, { dim: 1 }).names;
    const groups = groupsOf(schema, names, given.groups);
    this.linear = new LinearLogit(schema, { init });
    const dim = groups.length * embeddingDim;
    this.embedding = new FieldEmbedding(schema, { dim, init, ...historyPooling(given, schema) });
    this.pairs = new GroupedPairs(groups, { width: embeddingDim });
    this.deep =
      hiddenUnits.length === 0
        ? undefined
        : new MLP(embeddingDim, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const o = this.pairs.forward(this.embedding.forward(batch)); // [batch, embeddingDim]
    const pairs =
      this.deep === undefined ? acrossSets(sum(o, { axis: 1 })) : squeeze(this.deep.forwardAcrossSets(o), 1);
    return add(this.linear.forward(batch), pairs);
  }
}

export const gwPFM = describeInteraction({
  name: "GwPFM",
  summary: "Factorization machine with a vector for every group of fields.",
  options: gwPFMOptions,
  model: GwPFM,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [16], netDropout: 0.1 },
});
