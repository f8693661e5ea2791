import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import type { FieldExpert } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions } from "./options.ts";
import {
  bottomWidths,
  branchesOption,
  expertOptions,
  fieldExpert,
  tasksOption,
  towerOptions,
} from "./task-options.ts";

const { interaction, interactionLayers } = expertOptions;

export const sharedBottomOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  bottomHiddenUnits: bottomWidths("Hidden widths of what all tasks share."),
  interaction,
  interactionLayers,
  ...towerOptions,
});
export type SharedBottomOptions = z.input<typeof sharedBottomOptions>;

/**
 * One network for all tasks or domains with a tower for each on top:
 *
 *     z = MLP(x₀),   logit_t = tower_t(z)
 *
 * Caruana, "Multitask Learning", Machine Learning 28, 1997. With one task it is that task's own model, so
 * that single-task and multi-task training differ in nothing else.
 */
export class SharedBottom extends Model {
  readonly embedding: FieldEmbedding;
  readonly bottom: FieldExpert;
  readonly heads: Heads;

  constructor(schema: FeatureMap, options: SharedBottomOptions = {}) {
    super();
    const given = parseOptions(sharedBottomOptions, options, "SharedBottom");
    this.embedding = new FieldEmbedding(schema, {
      dim: given.embeddingDim,
      init: normalInit(given.embeddingStd),
    });
    this.bottom = fieldExpert(this.embedding, { ...given, expertHiddenUnits: given.bottomHiddenUnits });
    this.heads = new Heads(schema, { ...given, width: this.bottom.width });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    return this.heads.forwardShared(batch, this.bottom.forward(this.embedding.forward(batch)));
  }
}

export const sharedBottom = describeModel({
  name: "SharedBottom",
  summary: "One network for all tasks or domains, a tower for each.",
  predicts: "every label",
  options: sharedBottomOptions,
  model: SharedBottom,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    bottomHiddenUnits: [32],
    towerHiddenUnits: [16],
    netDropout: 0.2,
    branches: "domain",
  },
});
