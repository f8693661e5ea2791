/** Hosts with several embedding sets, as members of the contract suites beside the plain models. */
import { type ModelDescription, models } from "../../src/models/index.ts";

/** Models that can have several embedding sets. */
export const hosts: readonly ModelDescription[] = models.filter(
  ({ options }) => "setInteraction" in options.shape,
);

const examples: { readonly [host: string]: object } = {
  DCNv2: { structure: "stacked", embeddingSets: 3 },
  FinalMLP: { embeddingSets: 2 },
  FinalNet: { embeddingSets: 2 },
};

/** One of each way in which sets meet: behind a hidden layer, at two streams, beside an auxiliary loss. */
export const severalSets: readonly ModelDescription[] = hosts
  .filter(({ name }) => name in examples)
  .map((host) => ({
    ...host,
    name: `${host.name} in several sets`,
    example: { ...host.example, ...examples[host.name] },
  }));
