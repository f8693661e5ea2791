/**
 * A component of "Ads Recommendation in a Collapsed and Entangled World" as the recipe measures it: its own
 * data, its own baselines, its own rows. All stand in one result file, told apart by `setting.component`.
 */
import type { ResultComparison, ResultRow } from "../../run/index.ts";
import type { provenance } from "../provenance.ts";
import type { RecipeContext } from "../recipe.ts";

export interface Component {
  /** Names it for `--only`, and in the setting of its rows. */
  readonly name: string;
  /** What must happen, by the card. */
  readonly claim: string;
  /** Trains and measures; what was finished before in `context.workDirectory` is taken from there. */
  measure(context: RecipeContext): Promise<Measured>;
}

export interface Measured {
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
  /** What the result's configuration hash is of. */
  readonly variants: Parameters<typeof provenance>[1];
  /** What a reader needs to know beside the rows. */
  readonly note: string;
}

/** The measurements of several studies of one component as one. */
export function together(parts: readonly Measured[]): Measured {
  return {
    rows: parts.flatMap(({ rows }) => rows),
    comparisons: parts.flatMap(({ comparisons }) => comparisons),
    variants: parts.flatMap(({ variants }) => variants),
    note: parts
      .map(({ note }) => note)
      .filter((note) => note !== "")
      .join(" "),
  };
}
