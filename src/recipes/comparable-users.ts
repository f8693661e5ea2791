/** Results by how a user's positive feedback, in training, divides between two tasks (`feedbackBalance`). */
import { DataError } from "../core/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { feedbackBalance, feedbackBins, rowsInBin } from "../evaluation/index.ts";
import type { OpenRun, ResultRow } from "../run/index.ts";
import { type BatchSource, FIRST_VALUE_ID } from "../schema/index.ts";
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
  const [users, ...labels] = await columnsOf(train, [user, ...tasks]);
  const known = Array.from(users.keys()).filter((row) => users[row] >= FIRST_VALUE_ID);
  const pick = (values: Float64Array): number[] => known.map((row) => values[row]);
  const balance = feedbackBalance({ users: pick(users), first: pick(labels[0]), second: pick(labels[1]) });
  const [testUsers] = await columnsOf(test, [user]);
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

/** Whole scalar columns of a split, in stored order. */
export async function columnsOf(source: BatchSource, names: readonly string[]): Promise<Float64Array[]> {
  const columns = names.map(() => new Float64Array(source.rows));
  let at = 0;
  for await (const batch of source.batches({ batchSize: 8192 })) {
    for (const [k, name] of names.entries()) columns[k].set(batch.columns[name], at);
    at += batch.size;
  }
  return columns;
}
