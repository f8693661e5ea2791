/** What a recipe is: one command that measures baseline and method over several seeds and records both. */
import type { Engine } from "../engine/index.ts";
import type { RecipeResult } from "../run/index.ts";

export interface RecipeContext {
  readonly seeds: readonly number[];
  /** A short version on little data, for continuous integration; never recorded. */
  readonly quick: boolean;
  /** Of `Recipe.variants`, those to run; then nothing is recorded. @default all */
  readonly only?: readonly string[];
  /** Keep the parts that the recipe's result file has, add those that it lacks. @default every part is measured */
  readonly missing?: boolean;
  /** Where runs are kept, so that an interrupted recipe goes on where it stopped. */
  readonly workDirectory: string;
  /** Where public data sets are, e.g. `../shared/data`. */
  readonly dataDirectory: string;
  /** Where result files go. */
  readonly resultsDirectory: string;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  /** Lines for people. */
  readonly onLine: (line: string) => void;
  /** How far a stage is, for a progress bar; told as often as there is news. */
  readonly onProgress?: (progress: RecipeProgress) => void;
  /** What the recipe comes to, for people; once, at the end. Without it a table of the result is shown. */
  readonly onConclusion?: (text: string) => void;
}

export interface RecipeProgress {
  /** Such as `DCNv2 epoch 2/3`. */
  readonly label: string;
  /** In [0, 1]. */
  readonly done: number;
  readonly note?: string;
}

export interface Recipe {
  readonly name: string;
  /** S01 … S52, or another word where no system is reproduced. */
  readonly system: string;
  readonly summary: string;
  readonly claim: string;
  readonly defaultSeeds: readonly number[];
  /** Names of variants that can be run alone, each in a folder of that name; none: all or nothing. */
  readonly variants?: readonly string[];
  /** Whether its result is recorded part by part, so that `RecipeContext.missing` can add to it. @default false */
  readonly inParts?: boolean;
  /** @returns what was measured, already written unless quick; undefined where there is nothing to record */
  run(context: RecipeContext): Promise<RecipeResult | undefined>;
}
