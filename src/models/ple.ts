import { z } from "zod";
import { ConfigError, parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { ExpertLayer, type ExpertLayerValues, MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { branchNames, Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, mlpOptions, width } from "./options.ts";
import {
  branchesOption,
  expertOptions,
  fieldExpert,
  gateOptions,
  tasksOption,
  towerOptions,
} from "./task-options.ts";

const count = z.number().int().nonnegative();

export const pleOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  levels: width.default(1).describe("Layers of experts; one is CGC."),
  specificExperts: count.default(1).describe("Experts of each task's own, in each level."),
  sharedExperts: count.default(8).describe("Experts that all tasks read, in each level."),
  sharedGate: z
    .enum(["all", "shared"])
    .default("all")
    .describe(
      "What the shared path of a level passes on: `all` of its experts as in the paper, or the `shared` ones " +
        "as in FuxiCTR.",
    ),
  ...expertOptions,
  ...gateOptions,
  ...towerOptions,
});
export type PLEOptions = z.input<typeof pleOptions>;

/**
 * Progressive layered extraction: besides shared experts, each task has its own, which the others do not
 * read; several levels of them separate what is shared from what is not step by step.
 *
 *     z_t = Σ_j softmax(MLP_t(x_t))_j f_j     over task t's experts of x_t and the shared ones of x_s
 *     z_s = Σ_j softmax(MLP_s(x_s))_j f_j     over all experts of the level, or the shared ones
 *
 * The z of a level are the x of the next one; towers read the last z_t. One level is CGC. Without specific
 * experts it is MMoE, without shared ones the tasks share the embeddings alone. Tang et al., "Progressive
 * Layered Extraction", RecSys 2020. All levels have experts of the same widths; an interaction of fields
 * stands before the first level's.
 */
export class PLE extends Model {
  readonly embedding: FieldEmbedding;
  readonly levels: readonly ExpertLayer[];
  readonly heads: Heads;
  readonly branches: number;

  constructor(schema: FeatureMap, options: PLEOptions = {}) {
    super();
    const given = parseOptions(pleOptions, options, "PLE");
    const { embeddingDim: dim, embeddingStd, levels, specificExperts, sharedExperts, sharedGate } = given;
    if (specificExperts + sharedExperts === 0) {
      throw new ConfigError("PLE needs specific or shared experts", {
        details: { specificExperts, sharedExperts },
      });
    }
    const { expertHiddenUnits: hidden, gateHiddenUnits: gateHidden } = given;
    this.branches = branchNames(schema, given).length;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    const deep = mlpOptions({ ...given, hiddenUnits: [] });
    const output = hidden[hidden.length - 1];
    this.levels = repeat(
      levels,
      (level) =>
        new ExpertLayer({
          branches: this.branches,
          own: specificExperts,
          shared: sharedExperts,
          expert:
            level === 0 ? () => fieldExpert(this.embedding, given) : () => new MLP(output, hidden, deep),
          inputs: level === 0 ? this.embedding.width : output,
          gateHidden,
          sharedGate: level < levels - 1 && sharedExperts > 0 ? sharedGate : undefined,
        }),
    );
    this.heads = new Heads(schema, { ...given, width: output });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const shared = this.embedding.forward(batch); // [batch, fields, dim]
    const first: ExpertLayerValues = { branches: repeat(this.branches, () => shared), shared };
    const last = this.levels.reduce((values, level) => level.forward(values), first);
    return this.heads.forward(batch, last.branches);
  }
}

export const ple = describeModel({
  name: "PLE",
  summary: "Shared experts and experts of each task's own, in levels.",
  predicts: "every label",
  options: pleOptions,
  model: PLE,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    levels: 2,
    sharedExperts: 2,
    expertHiddenUnits: [16],
    gateHiddenUnits: [8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
