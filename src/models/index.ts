/** The catalogue of models by name, as configurations, the command line and benchmarks use it. */
import type { ModelDescription } from "./describe-model.ts";
import * as zoo from "./zoo.ts";

export type { ModelDescription };
export * from "./zoo.ts";

/** Sorted by name. */
export const models: readonly ModelDescription[] = Object.values(zoo).filter(isDescription);

function isDescription(value: unknown): value is ModelDescription {
  return typeof value === "object" && value !== null && "create" in value && "options" in value;
}
