/** The catalogue of models by name, as configurations, the command line and benchmarks use it. */
import type { ModelDescription } from "./describe-model.ts";
import * as zoo from "./zoo.ts";

export type { ModelDescription };
export { UncertaintyModel, type UncertaintyOptions, uncertaintyOptions } from "./uncertainty.ts";
export { CrossDistil, type CrossDistilOptions, crossDistilOptions, teacherOf } from "./cross-distil.ts";
export { MultiEmbedding, type MultiEmbeddingOptions } from "./multi-embedding.ts";
export * from "./zoo.ts";

/** Sorted by name, capitals or not; a namespace's own order differs between loaders. */
export const models: readonly ModelDescription[] = Object.values(zoo)
  .filter(isDescription)
  .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));

function isDescription(value: unknown): value is ModelDescription {
  return typeof value === "object" && value !== null && "create" in value && "options" in value;
}
