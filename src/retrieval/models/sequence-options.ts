/** Options that next-item models share. */
import { z } from "zod";
import { interactionFeatures } from "../interaction-schema.ts";

export const sequenceOptions = {
  embeddingDim: z.number().int().positive().default(64).describe("Width of an item's vector and of a state."),
  embeddingStd: z.number().positive().default(0.02).describe("Standard deviation that vectors start from."),
  historyFeature: z
    .string()
    .default(interactionFeatures.history)
    .describe("Sequence feature of items so far."),
  itemFeature: z.string().default(interactionFeatures.item).describe("Feature that names the item."),
};
