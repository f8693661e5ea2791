/** The recipes by name; each is loaded only when it is asked for. */
import { ConfigError, nearestName } from "../core/index.ts";
import type { CandidateSetOptions, CandidateSets } from "./candidate-sets.ts";
import type { Recipe } from "./recipe.ts";

export type { Recipe, RecipeContext, RecipeProgress } from "./recipe.ts";

export interface RecipeEntry {
  readonly name: string;
  readonly load: () => Promise<Recipe>;
}

export const recipes: readonly RecipeEntry[] = [
  { name: "quickstart", load: async () => (await import("./quickstart.ts")).quickstart },
  { name: "bars-frappe", load: async () => (await import("./bars-frappe.ts")).barsFrappe },
  { name: "kuairand-click", load: async () => (await import("./kuairand-click.ts")).kuairandClick },
  { name: "kuairand-board", load: async () => (await import("./kuairand-board.ts")).kuairandBoard },
  { name: "world-sanity", load: async () => (await import("./world-sanity.ts")).worldSanity },
  { name: "gowalla-retrieval", load: async () => (await import("./gowalla-retrieval.ts")).gowallaRetrieval },
  { name: "s3rec-next-item", load: async () => (await import("./s3rec-next-item.ts")).s3recNextItem },
  { name: "multi-embedding", load: async () => (await import("./multi-embedding.ts")).multiEmbedding },
  { name: "stem", load: async () => (await import("./stem.ts")).stem },
  { name: "crocodile", load: async () => (await import("./crocodile.ts")).crocodile },
  { name: "dare", load: async () => (await import("./dare.ts")).dare },
  { name: "adatask", load: async () => (await import("./adatask.ts")).adatask },
  { name: "d-train", load: async () => (await import("./d-train.ts")).dTrain },
  { name: "forkmerge", load: async () => (await import("./forkmerge.ts")).forkmerge },
  { name: "ranking-loss", load: async () => (await import("./ranking-loss.ts")).rankingLoss },
  { name: "crossdistil", load: async () => (await import("./crossdistil.ts")).crossdistil },
  { name: "many-tasks", load: async () => (await import("./many-tasks/index.ts")).manyTasks },
  { name: "early-stage-mtl", load: async () => (await import("./early-stage-mtl.ts")).earlyStageMtl },
  {
    name: "collapsed-entangled-world",
    load: async () => (await import("./collapsed-entangled-world/index.ts")).collapsedEntangledWorld,
  },
];

/** @throws ConfigError with the nearest name when there is no such recipe */
export async function recipeNamed(name: string): Promise<Recipe> {
  const entry = recipes.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry.load();
  const names = recipes.map((candidate) => candidate.name);
  const near = nearestName(name, names);
  throw new ConfigError(`there is no recipe ${name}`, {
    details: { name, known: names },
    hint: near === undefined ? "`millrace recipe list` shows them" : `did you mean ${near}?`,
  });
}

export type { CandidateSetOptions, CandidateSets } from "./candidate-sets.ts";

/** Scores a world's candidate sets with a final run and writes what an early stage learns from. */
export async function writeCandidateSets(options: CandidateSetOptions): Promise<CandidateSets> {
  return (await import("./candidate-sets.ts")).writeCandidateSets(options);
}
