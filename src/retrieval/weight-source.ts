import type { Model } from "../module/index.ts";
import type { ModelWeights, WeightSource } from "../training/index.ts";

/** A model's live weights by path. */
export function weightSourceOf(model: Model, weights: ModelWeights): WeightSource {
  const tables = model.namedTables();
  const at = <T>(named: ReadonlyMap<string, T>, path: string): T => {
    const found = named.get(path);
    if (found === undefined) throw new Error(`the model has nothing at ${path}`);
    return found;
  };
  return {
    table: (path) => weights.table(at(tables, path)),
    parameter: (path) => weights.parameter(at(weights.parameters, path)),
    state: (path) => weights.state(at(weights.states, path)),
  };
}
