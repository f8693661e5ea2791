import { z } from "zod";

/** The law negatives are drawn by; options that objectives share. */
export const distributionOption = z
  .union([z.literal("uniform"), z.strictObject({ popularity: z.number().min(0).max(1) })])
  .default("uniform")
  .describe(
    "Law of drawn negatives: `uniform` over items, or `{popularity: a}`, an item's training count to the power a.",
  );

export type Distribution = z.output<typeof distributionOption>;
