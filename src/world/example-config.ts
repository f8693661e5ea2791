/** A ready data config for a generated world: what the quickstart, tests and recipes train on. */
import { join } from "node:path";
import type { DataConfigInput } from "../data/index.ts";
import { readWorldManifest } from "./manifest.ts";

export interface ExampleConfigOptions {
  /**
   * `fields`: ids, categories and numbers of user, item and context. `history`: those and the user's recent
   * clicks, as items and as categories. @default "fields"
   */
  readonly features?: "fields" | "history";
  /** Most recent clicks that a model sees. @default 50 */
  readonly historyLength?: number;
  /** Labels to predict, the first being the main task. @default ["click"] */
  readonly labels?: readonly ("click" | "like" | "conversion" | "hide")[];
}

const categorical = [
  "user_id",
  "age",
  "gender",
  "city",
  "device",
  "item_id",
  "category",
  "subcategory",
  "advertiser",
  "format",
  "domain",
  "position",
  "hour",
] as const;

/**
 * Data config of the world in `directory`, with the true probability of each label kept beside the data.
 * Neither latents nor the policy's columns are features.
 *
 * @throws DataError when the directory holds no world
 */
export function exampleConfig(
  directory: string,
  { features = "fields", historyLength = 50, labels = ["click"] }: ExampleConfigOptions = {},
): DataConfigInput {
  const { splits } = readWorldManifest(directory);
  const history: DataConfigInput["features"] = [
    {
      name: "history_items",
      kind: "sequence",
      target: "item_id",
      timesColumn: "history_times",
      maxLength: historyLength,
    },
    {
      name: "history_categories",
      kind: "sequence",
      target: "category",
      alignedWith: "history_items",
      maxLength: historyLength,
    },
  ];
  return {
    data: {
      train: join(directory, splits.train.file),
      valid: join(directory, splits.valid.file),
      test: join(directory, splits.test.file),
      keep: labels.map((label) => `true_${label}`),
    },
    features: [
      ...categorical.map((name) => ({ name, kind: "categorical" as const })),
      { name: "price", kind: "numeric", transform: "log_standard" },
      { name: "item_age", kind: "numeric", transform: "log_standard" },
      ...(features === "history" ? history : []),
    ],
    labels: labels.map((name) => ({ name })),
    group: "user_id",
    domain: "domain",
    timestamp: "time",
    timestampUnit: "s",
  };
}
