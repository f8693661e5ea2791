/**
 * Collapsed and entangled world (S04): every component of the Tencent ads ranker beside its ablation, in the
 * setting that it is made for. Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024,
 * arXiv:2403.00793. A component is one file here and one entry of `components`.
 */
import { recipeResult, type RecipeResult, writeResult } from "../../run/index.ts";
import { beginning, provenance } from "../provenance.ts";
import type { Recipe, RecipeContext } from "../recipe.ts";
import { stillToCome } from "../still-to-come.ts";
import { type Component, type Measured, together } from "./component.ts";
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
  variants: components.map(({ name }) => name),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const began = beginning();
  const wanted = components.filter(({ name }) => context.only?.includes(name) ?? true);
  const parts: Measured[] = [];
  let result: RecipeResult | undefined;
  for (const [k, component] of wanted.entries()) {
    context.onLine(`${component.name}: ${component.claim}`);
    parts.push(await component.measure(context));
    const { variants, rows, comparisons, note } = together(parts);
    const left = wanted.slice(k + 1).map(({ name }) => name);
    result = recipeResult({
      ...provenance(collapsedEntangledWorld, variants, began),
      rows,
      comparisons,
      note: stillToCome(note, left),
    });
    // A part of the components is not the recipe's result; its runs are kept for the call that records all.
    writeResult(context.resultsDirectory, result, { quick: context.quick || context.only !== undefined });
  }
  return result;
}
