import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { BilinearFusion, MLP } from "../layers/index.ts";
import {
  acrossSets,
  type Batch,
  type Initializer,
  Model,
  Module,
  normalInit,
  Parameter,
  zerosInit,
} from "../module/index.ts";
import { mul, sigmoid } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { activationName, embeddingOptions, rate, width } from "./options.ts";

export const finalMLPOptions = z.strictObject({
  ...embeddingOptions,
  mlp1HiddenUnits: z.array(width).min(1).default([400]).describe("Hidden widths of the first stream."),
  mlp2HiddenUnits: z.array(width).min(1).default([400]).describe("Hidden widths of the second stream."),
  hiddenActivation: activationName.default("relu").describe("Activation of both streams."),
  mlp1Dropout: rate.default(0).describe("Dropout of the first stream."),
  mlp2Dropout: rate.default(0).describe("Dropout of the second stream."),
  mlp1BatchNorm: z.boolean().default(false).describe("Batch normalisation in the first stream."),
  mlp2BatchNorm: z.boolean().default(false).describe("Batch normalisation in the second stream."),
  useFeatureSelection: z.boolean().default(true).describe("Gate the inputs of both streams."),
  gateHiddenUnits: z.array(width).default([64]).describe("Hidden widths of the gates."),
  gate1Context: z
    .array(z.string())
    .default([])
    .describe("Features that drive the first gate; none: a learned vector."),
  gate2Context: z
    .array(z.string())
    .default([])
    .describe("Features that drive the second gate; none: a learned vector."),
  heads: z.number().int().positive().default(1).describe("Heads H of the bilinear fusion."),
});
export type FinalMLPOptions = z.input<typeof finalMLPOptions>;

/**
 * FinalMLP: two deep networks on differently gated copies of the embeddings, fused bilinearly.
 *
 *     g_s = 2 · sigmoid(MLP_s(context_s)),  h_s = MLP(x₀ ⊙ g_s),  logit = fusion(h₁, h₂)
 *
 * Mao et al., "FinalMLP", AAAI 2023, arXiv:2304.00902.
 */
export class FinalMLP extends Model {
  readonly embedding: FieldEmbedding;
  readonly gate1: StreamGate | undefined;
  readonly gate2: StreamGate | undefined;
  readonly mlp1: MLP;
  readonly mlp2: MLP;
  readonly fusion: BilinearFusion;

  constructor(schema: FeatureMap, options: FinalMLPOptions = {}) {
    super();
    const given = parseOptions(finalMLPOptions, options, "FinalMLP");
    const { embeddingDim, embeddingStd, gateHiddenUnits: hidden, hiddenActivation: activation } = given;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    const { width } = this.embedding;
    if (given.useFeatureSelection) {
      const gate = { embeddingDim, hidden, width, init };
      this.gate1 = new StreamGate(schema, { ...gate, context: given.gate1Context });
      this.gate2 = new StreamGate(schema, { ...gate, context: given.gate2Context });
    }
    const { mlp1Dropout, mlp2Dropout, mlp1BatchNorm, mlp2BatchNorm } = given;
    this.mlp1 = new MLP(width, given.mlp1HiddenUnits, {
      activation,
      dropout: mlp1Dropout,
      batchNorm: mlp1BatchNorm,
    });
    this.mlp2 = new MLP(width, given.mlp2HiddenUnits, {
      activation,
      dropout: mlp2Dropout,
      batchNorm: mlp2BatchNorm,
    });
    this.fusion = new BilinearFusion(this.mlp1.width, this.mlp2.width, { heads: given.heads });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const first = this.mlp1.forward(this.gate1 === undefined ? x0 : mul(x0, this.gate1.forward(batch)));
    const second = this.mlp2.forward(this.gate2 === undefined ? x0 : mul(x0, this.gate2.forward(batch)));
    return this.fusion.forward(acrossSets(first), acrossSets(second));
  }
}

interface StreamGateOptions {
  readonly embeddingDim: number;
  readonly context: readonly string[];
  readonly hidden: readonly number[];
  readonly width: number;
  readonly init: Initializer;
}

/** `2 · sigmoid(MLP(context))`, `[batch, width]` (or `[1, width]` without context): 1 where the MLP says 0. */
class StreamGate extends Module {
  readonly context: FieldEmbedding | undefined;
  readonly learned: Parameter | undefined;
  readonly mlp: MLP;

  constructor(schema: FeatureMap, { embeddingDim, context, hidden, width, init }: StreamGateOptions) {
    super();
    const given = context.length > 0;
    this.context = given
      ? new FieldEmbedding(schema, { dim: embeddingDim, include: context, init })
      : undefined;
    this.learned = given ? undefined : new Parameter([1, embeddingDim], { init: zerosInit });
    this.mlp = new MLP(this.context?.width ?? embeddingDim, hidden, { output: width });
  }

  forward(batch: Batch): Tensor {
    const input = this.context?.forwardFlat(batch) ?? (this.learned as Parameter);
    return mul(sigmoid(this.mlp.forward(input)), 2);
  }
}

export const finalMLP = describeInteraction({
  name: "FinalMLP",
  summary: "Two gated deep networks, fused bilinearly.",
  options: finalMLPOptions,
  model: FinalMLP,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    mlp1HiddenUnits: [32],
    mlp2HiddenUnits: [16],
    mlp1BatchNorm: true,
    mlp1Dropout: 0.2,
    gateHiddenUnits: [8],
    gate1Context: ["user", "tags", "age"],
    heads: 4,
  },
});
