/**
 * One data set with the models that are compared on it: everyone gets the same data, the same training but
 * the learning rate, and the same trials to choose that from. What several studies of a recipe share.
 */
import { join } from "node:path";
import { type DataConfigInput, type PreparedDataset, prepareDataset } from "../data/index.ts";
import {
  type ConfigInput,
  dataConfigOf,
  type OpenRun,
  openRun,
  parseConfig,
  type ResultRow,
  type Setting,
} from "../run/index.ts";
import { trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import type { RecipeContext } from "./recipe.ts";
import { learningRates, type Trial, tuned, tunedByRate } from "./tune.ts";

export interface Study {
  /** In results. */
  readonly data: string;
  /** Dials in results. */
  readonly setting: Setting;
  readonly config: DataConfigInput;
}

export interface Contender {
  readonly name: string;
  /** In results. @default the name */
  readonly title?: string;
  readonly role: ResultRow["role"];
  readonly model: ConfigInput["model"];
  /** What its data have in place of the study's, such as other features of the same columns. */
  readonly data?: Partial<Pick<DataConfigInput, "features" | "derived" | "labels">>;
  /** What its training has beside everyone's. */
  readonly training?: ConfigInput["training"];
  readonly crossDistil?: ConfigInput["crossDistil"];
}

export interface StudyRuns {
  readonly study: Study;
  readonly runs: readonly VariantRuns[];
  readonly trials: number;
}

/**
 * Tunes every contender by the same trials, then trains it with every seed.
 *
 * @param trials a quick run takes the second of them alone @default the learning rates, and more where their edge is best
 */
export async function runStudy(
  study: Study,
  contenders: readonly Contender[],
  training: ConfigInput["training"],
  context: RecipeContext,
  trials?: readonly Trial[],
): Promise<StudyRuns> {
  const folder = studyName(study);
  const variants = contenders.map(
    ({ name, title = name, role, model, crossDistil, data, ...own }): Variant => {
      const config = parseConfig({
        ...study.config,
        ...data,
        model,
        ...(crossDistil === undefined ? {} : { crossDistil }),
        training: { ...training, ...own.training },
      });
      return { name: join(folder, name), title, role, config };
    },
  );
  const given = trials ?? learningRates;
  const tried = context.quick ? given.slice(1, 2) : given;
  const chosen = await (trials === undefined && !context.quick
    ? tunedByRate(variants, context)
    : tuned(variants, tried, context));
  // Titles of the results, not of folders.
  const titled = chosen.map((variant, k) => ({ ...variant, title: variants[k].title }));
  return { study, runs: await trainGrid(titled, context), trials: tried.length };
}

/** `world` with `{ rho: 0.5 }` gives `world-rho-0.5`. */
export function studyName({ data, setting }: Study): string {
  return [data, ...Object.entries(setting).map(([dial, value]) => `${dial}-${value}`)].join("-");
}

/** The finished runs of a variant, one a seed, for what is measured beyond `metrics.json`. */
export function openedRuns({ variant }: VariantRuns, context: RecipeContext): OpenRun[] {
  return context.seeds.map((seed) => openRun(join(context.workDirectory, variant.name, String(seed))));
}

/** A study's encoded data, for as long as `use` takes. */
export async function withStudyData<T>(
  { runs }: StudyRuns,
  use: (dataset: PreparedDataset) => Promise<T>,
): Promise<T> {
  const dataset = await prepareDataset(dataConfigOf(runs[0].variant.config));
  try {
    return await use(dataset);
  } finally {
    await dataset.close();
  }
}
