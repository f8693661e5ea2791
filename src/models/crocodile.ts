import { z } from "zod";
import { ConfigError, parseOptions, repeat } from "../core/index.ts";
import { DomainEmbedding, FieldEmbedding, RowDomain } from "../embeddings/index.ts";
import { crossExpertCovariance, type FieldExpert, Linear } from "../layers/index.ts";
import { auxiliaryLoss, type Batch, Model, Module, normalInit, observe } from "../module/index.ts";
import { concat, mul, reshape, softmax, stack, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, width } from "./options.ts";
import { branchesOption, expertOptions, fieldExpert, tasksOption, towerOptions } from "./task-options.ts";

export const crocodileOptions = z.strictObject({
  ...tasksOption,
  branches: branchesOption.branches.default("domain"),
  ...embeddingOptions,
  embeddingSets: width.default(5).describe("Number M of embedding sets, with an expert on each."),
  ...expertOptions,
  expertHiddenUnits: expertOptions.expertHiddenUnits.default([256, 128, 64]),
  gate: z
    .enum(["dimension", "scalar"])
    .default("dimension")
    .describe("One weight for each expert and output dimension, or one for each expert."),
  priorFeatures: z
    .array(z.string())
    .default([])
    .describe("Features that the gate reads beside the domain, such as the user's and the item's id."),
  priorDim: width.default(16).describe("Width of the gate's own vectors."),
  perDomainGate: z.boolean().default(false).describe("A gate matrix for each domain; for few domains."),
  covarianceWeight: z
    .number()
    .nonnegative()
    .default(0.1)
    .describe("Weight α of the penalty on covariance between experts."),
  covarianceNormalization: z
    .enum(["mean", "paper"])
    .default("mean")
    .describe(
      "Covariance as a mean over the batch's rows, or as the paper's sum, which grows with the batch.",
    ),
  covarianceRows: width
    .nullable()
    .default(null)
    .describe("Rows of a batch that the penalty looks at; null: all. The paper finds 32 to be enough."),
  ...towerOptions,
  towerHiddenUnits: towerOptions.towerHiddenUnits.default([64]),
});
export type CrocodileOptions = z.input<typeof crocodileOptions>;

/**
 * Crocodile: several embedding sets, all shared by all domains, an expert on each, kept different by a
 * penalty on the covariance between experts; a gate from prior features weighs them dimension by dimension.
 *
 *     O⁽ᵐ⁾ = MLP_m(x⁽ᵐ⁾),   g = softmax over m of r W_g,   t = Σ_m g_m ⊙ O⁽ᵐ⁾,   logit_d = tower_d(t)
 *     penalty = α (1/d²) Σ_{p>q} ‖C⁽ᵖ⁾ᵀ C⁽ᑫ⁾‖₁     (`crossExpertCovariance`)
 *
 * where r are vectors, of the gate's own, of the domain and the prior features. Lin et al., "Crocodile: Cross
 * Experts Covariance for Disentangled Learning in Multi-Domain Recommendation", arXiv:2405.12706. The paper
 * lets each domain's mean loss count once: `domain_balance` of training. With `covarianceWeight: 0` and a
 * scalar gate it is MMoE on several embedding sets (ME-MMoE).
 */
export class Crocodile extends Model {
  readonly sets: readonly FieldEmbedding[];
  readonly experts: readonly FieldExpert[];
  readonly gate: PriorGate;
  readonly heads: Heads;
  readonly #covariance: Pick<
    z.output<typeof crocodileOptions>,
    "covarianceWeight" | "covarianceNormalization" | "covarianceRows"
  >;

