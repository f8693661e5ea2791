/** Histories read by their candidate and by time, as an option of any model on `FieldEmbedding`. */
import { z } from "zod";
import { ConfigError } from "../core/index.ts";
import { agesOf, type FieldEmbeddingOptions } from "../embeddings/index.ts";
import { TemporalInterest, temporalEncodings } from "../layers/index.ts";
import type { FeatureMap, SequenceFeature } from "../schema/index.ts";

export const temporalOptions = {
  temporalEncoding: z
    .enum(temporalEncodings)
    .default("position")
    .describe(
      "What is known of when an event of a history was: its place counted back from the candidate, the gap in time " +
        "(needs `times_column`), both, or nothing.",
    ),
  valueProduct: z
    .boolean()
    .default(true)
    .describe("An event's share of the pooled history is its product with the candidate, not itself alone."),
};

export const historyPoolingOptions = {
  historyPooling: z
    .enum(["temporal", "mean"])
    .default("temporal")
    .describe(
      "How a history with a `target` becomes a field: by the temporal interest module (TIM), or the mean of its entries.",
    ),
  ...temporalOptions,
};

type TemporalChoices = z.output<z.ZodObject<typeof temporalOptions>>;

/** The module for one history. @throws ConfigError when gaps are asked for and the history has no times */
export function temporalInterest(
  history: SequenceFeature,
  dim: number,
  { temporalEncoding, valueProduct }: TemporalChoices,
  schema: FeatureMap,
): TemporalInterest {
  const needsTimes = temporalEncoding === "gap" || temporalEncoding === "both";
  if (needsTimes && agesOf(history, schema) === undefined) {
    throw new ConfigError(
      `temporal_encoding: ${temporalEncoding} needs times, and the history "${history.name}" has none`,
      {
        details: { history: history.name, temporalEncoding },
        hint: "give the sequence a times_column and the data a timestamp, or take temporal_encoding: position",
      },
    );
  }
  return new TemporalInterest(dim, { length: history.maxLength, encoding: temporalEncoding, valueProduct });
}

/** What `FieldEmbedding` takes, from the options above. */
export function historyPooling(
  given: z.output<z.ZodObject<typeof historyPoolingOptions>>,
  schema: FeatureMap,
): Pick<FieldEmbeddingOptions, "pool"> {
  if (given.historyPooling === "mean") return {};
  return { pool: (history, dim) => temporalInterest(history, dim, given, schema) };
}
