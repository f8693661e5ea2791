import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { ExpertLayer } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { branchNames, Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, width } from "./options.ts";
import {
  branchesOption,
  expertOptions,
  fieldExpert,
  gateOptions,
  tasksOption,
  towerOptions,
} from "./task-options.ts";

export const mmoeOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  experts: width.default(8).describe("Number K of experts that all tasks share."),
  ...expertOptions,
  ...gateOptions,
  gates: z
    .enum(["each", "one"])
    .optional()
    .describe("A gate for each task, or one for all (OMoE). Default: each."),
  ...towerOptions,
});
export type MMoEOptions = z.input<typeof mmoeOptions>;

/**
 * Multi-gate mixture of experts: all tasks share the experts, each weighs them by a gate of its own.
 *
 *     g_t = softmax(MLP_t(x₀)),   z_t = Σ_k g_tk f_k(x₀),   logit_t = tower_t(z_t)
 *
 * With one expert it is shared-bottom; with one gate for all (`gates: one`) it is OMoE, the paper's baseline. Ma et al., "Modeling Task Relationships in Multi-task Learning with
 * Multi-gate Mixture-of-Experts", KDD 2018. Gates have hidden layers as in FuxiCTR; the paper's are linear
 * (`gateHiddenUnits: []`).
 */
export class MMoE extends Model {
  readonly embedding: FieldEmbedding;
  readonly mixture: ExpertLayer;
  readonly heads: Heads;
  readonly branches: number;

  constructor(schema: FeatureMap, options: MMoEOptions = {}) {
    super();
    const given = parseOptions(mmoeOptions, options, "MMoE");
    const { embeddingDim: dim, embeddingStd, experts, gateHiddenUnits: gateHidden, gates } = given;
    this.branches = branchNames(schema, given).length;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    this.mixture = new ExpertLayer({
      branches: gates === "one" ? 1 : this.branches,
      own: 0,
      shared: experts,
      expert: () => fieldExpert(this.embedding, given),
      inputs: this.embedding.width,
      gateHidden,
    });
    this.heads = new Heads(schema, { ...given, width: this.mixture.width });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const shared = this.embedding.forward(batch); // [batch, fields, dim]
    const { gates } = this.mixture;
    const mixed = this.mixture.forward({ branches: gates.map(() => shared), shared }).branches;
    const branches = Array.from({ length: this.branches }, (_, k) => mixed[k] ?? mixed[0]);
    return this.heads.forward(batch, branches);
  }
}

export const mmoe = describeModel({
  name: "MMoE",
  summary: "Experts that all tasks share, weighed by a gate for each task.",
  predicts: "every label",
  options: mmoeOptions,
  model: MMoE,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    experts: 3,
    expertHiddenUnits: [16],
    gateHiddenUnits: [8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
