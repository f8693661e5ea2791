/**
 * Collapsed and entangled world (S04): every component of the Tencent ads ranker beside its ablation, in the
 * setting that it is made for. Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024,
 * arXiv:2403.00793. A component is one file here and one entry of `components`.
 */
import type { RecipeResult } from "../../run/index.ts";
import { recordParts } from "../record-parts.ts";
import type { Recipe, RecipeContext } from "../recipe.ts";
import type { Component } from "./component.ts";
import { temporalInterest } from "./temporal-interest.ts";
import { numerals } from "./numerals.ts";
import { similarity } from "./similarity.ts";
import { contentIds } from "./content-ids.ts";
import { gwpfm } from "./gwpfm.ts";
import { hmoeME } from "./hmoe-me.ts";
import { asymmetricEmbedding } from "./asymmetric-embedding.ts";
import { auxiliaryLearning } from "./auxiliary-learning.ts";
import { exploration } from "./exploration.ts";
import { exposureWeighting } from "./exposure-weighting.ts";
import { streaming } from "./streaming.ts";

/** In the order of the result's rows. */
const components: readonly Component[] = [
  temporalInterest,
  numerals,
  similarity,
  contentIds,
  gwpfm,
  hmoeME,
  asymmetricEmbedding,
  auxiliaryLearning,
  exposureWeighting,
  streaming,
  exploration,
];

export const collapsedEntangledWorld: Recipe = {
  name: "collapsed-entangled-world",
  system: "S04",
  summary: "Every component of the system beside its ablation, one group of rows each: worlds and real data.",
  claim: "each component beats its ablation in the setting that it is made for (test AUC unless said)",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  variants: components.map(({ name }) => name),
  run,
};

function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordParts(
    collapsedEntangledWorld,
    {
      parts: () => components.filter(({ name }) => context.only?.includes(name) ?? true),
      nameOf: ({ name }) => name,
      measure: async (component) => {
        context.onLine(`${component.name}: ${component.claim}`);
        const { note, ...measured } = await component.measure(context);
        return note === "" ? measured : { ...measured, remark: note };
      },
      note: (_, remarks) => remarks.join(" "),
    },
    context,
  );
}
