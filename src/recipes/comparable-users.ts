/** Results by how a user's positive feedback, in training, divides between two tasks (`feedbackBalance`). */
import { DataError } from "../core/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { feedbackBalance, feedbackBins, rowsInBin } from "../evaluation/index.ts";
import type { OpenRun, ResultRow } from "../run/index.ts";
import { type BatchSource, columnsOf, FIRST_VALUE_ID } from "../schema/index.ts";
import { type Evaluation, measure, predictSplit, selectRows } from "../training/index.ts";
import type { RecipeContext } from "./recipe.ts";
import { openedRuns, type StudyRuns } from "./study.ts";
import { evaluationRows } from "./task-rows.ts";

export interface ComparableOptions {
  /** The categorical feature that tells users apart. */
  readonly user: string;
  readonly tasks: readonly [first: string, second: string];
  readonly metrics: readonly string[];
}

/** Bounds as they stand in a row's setting: `0.4-0.6`. */
export const comparable = "0.4-0.6";

/** Rows of every variant for each bin of users, with `setting.users` naming the bin. */
export async function comparableRows(
  { study, runs, trials }: StudyRuns,
  dataset: PreparedDataset,
  engine: Engine,
  context: RecipeContext,
  { user, tasks, metrics }: ComparableOptions,
): Promise<ResultRow[]> {
  const { test, train } = dataset.splits;
  if (test === undefined) throw new DataError("the recipe needs a test split");
  const { columns } = await columnsOf(train, [user, ...tasks]);
  const known = Array.from(columns[user].keys()).filter((row) => columns[user][row] >= FIRST_VALUE_ID);
  const pick = (name: string): number[] => known.map((row) => columns[name][row]);
  const balance = feedbackBalance({ users: pick(user), first: pick(tasks[0]), second: pick(tasks[1]) });
  const testUsers = (await columnsOf(test, [user])).columns[user];
  const bins = feedbackBins.map((bin) => ({
    name: `${bin[0]}-${bin[1]}`,
    rows: rowsInBin(testUsers, balance, bin),
  }));
  const rows: ResultRow[] = [];
  for (const variantRuns of runs) {
    const measured: { readonly [bin: string]: Evaluation }[] = [];
    for (const run of openedRuns(variantRuns, context)) {
      measured.push(await measureBins(run, test, engine, { bins, metrics }));
    }
    for (const { name } of bins) {
      const setting = { ...study.setting, users: name };
      const options = { data: study.data, setting, metrics, trials };
      rows.push(...evaluationRows(variantRuns, options, null, (_, seed) => measured[seed][name]));
    }
  }
  return rows;
}

async function measureBins(
  run: OpenRun,
  source: BatchSource,
  engine: Engine,
  { bins, metrics }: { bins: readonly { name: string; rows: number[] }[]; metrics: readonly string[] },
): Promise<{ readonly [bin: string]: Evaluation }> {
  const predictor = await run.load(engine);
  try {
    const split = await predictSplit(predictor, source, { batchSize: 4096, schema: run.map });
    return Object.fromEntries(
      bins.map(({ name, rows }) => [name, measure(selectRows(split, rows), metrics)]),
    );
  } finally {
    await predictor.release();
  }
}
