/**
 * A component of "Ads Recommendation in a Collapsed and Entangled World" as the recipe measures it: its own
 * data, its own baselines, its own rows. All stand in one result file, told apart by `setting.component`.
 */
import type { MeasuredPart } from "../record-parts.ts";
import type { RecipeContext } from "../recipe.ts";

export interface Component {
  /** Names it for `--only`, and in the setting of its rows. */
  readonly name: string;
  /** What must happen, by the card. */
  readonly claim: string;
  /** Trains and measures; what was finished before in `context.workDirectory` is taken from there. */
  measure(context: RecipeContext): Promise<Measured>;
}

export interface Measured extends Omit<MeasuredPart, "remark"> {
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
