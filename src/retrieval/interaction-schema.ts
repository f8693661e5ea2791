/** The feature map of plain interactions: a user, an item, and the user's items so far. */
import { type FeatureMap, FIRST_VALUE_ID, type IdEncoder } from "../schema/index.ts";
import type { Interactions } from "./interactions.ts";

/** Names of the features, and of their columns in raw rows. */
export const interactionFeatures = { user: "user", item: "item", history: "history" } as const;

export interface InteractionSchemaOptions {
  /** Items of a history that count, the most recent ones. @default 50 */
  readonly historyLength?: number;
}

/**
 * Features `user`, `item` and `history` (a sequence of items). A server encodes raw rows with it like
 * those of any other model.
 */
export function interactionSchema(
  { users, items }: Pick<Interactions, "users" | "items">,
  { historyLength = 50 }: InteractionSchemaOptions = {},
): FeatureMap {
  const { user, item, history } = interactionFeatures;
  return {
    version: 1,
    features: [
      { kind: "categorical", name: user, column: user, encoder: user },
      { kind: "categorical", name: item, column: item, encoder: item },
      {
        kind: "sequence",
        name: history,
        column: history,
        encoder: item,
        separator: undefined,
        maxLength: historyLength,
        target: item,
        alignedWith: undefined,
        timesColumn: undefined,
      },
    ],
    encoders: { [user]: keyEncoder(users), [item]: keyEncoder(items) },
    labels: [],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
}

function keyEncoder(values: readonly string[]): IdEncoder {
  return {
    valueType: "string",
    trim: false,
    vocabulary: { type: "list", values, minCount: 1 },
    size: FIRST_VALUE_ID + values.length,
  };
}
