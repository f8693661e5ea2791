/** Test rows apart by whether training knew their item: an id out of vocabulary is a new one. */
import { DataError } from "../../core/index.ts";
import { type PreparedDataset, prepareDataset } from "../../data/index.ts";
import { createEngine } from "../../engine/index.ts";
import { dataConfigOf, type ResultRow } from "../../run/index.ts";
import { columnsOf, OUT_OF_VOCABULARY_ID } from "../../schema/index.ts";
import { type Evaluation, measure, predictSplit, selectRows } from "../../training/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { openedRuns, type StudyRuns } from "../study.ts";
import { evaluationRows, type TaskRowsOptions } from "../task-rows.ts";

/** Rows of every variant with `setting.items` of `cold` and `warm`. @param item the feature of items */
export async function coldRows(
  { runs }: StudyRuns,
  item: string,
  options: TaskRowsOptions,
  context: RecipeContext,
): Promise<ResultRow[]> {
  const engine = context.engine ?? (await createEngine("auto"));
  const rows: ResultRow[] = [];
  for (const variantRuns of runs) {
    // Variants may read other features of the same rows.
    const dataset = await prepareDataset(dataConfigOf(variantRuns.variant.config));
    try {
      const { test, slices } = await slicesOf(dataset, item);
      const measured: { readonly [slice: string]: Evaluation }[] = [];
      for (const run of openedRuns(variantRuns, context)) {
        const predictor = await run.load(engine);
        const split = await predictSplit(predictor, test, { batchSize: 4096, schema: run.map });
        await predictor.release();
        measured.push(
          Object.fromEntries(
            slices.map(({ name, rows: own }) => [name, measure(selectRows(split, own), options.metrics)]),
          ),
        );
      }
      for (const { name } of slices) {
        const own = { ...options, setting: { ...options.setting, items: name } };
        rows.push(...evaluationRows(variantRuns, own, null, (_, seed) => measured[seed][name]));
      }
    } finally {
      await dataset.close();
    }
  }
  return rows;
}

async function slicesOf({ splits: { test } }: PreparedDataset, item: string) {
  if (test === undefined) throw new DataError("the recipe needs a test split");
  const ids = (await columnsOf(test, [item])).columns[item];
  const of = (cold: boolean): number[] =>
    Array.from(ids.keys()).filter((row) => (ids[row] === OUT_OF_VOCABULARY_ID) === cold);
  return {
    test,
    slices: [
      { name: "cold", rows: of(true) },
      { name: "warm", rows: of(false) },
    ],
  };
}
