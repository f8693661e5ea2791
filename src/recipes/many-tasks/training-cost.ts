/**
 * What a pass over the training split costs with each method, in CPU seconds, beside its backbone. Clocks on the
 * wall say little on a machine that does other work, so processor time is taken, from the first step to the end
 * of the epoch (one of each phase, where there are phases; all branches and the merge, where there are branches),
 * without loading data and compiling. Methods run in turns, several rounds.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, removePath, writeFileAtomic } from "../../core/node/index.ts";
import { prepareDataset } from "../../data/index.ts";
import { type Config, dataConfigOf, encodingOf, finishRun } from "../../run/index.ts";
import type { TrainingListener } from "../../training/index.ts";
import type { Variant } from "../grid.ts";
import type { RecipeContext } from "../recipe.ts";

/** CPU seconds of one pass. */
export interface PassCost {
  readonly steps: number;
  /** From the last step to the end of the epoch: of ForkMerge also branches but the first, and merges. */
  readonly ending: number;
}

/** By variant's name, one a round. */
export type TrainingCosts = { readonly [variant: string]: readonly PassCost[] };

/** Measured once; an interrupted recipe finds what it has measured. */
export async function trainingCosts(
  variants: readonly Variant[],
  { rounds, directory }: { readonly rounds: number; readonly directory: string },
  context: RecipeContext,
): Promise<TrainingCosts> {
  const file = join(directory, "cpu-seconds.json");
  const configs = variants.map(({ name, config }) => [name, onePass(config)] as const);
  const about = JSON.stringify([rounds, configs]);
  if (existsSync(file)) {
    const saved = readJson(file) as { about: string; costs: TrainingCosts };
    if (saved.about === about) return saved.costs;
  }
  const costs: { [variant: string]: PassCost[] } = Object.fromEntries(configs.map(([name]) => [name, []]));
  const [[, first]] = configs;
  const dataset = await prepareDataset(dataConfigOf(first), encodingOf(first));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, config] of configs) {
        const own = join(directory, "run");
        removePath(own);
        const meter = new CpuMeter();
        const { engine, signal } = context;
        await finishRun(config, {
          directory: own,
          dataset: async () => dataset,
          engine,
          signal,
          onEvent: meter.listen,
        });
        costs[name].push({ steps: meter.steps, ending: meter.ending });
        context.onProgress?.({ label: `cost of ${name}`, done: (round + 1) / rounds });
      }
    }
  } finally {
    await dataset.close();
  }
  removePath(join(directory, "run"));
  writeFileAtomic(file, JSON.stringify({ about, costs }));
  return costs;
}

/** One epoch, of each phase where there are phases. */
function onePass(config: Config): Config {
  const { training } = config;
  const phases = training.phases?.map((phase) => ({ ...phase, epochs: Math.min(1, phase.epochs) }));
  return {
    ...config,
    training: { ...training, epochs: 1, seed: 1, ...(phases === undefined ? {} : { phases }) },
  };
}

/** Adds up processor time between steps, and from a step to the end of its epoch. */
class CpuMeter {
  steps = 0;
  ending = 0;
  /** At the last step, until its epoch has ended. */
  #before: number | undefined;

  readonly listen: TrainingListener = ({ type }) => {
    if (type !== "step" && type !== "epoch") return;
    const { user, system } = process.cpuUsage();
    const now = (user + system) / 1e6;
    const spent = this.#before === undefined ? 0 : now - this.#before;
    if (type === "step") this.steps += spent;
    else this.ending += spent;
    this.#before = type === "step" ? now : undefined;
  };
}
