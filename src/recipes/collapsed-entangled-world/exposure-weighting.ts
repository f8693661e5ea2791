/**
 * Repeated-exposure weighting: the world's `hide` grows with how often a user has met an item, and its other
 * labels do not. Everyone but `without-count` has the earlier exposures of the last seven days as a feature; two
 * contenders weigh rows by them, all rows or negatives alone (taken back in predictions).
 */
import { join } from "node:path";
import { type DataConfigInput, prepareDataset } from "../../data/index.ts";
import { createEngine } from "../../engine/index.ts";
import { dataConfigOf, type ResultRow } from "../../run/index.ts";
import { columnsOf } from "../../schema/index.ts";
import { predictSplit } from "../../training/index.ts";
import { exampleConfig, type WorldOptions } from "../../world/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Contender, openedRuns, type StudyRuns } from "../study.ts";
import { measuredRow, type TaskRowsOptions } from "../task-rows.ts";
import { ensureWorld } from "../world-data.ts";
import type { Component } from "./component.ts";
import { measureStudy } from "./study-component.ts";

/** Few items, so that users meet them again and again. */
const world: WorldOptions = {
  seed: 11,
  impressions: 150_000,
  users: 1000,
  items: 400,
  hideShift: 3,
};
const quickWorld: WorldOptions = { ...world, impressions: 10_000, users: 100, items: 300 };

const kappa = 0.5;
const count = "shown_before";
/** Counts of test rows that calibration is looked at for; the last one and above stand together. */
const most = 4;

const model = { name: "DCNv2", embeddingDim: 8, hiddenUnits: [64, 32] };

function contenders(plain: DataConfigInput): Contender[] {
  const features = [
    ...plain.features,
    { name: count, kind: "numeric" as const, transform: "log" as const, clip: [0, 8] as [number, number] },
  ];
  const weighted = (rows: "all" | "negatives"): Contender["data"] => ({
    features,
    labels: [{ name: "hide", exposureWeight: { feature: count, kappa, rows } }],
  });
  return [
    { name: "without-count", role: "ablation", model },
    { name: "unweighted", role: "baseline", model, data: { features } },
    { name: "rew", role: "method", model, data: weighted("all") },
    { name: "rew-negatives", role: "method", model, data: weighted("negatives") },
  ];
}

export const exposureWeighting: Component = {
  name: "rew",
  claim:
    "with rows weighed by earlier exposures, predictions are calibrated closer to 1 at each number of them",
  async measure(context) {
    const directory = join(context.workDirectory, "world-exposures");
    await ensureWorld(directory, context.quick ? quickWorld : world, context);
    const config: DataConfigInput = {
      ...exampleConfig(directory, { labels: ["hide"] }),
      derived: [{ kind: "count", name: count, by: ["user_id", "item_id"], window: "7d" }],
    };
    const error = { metric: "count_calibration_error", options: { higherIsBetter: false } };
    const tolerance = { claim: { kind: "not-worse", tolerance: 0.002 } } as const;
    return measureStudy(
      {
        component: exposureWeighting.name,
        data: "world",
        config,
        contenders: contenders(config),
        claims: [
          { method: "rew", baseline: "unweighted", ...error },
          { method: "rew-negatives", baseline: "unweighted", ...error },
          { method: "unweighted", baseline: "without-count", metric: "log_loss" },
          { method: "rew", baseline: "unweighted", metric: "log_loss", options: tolerance },
        ],
        more: async (finished, options) => calibrationRows(finished, options, context),
      },
      context,
    );
  },
};

/** Mean |Σp / Σy - 1| over numbers of exposures, and the ratio at each of them. */
async function calibrationRows(
  { runs, study }: StudyRuns,
  options: TaskRowsOptions,
  context: RecipeContext,
): Promise<ResultRow[]> {
  const engine = context.engine ?? (await createEngine("auto"));
  const rows: ResultRow[] = [];
  // The counts as one variant that has them reads them; all have the same rows.
  const counting = runs[1].variant.config;
  const dataset = await prepareDataset(dataConfigOf(counting));
  const source = dataset.splits.test ?? dataset.splits.train;
  // The feature is ln(1 + n).
  const { columns } = await columnsOf(source, [count]);
  const counts = Array.from(columns[count], (value) => Math.min(Math.round(Math.expm1(value)), most));
  await dataset.close();
  for (const one of runs) {
    const own = await prepareDataset(dataConfigOf(one.variant.config));
    const ratios: number[][] = [];
    for (const run of openedRuns(one, context)) {
      const predictor = await run.load(engine);
      const test = own.splits.test ?? own.splits.train;
      const { byLabel } = await predictSplit(predictor, test, { batchSize: 8192, schema: run.map });
      await predictor.release();
      const { predictions, labels } = byLabel.hide;
      const sums = Array.from({ length: most + 1 }, () => ({ predicted: 0, found: 0 }));
      for (const [row, n] of counts.entries()) {
        sums[n].predicted += predictions[row];
        sums[n].found += labels[row];
      }
      ratios.push(sums.map(({ predicted, found }) => predicted / Math.max(found, 1)));
    }
    await own.close();
    const row = (metric: string, values: number[], setting = study.setting): void => {
      rows.push(measuredRow(one, { ...options, setting }, { task: "hide", domain: null, metric, values }));
    };
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, ratio) => sum + Math.abs(ratio - 1), 0) / values.length;
    row("count_calibration_error", ratios.map(mean));
    for (let n = 0; n <= most; n++) {
      const exposures = n === most ? `${n} or more` : String(n);
      row(
        "calibration_ratio",
        ratios.map((found) => found[n]),
        { ...study.setting, exposures },
      );
    }
  }
  return rows;
}