  constructor(schema: FeatureMap, options: CrocodileOptions = {}) {
    super();
    const given = parseOptions(crocodileOptions, options, "Crocodile");
    const { embeddingDim: dim, embeddingStd, embeddingSets } = given;
    const init = normalInit(embeddingStd);
    this.sets = repeat(embeddingSets, (m) => new FieldEmbedding(schema, { dim, init, role: `set:${m}` }));
    this.experts = this.sets.map((set) => fieldExpert(set, given));
    const { width } = this.experts[0];
    this.gate = new PriorGate(schema, { ...given, experts: embeddingSets, width });
    this.heads = new Heads(schema, { ...given, width });
    this.#covariance = given;
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const outputs = this.experts.map((expert, m) => expert.forward(this.sets[m].forward(batch)));
    for (const [m, output] of outputs.entries()) observe(`experts.shared.${m}`, output);
    const { covarianceWeight, covarianceNormalization: normalize, covarianceRows } = this.#covariance;
    if (covarianceWeight > 0 && outputs.length > 1) {
      const rows = covarianceRows ?? undefined;
      auxiliaryLoss("covariance", () =>
        mul(crossExpertCovariance(outputs, { normalize, rows }), covarianceWeight),
      );
    }
    const weights = this.gate.forward(batch); // [batch, experts, width or 1]
    observe("gates", weights);
    const mixed = sum(mul(stack(outputs, { axis: 1 }), weights), { axis: 1 }); // [batch, width]
    return this.heads.forwardShared(batch, mixed);
  }
}

interface PriorGateOptions
  extends Pick<
    z.output<typeof crocodileOptions>,
    "gate" | "priorFeatures" | "priorDim" | "perDomainGate" | "embeddingStd"
  > {
  readonly experts: number;
  readonly width: number;
}

/** `softmax over experts of r W_g`: `[batch, experts, width]`, or `[batch, experts, 1]` for a scalar gate. */
class PriorGate extends Module {
  readonly domain: DomainEmbedding | undefined;
  readonly prior: FieldEmbedding | undefined;
  /** One, or one a domain. */
  readonly maps: readonly Linear[];
  readonly #domain: RowDomain | undefined;
  readonly #shape: readonly [experts: number, width: number];

  constructor(schema: FeatureMap, options: PriorGateOptions) {
    super();
    const { priorFeatures: include, priorDim: dim, experts, perDomainGate, embeddingStd } = options;
    const init = normalInit(embeddingStd);
    if (schema.domain === undefined && include.length === 0) {
      throw new ConfigError("Crocodile's gate has nothing to read", {
        hint: "name the domain's column as `domain` in the configuration, or features as prior_features",
      });
    }
    this.domain = schema.domain === undefined ? undefined : new DomainEmbedding(schema, { dim, init });
    this.prior =
      include.length === 0 ? undefined : new FieldEmbedding(schema, { dim, include, init, role: "gate" });
    this.#domain = perDomainGate ? new RowDomain(schema) : undefined;
    this.#shape = [experts, options.gate === "scalar" ? 1 : options.width];
    const inputs = (this.domain === undefined ? 0 : dim) + (this.prior?.width ?? 0);
    const outputs = experts * this.#shape[1];
    this.maps = repeat(this.#domain?.values.length ?? 1, () => new Linear(inputs, outputs, { bias: false }));
  }

  forward(batch: Batch): Tensor {
    const parts = [this.domain?.forward(batch), this.prior?.forwardFlat(batch)];
    const r = concat(parts.filter((part) => part !== undefined)); // [batch, prior width]
    const each = this.maps.map((map) => map.forward(r));
    const scores = this.#domain?.select(batch, each) ?? each[0];
    const [experts, width] = this.#shape;
    return softmax(reshape(scores, [scores.shape[0], experts, width]), { axis: 1 });
  }
}

export const crocodile = describeModel({
  name: "Crocodile",
  summary: "Several shared embedding sets whose experts are kept from repeating each other.",
  predicts: "every label",
  options: crocodileOptions,
  model: Crocodile,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    embeddingSets: 3,
    expertHiddenUnits: [16, 8],
    priorFeatures: ["user", "tags"],
    priorDim: 3,
    covarianceWeight: 0.001,
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
