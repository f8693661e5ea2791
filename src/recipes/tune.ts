/** Equal tuning for everyone: the same settings are tried for each variant, on validation, with one seed. */
import { DivergedError } from "../core/index.ts";
import { binaryMetrics, parseBinaryMetric } from "../evaluation/index.ts";
import { monitoredValue, type TrainingOptions } from "../training/index.ts";
import { trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import type { RecipeContext } from "./recipe.ts";

export interface Trial {
  /** Short, for names of folders: `lr-0.001`. */
  readonly name: string;
  readonly training: Partial<TrainingOptions>;
}

const rateTrials: readonly Trial[] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2].map((learningRate) => ({
  name: `lr-${learningRate}`,
  training: { learningRate },
}));

/**
 * The learning rates everyone gets unless a card fixes them; where the best lies at an edge, the one beyond is tried.
 * No further: on one seed an unstable rate may look best (LOG.md, 2026-11-24).
 */
export const learningRates = rateTrials.slice(1, 5);

/**
 * Each variant with the trial that validates best, by the monitored metric.
 *
 * @param beyond trials in order of their size, the given ones among them: where the best so far has a neighbour
 *   here that was not tried, that one is, too, since a best at the edge of a grid says that the grid was too small
 */
export async function tuned(
  variants: readonly Variant[],
  trials: readonly Trial[],
  context: RecipeContext,
  beyond: readonly Trial[] = [],
): Promise<Variant[]> {
  const once = { ...context, seeds: context.seeds.slice(0, 1) };
  const chosen: Variant[] = [];
  for (const variant of variants) {
    const candidateOf = ({ name, training }: Trial): Variant => {
      const merged = { ...variant.config.training, ...training };
      return { ...variant, name: `${variant.name}/${name}`, config: { ...variant.config, training: merged } };
    };
    const runs = await trainGrid(trials.map(candidateOf), once);
    const tried = new Map(trials.map(({ name }, k) => [name, scoreOf(runs[k])]));
    for (let next = untried(tried, beyond); next !== undefined; next = untried(tried, beyond)) {
      tried.set(next.name, await scoreBeyond(candidateOf(next), once));
    }
    const best = bestOf(tried);
    context.onLine(`${variant.name}: ${best} validates best of ${tried.size}`);
    const trial = [...trials, ...beyond].find(({ name }) => name === best) as Trial;
    // The trial's own folder serves the seed that was tuned with; only the name in results is shorter.
    const own = tried.size === trials.length ? {} : { trials: tried.size };
    chosen.push({ ...candidateOf(trial), ...own, title: variant.title ?? variant.name });
  }
  return chosen;
}

/** Everyone's learning rates, followed one step beyond the grid's edges where what validates best lies at one. */
export function tunedByRate(variants: readonly Variant[], context: RecipeContext): Promise<Variant[]> {
  return tuned(variants, learningRates, context, rateTrials);
}

/** A neighbour of the best trial that was not tried yet. */
function untried(tried: ReadonlyMap<string, number>, ordered: readonly Trial[]): Trial | undefined {
  const at = ordered.findIndex(({ name }) => name === bestOf(tried));
  if (at < 0) return undefined;
  return [ordered[at - 1], ordered[at + 1]].find((trial) => trial !== undefined && !tried.has(trial.name));
}

/** The first of those that score best. */
function bestOf(tried: ReadonlyMap<string, number>): string {
  const best = Math.max(...tried.values());
  return [...tried.keys()].find((name) => tried.get(name) === best) as string;
}

/** What training at this rate is worth; nothing where it diverges. */
async function scoreBeyond(candidate: Variant, context: RecipeContext): Promise<number> {
  try {
    const [runs] = await trainGrid([candidate], context);
    return scoreOf(runs);
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    context.onLine(`${candidate.name}: ${error.message}`);
    return -Infinity;
  }
}

/** The monitored metric of the first seed on validation, so that more is better. */
function scoreOf({ variant, metrics }: VariantRuns): number {
  const { training, labels } = variant.config;
  const sign = binaryMetrics[parseBinaryMetric(training.monitor).family].higherIsBetter === false ? -1 : 1;
  const value = monitoredValue(metrics[0].valid?.metrics ?? {}, { labels }, training)?.value;
  return typeof value === "number" ? sign * value : -Infinity;
}
