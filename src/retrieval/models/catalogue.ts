/** The retrieval models by name, as configurations name them. */
import { ConfigError, nearestName } from "../../core/index.ts";
import type { RetrievalDescription } from "./describe-retrieval.ts";
import * as zoo from "./zoo.ts";

export const retrievalModels: readonly RetrievalDescription[] = Object.values(zoo).filter(
  (value): value is typeof zoo.mf => typeof value === "object",
);

/** @throws ConfigError with the nearest name when there is no such model */
export function retrievalModelNamed(name: string): RetrievalDescription {
  const found = retrievalModels.find((model) => model.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = retrievalModels.map((model) => model.name);
  const near = nearestName(name, names);
  throw new ConfigError(`config model.name: there is no retrieval model "${name}"`, {
    details: { name, known: names },
    hint: near === undefined ? `known models: ${names.join(", ")}` : `did you mean ${near}?`,
  });
}
