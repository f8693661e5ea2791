/** `POST /rank/{name}`: what requests and answers look like. Keys on the wire are snake_case. */
import { z } from "zod";

/** A raw value as features are made of: what a cell of the training data could hold. */
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const rawValue = z.union([scalar, z.array(scalar)]).describe("a value, or a list of values");
const rawRow = z.record(z.string(), rawValue).describe("raw values by column of the training data");
const id = z.union([z.string(), z.number()]);

/** A counted id in itself, or with features that win over the item table's. */
const candidate = z.union([id, z.strictObject({ id, features: rawRow.optional() })]);

export const rankRequestSchema = z
  .strictObject({
    user: id.nullish().describe("id in the user table; features of an unknown one are missing"),
    context: rawRow
      .optional()
      .describe("columns of the moment (hour, page, device); they win over the user table's"),
    candidates: z
      .array(candidate)
      .optional()
      .describe("items to rank; absent: the service's own source finds them"),
    exclude: z.array(id).optional().describe("items to leave out, such as those on the page already"),
    limit: z.number().int().min(1).optional().describe("items wanted"),
    explain: z.boolean().optional().describe("stage by stage scores, and the feature values used"),
  })
  .meta({ id: "RankRequest" });

const prediction = z.record(z.string(), z.number());

const explanation = z.object({
  stages: z.array(
    z.object({
      stage: z.string().describe("`candidates`: the candidate source, where it has an order of its own"),
      rank: z.number().int().describe("from 1, within the stage"),
      score: z.number(),
      predictions: prediction,
    }),
  ),
  features: z.record(z.string(), rawValue).describe("raw values that the stages' models and formulas read"),
});

export const rankResponseSchema = z
  .object({
    request_id: z.string(),
    name: z.string(),
    version: z.string().describe("of everything that took part: models, tables, configuration"),
    items: z.array(
      z.object({
        id,
        score: z
          .number()
          .nullable()
          .describe("value by the last stage that was in time; null: only the order is known"),
        predictions: prediction.describe("by label, of that stage"),
        explanation: explanation.optional(),
      }),
    ),
    stage: z.string().nullable().describe("which stage's order this is; null: the candidate source's"),
    fallbacks: z
      .array(z.object({ stage: z.string(), reason: z.enum(["late", "failed", "overloaded"]) }))
      .describe("stages that were left out"),
    counts: z.object({
      candidates: z.number().int(),
      filtered: z.number().int().describe("left out by filters"),
      without_value: z.number().int().describe("left out because a column of the formula is missing"),
      unknown_items: z.number().int().describe("ids that the item table does not have"),
    }),
    unknown_user: z.boolean(),
  })
  .meta({ id: "RankResponse" });

export type RankRequest = z.input<typeof rankRequestSchema>;
export type RankResponse = z.output<typeof rankResponseSchema>;
