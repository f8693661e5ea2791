/** The `model` and `training` sections of a first configuration: what people change first, spelt out. */
import { modelNamed } from "../run/index.ts";
import { keysToSnakeCase } from "../run/index.ts";
import { trainingOptions } from "../training/index.ts";

const firstChanged = ["epochs", "batchSize", "learningRate", "embeddingRegularizer", "seed"] as const;

/**
 * Sections as a file holds them, for `model` (default DCNv2). Small data get smaller batches, so that an
 * epoch has about a hundred steps: one step an epoch would be stopped for not improving before it learned.
 * Real labels have no AUC to watch.
 */
export function startingSections(
  model = "DCNv2",
  rows = Number.POSITIVE_INFINITY,
  label: "binary" | "real" = "binary",
): { readonly [section: string]: unknown } {
  const { name, options } = modelNamed(model);
  const most = trainingOptions.parse({});
  const batchSize = Math.min(most.batchSize, Math.max(64, 2 ** Math.round(Math.log2(rows / 100))));
  const defaults = { ...most, batchSize };
  const training = {
    ...Object.fromEntries(firstChanged.map((key) => [key, defaults[key]])),
    ...(label === "real" && { monitor: "rmse" }),
  };
  return keysToSnakeCase({ model: { name, ...options.parse({}) }, training }) as {
    [section: string]: unknown;
  };
}
