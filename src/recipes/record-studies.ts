/** A recipe whose parts are studies: each tunes and trains its contenders, and is recorded when it is done. */
import type { ConfigInput, RecipeResult } from "../run/index.ts";
import { type MeasuredPart, recordParts } from "./record-parts.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, runStudy, type Study, type StudyRuns, studyName } from "./study.ts";

export interface StudyPlan<S extends Study> {
  readonly studies: readonly S[];
  readonly contenders: (study: S) => readonly Contender[];
  readonly training: ConfigInput["training"];
  /** What a finished study comes to. */
  readonly measure: (study: S, finished: StudyRuns) => Promise<Omit<MeasuredPart, "variants">>;
  /** What readers of the result should know. */
  readonly note: string;
}

export function recordStudies<S extends Study>(
  recipe: Recipe,
  { studies, contenders, training, measure, note }: StudyPlan<S>,
  context: RecipeContext,
): Promise<RecipeResult | undefined> {
  return recordParts(
    recipe,
    {
      parts: () => studies,
      nameOf: studyName,
      measure: async (study) => {
        const finished = await runStudy(study, contenders(study), training, context);
        const measured = await measure(study, finished);
        return { ...measured, variants: finished.runs.map(({ variant }) => variant) };
      },
      note: (variants, remarks) => [note, ...remarks, `Learning rates: ${variants.join(", ")}.`].join(" "),
    },
    context,
  );
}
