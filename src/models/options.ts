/**
 * Options as schemas: one declaration gives the TypeScript type, the defaults, the check of a
 * configuration file and the reference page. Here those that many models share.
 */
import { z } from "zod";

export const width = z.number().int().positive();
export const rate = z.number().min(0).lt(1);
export const activationName = z.enum(["relu", "sigmoid", "tanh", "gelu", "silu", "prelu", "dice", "none"]);

export const embeddingOptions = {
  embeddingDim: width.default(16).describe("Width of one field's embedding."),
  embeddingStd: z
    .number()
    .nonnegative()
    .default(1e-4)
    .describe("Standard deviation of the normal law that embeddings start from."),
};

export const numericFieldsOption = {
  numericFields: z
    .enum(["embedded", "raw"])
    .default("embedded")
    .describe(
      "`embedded`: a number is a field like others, its value times a learned vector; `raw`: numbers join the " +
        "embeddings as they are, one input each.",
    ),
};

export const deepOptions = {
  hiddenUnits: z
    .array(width)
    .default([400, 400, 400])
    .describe("Widths of the deep network's hidden layers."),
  hiddenActivation: activationName.default("relu").describe("Activation of the hidden layers."),
  netDropout: rate.default(0).describe("Share of hidden units dropped in training."),
  batchNorm: z.boolean().default(false).describe("Batch normalisation in the deep network."),
};

/** What `MLP` takes, from the options above. */
export function mlpOptions(options: z.output<z.ZodObject<typeof deepOptions>>) {
  return { activation: options.hiddenActivation, dropout: options.netDropout, batchNorm: options.batchNorm };
}

/** Of models that search a long history for a few events to attend to. */
export const longHistoryOptions = {
  k: width.default(50).describe("Events that the search finds."),
  shortLength: width.default(50).describe("Most recent events, attended to as they are."),
  attentionWidth: width.default(64).describe("Width of attention, all heads together."),
  attentionHeads: width.default(2).describe("Heads of attention; they divide its width."),
  attentionDropout: rate.default(0).describe("Share of attention weights dropped in training."),
};

/** What `MultiHeadTargetAttention` takes, from the options above. */
export function targetAttentionOptions(options: z.output<z.ZodObject<typeof longHistoryOptions>>) {
  return { width: options.attentionWidth, heads: options.attentionHeads, dropout: options.attentionDropout };
}
