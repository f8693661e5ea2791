/** The `model` and `training` sections of a first configuration: what people change first, spelt out. */
import { modelNamed } from "../run/index.ts";
import { keysToSnakeCase } from "../run/index.ts";
import { trainingOptions } from "../training/index.ts";

const firstChanged = ["epochs", "batchSize", "learningRate", "embeddingRegularizer", "seed"] as const;

/** Sections as a file holds them, for `model` (default DCNv2). */
export function startingSections(model = "DCNv2"): { readonly [section: string]: unknown } {
  const { name, options } = modelNamed(model);
  const defaults = trainingOptions.parse({});
  const training = Object.fromEntries(firstChanged.map((key) => [key, defaults[key]]));
  return keysToSnakeCase({ model: { name, ...options.parse({}) }, training }) as {
    [section: string]: unknown;
  };
}
