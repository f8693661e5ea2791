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

export const stemOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  levels: width.default(1).describe("Layers of experts."),
  specificExperts: count.default(1).describe("Experts K1 of each task's own, on its own tables."),
  sharedExperts: count.default(8).describe("Experts K2 on the shared tables."),
  otherExperts: z
    .enum(["stopped", "trained", "none"])
    .default("stopped")
    .describe("Other tasks' experts: read through stop-gradient, read and trained, or not read."),
  gateInput: z
    .enum(["sum", "own"])
    .default("sum")
    .describe(
      "What a task's gate reads: its own embeddings plus the shared ones, as in the authors' code, or its own " +
        "alone, as in the paper's figure.",
    ),
  ...expertOptions,
  ...gateOptions,
  ...towerOptions,
});
export type STEMOptions = z.input<typeof stemOptions>;

/**
 * STEM-Net: every task has embedding tables of its own beside shared ones. All experts are read by all tasks,
 * but a task trains only its own and the shared ones ("all forward, task-specific backward"):
 *
 *     z_t = Σ_j softmax(MLP_t(x_t + x_s))_j f̃_j,   f̃_j: expert j, through stop-gradient if another task's
 *     logit_t = tower_t(z_t)
 *
 * so that the loss of task t reaches neither the tables nor the experts of another task. Su et al., "STEM:
 * Unleashing the Power of Embeddings for Multi-task Recommendation", AAAI 2024, arXiv:2308.13537. With
 * `branches: domain` the tables belong to domains (SDEM in Crocodile's comparison).
 *
 * Tables take `branches + 1` times the room of other models' of the same width. Without shared experts and
 * with gates that read their own input, there are no shared tables.
 */
export class STEM extends Model {
  readonly shared: FieldEmbedding | undefined;
  /** By branch. */
  readonly own: readonly FieldEmbedding[];
  readonly levels: readonly ExpertLayer[];
  readonly heads: Heads;

  constructor(schema: FeatureMap, options: STEMOptions = {}) {
    super();
    const given = parseOptions(stemOptions, options, "STEM");
    const { embeddingDim: dim, embeddingStd, levels, specificExperts, sharedExperts, gateInput } = given;
    if (specificExperts + sharedExperts === 0) {
      throw new ConfigError("STEM needs specific or shared experts", {
        details: { specificExperts, sharedExperts },
      });
    }
    const init = normalInit(embeddingStd);
    const names = branchNames(schema, given);
    const gateReadsShared = gateInput === "sum";
    this.shared =
      sharedExperts > 0 || gateReadsShared
        ? new FieldEmbedding(schema, { dim, init, role: "shared" })
        : undefined;
    this.own = names.map(
      (name) => new FieldEmbedding(schema, { dim, init, role: `${given.branches}:${name}` }),
    );
    const { expertHiddenUnits: hidden, gateHiddenUnits: gateHidden } = given;
    const deep = mlpOptions({ ...given, hiddenUnits: [] });
    const output = hidden[hidden.length - 1];
    this.levels = repeat(
      levels,
      (level) =>
        new ExpertLayer({
          branches: names.length,
          own: specificExperts,
          shared: sharedExperts,
          expert: level === 0 ? () => fieldExpert(this.own[0], given) : () => new MLP(output, hidden, deep),
          inputs: level === 0 ? this.own[0].width : output,
          gateHidden,
          others: given.otherExperts,
          gateReadsShared,
          sharedGate: level < levels - 1 && this.shared !== undefined ? "all" : undefined,
        }),
    );
    this.heads = new Heads(schema, { ...given, width: output });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const first: ExpertLayerValues = {
      branches: this.own.map((embedding) => embedding.forward(batch)), // [batch, fields, dim]
      shared: this.shared?.forward(batch),
    };
    const last = this.levels.reduce((values, level) => level.forward(values), first);
    return this.heads.forward(batch, last.branches);
  }
}

export const stem = describeModel({
  name: "STEM",
  summary: "Tables of each task's own beside shared ones; tasks read each other and train themselves.",
  predicts: "every label",
  options: stemOptions,
  model: STEM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    sharedExperts: 2,
    expertHiddenUnits: [16],
    gateHiddenUnits: [8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
