import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { type Batch, Model } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { groupsOption } from "./field-groups.ts";
import { branchNames, Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, width } from "./options.ts";
import { TableSets } from "./table-sets.ts";
import { branchesOption, expertOptions, gateOptions, tasksOption, towerOptions } from "./task-options.ts";
import { historyPoolingOptions } from "./temporal-options.ts";

export const ameOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  embeddingDims: z
    .array(width)
    .min(1)
    .default([4, 8, 16])
    .describe("Widths of the sets of tables; how many there are does not depend on the tasks."),
  embeddingStd: embeddingOptions.embeddingStd,
  expertsPerSet: width.default(1).describe("Experts on each set of tables."),
  ...expertOptions,
  ...gateOptions,
  ...groupsOption,
  ...historyPoolingOptions,
  historyPooling: historyPoolingOptions.historyPooling.default("mean"),
  ...towerOptions,
});
export type AMEOptions = z.input<typeof ameOptions>;

/**
 * Asymmetric multi-embedding: a few sets of embedding tables of different widths, experts on each, and every task
 * finds by a gate of its own which of them it reads.
 *
 *     g_t = softmax(MLP_t([x_1 ; … ; x_T])),   z_t = Σ_j g_tj f_j(x of f_j's set),   logit_t = tower_t(z_t)
 *
 * No set belongs to a task; the widths break the symmetry. Gradients flow everywhere. With one set it is MMoE. Pan
 * et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024, arXiv:2403.00793.
 */
export class AME extends Model {
  readonly mixture: TableSets;
  readonly heads: Heads;
  readonly branches: number;

  constructor(schema: FeatureMap, options: AMEOptions = {}) {
    super();
    const given = parseOptions(ameOptions, options, "AME");
    const { embeddingDims, expertsPerSet, interaction, groups } = given;
    this.branches = branchNames(schema, given).length;
    const sets = embeddingDims.map((dim) => ({ dim, experts: repeat(expertsPerSet, () => interaction) }));
    const aggregation = "gate";
    this.mixture = new TableSets(schema, { ...given, groups, sets, aggregation, branches: this.branches });
    this.heads = new Heads(schema, { ...given, width: this.mixture.width });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    return this.heads.forward(batch, this.mixture.forward(batch, this.branches));
  }
}

export const ame = describeModel({
  name: "AME",
  summary: "A few sets of tables of different widths; each task finds its own by a gate.",
  predicts: "every label",
  options: ameOptions,
  model: AME,
  example: {
    embeddingDims: [2, 4],
    embeddingStd: 0.1,
    expertsPerSet: 2,
    expertHiddenUnits: [16],
    gateHiddenUnits: [8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
