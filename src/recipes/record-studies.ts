/**
 * A recipe of several studies, one after the other. Its result is written after each of them and says which
 * are still to come, so that an interrupted recipe has recorded what it measured.
 */
import {
  type ConfigInput,
  recipeResult,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  writeResult,
} from "../run/index.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { stillToCome } from "./still-to-come.ts";
import { type Contender, runStudy, type Study, type StudyRuns, studyName } from "./study.ts";

export interface StudyPlan<S extends Study> {
  readonly studies: readonly S[];
  readonly contenders: (study: S) => readonly Contender[];
  readonly training: ConfigInput["training"];
  /** What a finished study comes to. */
  readonly measure: (study: S, finished: StudyRuns) => Promise<MeasuredStudy>;
  /** What readers of the result should know. */
  readonly note: string;
}

export interface MeasuredStudy {
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
  /** About this study alone, for the result's note. */
  readonly remark?: string;
}

export async function recordStudies<S extends Study>(
  recipe: Recipe,
  { studies, contenders, training, measure, note }: StudyPlan<S>,
  context: RecipeContext,
): Promise<RecipeResult | undefined> {
  const began = beginning();
  const measured: MeasuredStudy[] = [];
  const finished: StudyRuns[] = [];
  let result: RecipeResult | undefined;
  for (const [k, study] of studies.entries()) {
    const runs = await runStudy(study, contenders(study), training, context);
    finished.push(runs);
    measured.push(await measure(study, runs));
    const variants = finished.flatMap((one) => one.runs.map(({ variant }) => variant));
    const left = studies.slice(k + 1).map(studyName);
    const remarks = measured.flatMap(({ remark }) => remark ?? []);
    const notes = [note, ...remarks, `Learning rates: ${variants.map(({ name }) => name).join(", ")}.`];
    result = recipeResult({
      ...provenance(recipe, variants, began),
      rows: measured.flatMap(({ rows }) => rows),
      comparisons: measured.flatMap(({ comparisons }) => comparisons),
      note: stillToCome(notes.join(" "), left),
    });
    writeResult(context.resultsDirectory, result, { quick: context.quick });
  }
  return result;
}
