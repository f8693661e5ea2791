/**
 * A recipe of several parts, one after the other. Its result is written after each of them and says which are
 * still to come, so that an interrupted recipe has recorded what it measured.
 */
import {
  recipeResult,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  writeResult,
} from "../run/index.ts";
import { beginning, type Configured, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

export interface MeasuredPart {
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
  /** What the result's configuration hash is of. */
  readonly variants: readonly Configured[];
  /** About this part alone, for the result's note. */
  readonly remark?: string;
}

export interface PartsPlan<Part> {
  /** Asked for first, since preparing data counts as the recipe's work. */
  readonly parts: () => readonly Part[] | Promise<readonly Part[]>;
  readonly nameOf: (part: Part) => string;
  /** Rows of no part, in front of all others. @default none */
  readonly first?: () => Promise<Pick<MeasuredPart, "rows" | "comparisons">>;
  readonly measure: (part: Part) => Promise<MeasuredPart>;
  /** What readers of the result should know of the parts that are measured. */
  readonly note: (variants: readonly Configured[], remarks: readonly string[]) => string;
}

/** @returns the result of all parts; undefined where there are none */
export async function recordParts<Part>(
  recipe: Recipe,
  { parts: prepare, nameOf, first, measure, note }: PartsPlan<Part>,
  context: RecipeContext,
): Promise<RecipeResult | undefined> {
  const began = beginning();
  const { rows: firstRows, comparisons: firstComparisons } = (await first?.()) ?? {
    rows: [],
    comparisons: [],
  };
  const parts = await prepare();
  const measured: MeasuredPart[] = [];
  let result: RecipeResult | undefined;
  for (const [k, part] of parts.entries()) {
    measured.push(await measure(part));
    const variants = measured.flatMap((one) => one.variants);
    const known = note(
      variants,
      measured.flatMap(({ remark }) => remark ?? []),
    );
    const left = parts.slice(k + 1).map(nameOf);
    result = recipeResult({
      ...provenance(recipe, variants, began),
      rows: [...firstRows, ...measured.flatMap(({ rows }) => rows)],
      comparisons: [...firstComparisons, ...measured.flatMap(({ comparisons }) => comparisons)],
      note: left.length === 0 ? known : `${known} Not measured yet: ${left.join(", ")}.`,
    });
    // Some of a recipe's parts alone are not its result; their runs are kept for the call that records all.
    writeResult(context.resultsDirectory, result, { quick: context.quick || context.only !== undefined });
  }
  return result;
}
