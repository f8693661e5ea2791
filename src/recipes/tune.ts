/** Equal tuning for everyone: the same settings are tried for each variant, on validation, with one seed. */
import { binaryMetrics, parseBinaryMetric } from "../evaluation/index.ts";
import { monitoredValue, type TrainingOptions } from "../training/index.ts";
import { trainGrid, type Variant } from "./grid.ts";
import type { RecipeContext } from "./recipe.ts";

export interface Trial {
  /** Short, for names of folders: `lr-0.001`. */
  readonly name: string;
  readonly training: Partial<TrainingOptions>;
}

/** The learning rates everyone gets unless a card fixes them. */
export const learningRates: readonly Trial[] = [3e-4, 1e-3, 3e-3, 1e-2].map((learningRate) => ({
  name: `lr-${learningRate}`,
  training: { learningRate },
}));

/** Each variant with the trial that validates best, by the monitored metric. */
export async function tuned(
  variants: readonly Variant[],
  trials: readonly Trial[],
  context: RecipeContext,
): Promise<Variant[]> {
  const seeds = context.seeds.slice(0, 1);
  const chosen: Variant[] = [];
  for (const variant of variants) {
    const candidates = trials.map(({ name, training }): Variant => {
      const merged = { ...variant.config.training, ...training };
      return { ...variant, name: `${variant.name}/${name}`, config: { ...variant.config, training: merged } };
    });
    const runs = await trainGrid(candidates, { ...context, seeds });
    const { training, labels } = variant.config;
    const sign = binaryMetrics[parseBinaryMetric(training.monitor).family].higherIsBetter === false ? -1 : 1;
    const scores = runs.map(({ metrics }) => {
      const value = monitoredValue(metrics[0].valid?.metrics ?? {}, { labels }, training)?.value;
      return typeof value === "number" ? sign * value : -Infinity;
    });
    const best = scores.reduce((at, score, k) => (score > scores[at] ? k : at), 0);
    context.onLine(`${variant.name}: ${trials[best].name} validates best of ${trials.length}`);
    // The trial's own folder serves the seed that was tuned with; only the name in results is shorter.
    chosen.push({ ...candidates[best], title: variant.title ?? variant.name });
  }
  return chosen;
}
