import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { FactorizedBlock, FieldGate, Linear } from "../layers/index.ts";
import { acrossSets, auxiliaryLoss, type Batch, Model, normalInit } from "../module/index.ts";
import { add, flatten, mean, mul, sigmoid, softplus, square, stopGradient, sub } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { activationName, embeddingOptions, rate, width } from "./options.ts";

export const finalNetOptions = z.strictObject({
  ...embeddingOptions,
  blocks: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe("One block, or two whose logits are averaged and which learn from the average."),
  block1HiddenUnits: z
    .array(width)
    .min(1)
    .default([400, 400])
    .describe("Widths of the first block's factorized layers."),
  block2HiddenUnits: z
    .array(width)
    .min(1)
    .default([400])
    .describe("Widths of the second block's factorized layers."),
  hiddenActivation: activationName.default("relu").describe("Activation of both blocks."),
  block1Dropout: rate.default(0).describe("Dropout of the first block."),
  block2Dropout: rate.default(0).describe("Dropout of the second block."),
  batchNorm: z.boolean().default(true).describe("Batch normalisation in both blocks."),
  residual: z
    .enum(["concat", "sum"])
    .default("concat")
    .describe("How a factorized layer joins its linear half and the product of both halves."),
  fieldGate: z.boolean().default(true).describe("Give the first block gated copies of the fields too."),
});
export type FinalNetOptions = z.input<typeof finalNetOptions>;

/**
 * FinalNet: factorized interaction layers in place of a deep network's linear ones.
 *
 *     ŷ_1 = w_1ᵀ block_1(gate(E)) + b_1,   ŷ_2 = w_2ᵀ block_2(x₀) + b_2,   logit = (ŷ_1 + ŷ_2) / 2
 *
 * With two blocks, training adds self-distillation: the cross entropy of either logit against the
 * probability of their average, through which no gradient goes (squared error for a real label). Sample
 * weights do not enter it. Zhu et al., "FINAL: Factorized Interaction Layer for CTR Prediction", SIGIR 2023,
 * doi:10.1145/3539618.3591988.
 */
export class FinalNet extends Model {
  readonly embedding: FieldEmbedding;
  readonly gate: FieldGate | undefined;
  readonly block1: FactorizedBlock;
  readonly head1: Linear;
  readonly block2: FactorizedBlock | undefined;
  readonly head2: Linear | undefined;
  readonly #distance: (logit: Tensor, teacher: Tensor) => Tensor;

  constructor(schema: FeatureMap, options: FinalNetOptions = {}) {
    super();
    const given = parseOptions(finalNetOptions, options, "FinalNet");
    const { embeddingDim, embeddingStd, hiddenActivation: activation, batchNorm, residual } = given;
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init: normalInit(embeddingStd) });
    const { fields, width } = this.embedding;
    this.gate = given.fieldGate ? new FieldGate(fields) : undefined;
    const block = { activation, batchNorm, residual };
    this.block1 = new FactorizedBlock(given.fieldGate ? 2 * width : width, given.block1HiddenUnits, {
      ...block,
      dropout: given.block1Dropout,
    });
    this.head1 = new Linear(this.block1.width, 1);
    if (given.blocks === 2) {
      this.block2 = new FactorizedBlock(width, given.block2HiddenUnits, {
        ...block,
        dropout: given.block2Dropout,
      });
      this.head2 = new Linear(this.block2.width, 1);
    }
    this.#distance = schema.labels[0]?.kind === "real" ? squaredDistance : crossEntropy;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const gated = flatten(this.gate?.forward(fields) ?? fields);
    const first = this.head1.forward(acrossSets(this.block1.forward(gated))).squeeze(1);
    if (this.block2 === undefined || this.head2 === undefined) return first;
    const second = this.head2.forward(acrossSets(this.block2.forward(flatten(fields)))).squeeze(1);
    const logit = mul(add(first, second), 0.5);
    const teacher = stopGradient(logit);
    auxiliaryLoss("self-distillation", () =>
      add(this.#distance(first, teacher), this.#distance(second, teacher)),
    );
    return logit;
  }
}

/** Of `sigmoid(logit)` against `sigmoid(teacher)`, averaged over rows. */
function crossEntropy(logit: Tensor, teacher: Tensor): Tensor {
  return mean(sub(softplus(logit), mul(sigmoid(teacher), logit)));
}

function squaredDistance(value: Tensor, teacher: Tensor): Tensor {
  return mean(square(sub(value, teacher)));
}

export const finalNet = describeInteraction({
  name: "FinalNet",
  summary: "Factorized interaction layers in one or two blocks that teach each other.",
  options: finalNetOptions,
  model: FinalNet,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    block1HiddenUnits: [32, 16],
    block2HiddenUnits: [16],
    block1Dropout: 0.2,
    block2Dropout: 0.1,
  },
});
