import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { type Batch, Model } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { groupsOption } from "./field-groups.ts";
import { branchNames, Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, width } from "./options.ts";
import { expertKinds, TableSets } from "./table-sets.ts";
import { branchesOption, expertOptions, gateOptions, tasksOption, towerOptions } from "./task-options.ts";
import { historyPoolingOptions } from "./temporal-options.ts";

export const hmoeMEOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  embeddingDim: width.default(12).describe("Width of one field's embedding in each set of tables."),
  experts: z
    .array(z.enum(expertKinds))
    .min(1)
    .default(["gwpfm", "cross", "products", "none"])
    .describe(
      "What each expert has before its deep network; every expert has tables of its own. `gwpfm` is the " +
        "group-weighted part-aware FM, the others as in `interaction` of MMoE.",
    ),
  tables: z
    .enum(["each", "one"])
    .default("each")
    .describe("Whether every expert has tables of its own, or all read one set of `embedding_dim` width."),
  embeddingDims: z
    .array(width)
    .optional()
    .describe("Widths of the sets of tables, one for each expert. Default: `embedding_dim` each."),
  interactionLayers: expertOptions.interactionLayers,
  expertHiddenUnits: expertOptions.expertHiddenUnits,
  aggregation: z
    .enum(["gate", "weights", "mean"])
    .default("gate")
    .describe("How experts are added up: by a gate, by one learned weight each, or evenly."),
  gateHiddenUnits: gateOptions.gateHiddenUnits
    .default([])
    .describe("Hidden widths of each gate; it reads all sets side by side."),
  ...groupsOption,
  ...historyPoolingOptions,
  ...towerOptions,
});
export type HMoEMEOptions = z.input<typeof hmoeMEOptions>;

/**
 * Heterogeneous mixture of experts with multi-embedding: interactions of different kinds, each on embedding tables
 * of its own, added up by a gate for each task.
 *
 *     f_j = MLP_j(I_j(x_j)),   x_j: the fields by set j of tables
 *     g_t = softmax(MLP_t([x_1 ; … ; x_J])),   logit_t = tower_t(Σ_j g_tj f_j)
 *
 * An explicit interaction pulls the tables that it reads into few dimensions; a set of its own for each expert keeps
 * that from the others. Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024,
 * arXiv:2403.00793. Gates, towers and widths are ours where the paper does not say.
 */
export class HMoEME extends Model {
  readonly mixture: TableSets;
  readonly heads: Heads;
  readonly branches: number;

  constructor(schema: FeatureMap, options: HMoEMEOptions = {}) {
    super();
    const given = parseOptions(hmoeMEOptions, options, "HMoE-ME");
    const { experts, embeddingDim, embeddingDims = experts.map(() => embeddingDim), groups } = given;
    if (embeddingDims.length !== experts.length) {
      throw new ConfigError("HMoE-ME needs one width of embeddings for each expert", {
        details: { experts, embeddingDims },
      });
    }
    this.branches = branchNames(schema, given).length;
    const sets =
      given.tables === "one"
        ? [{ dim: embeddingDim, experts }]
        : experts.map((kind, k) => ({ dim: embeddingDims[k], experts: [kind] }));
    this.mixture = new TableSets(schema, { ...given, groups, sets, branches: this.branches });
    this.heads = new Heads(schema, { ...given, width: this.mixture.width });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    return this.heads.forward(batch, this.mixture.forward(batch, this.branches));
  }
}

export const hmoeME = describeModel({
  name: "HMoE-ME",
  summary: "Interactions of different kinds, each on tables of its own, weighed by a gate.",
  predicts: "every label",
  options: hmoeMEOptions,
  model: HMoEME,
  example: {
    embeddingDim: 6,
    embeddingStd: 0.1,
    interactionLayers: 1,
    expertHiddenUnits: [16],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
