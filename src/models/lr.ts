import { z } from "zod";
import { LinearLogit } from "../embeddings/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Batch, Model } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";

export const lrOptions = z.strictObject({});

/** Logistic regression on one-hot fields: `logit = b + Σ_f w_f[x_f]`. Richardson et al., "Predicting Clicks", WWW 2007. */
export class LR extends Model {
  readonly linear: LinearLogit;

  constructor(schema: FeatureMap) {
    super();
    this.linear = new LinearLogit(schema);
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    return this.linear.forward(batch);
  }
}

export const lr = describeModel({
  name: "LR",
  summary: "Logistic regression on one-hot fields.",
  options: lrOptions,
  model: LR,
  example: {},
});
