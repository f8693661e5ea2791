/** Data with several tasks, as recipes compare models on them: generated worlds, KuaiRand, Census-Income. */
import { join } from "node:path";
import type { ConfigInput } from "../run/index.ts";
import { exampleConfig, type WorldOptions } from "../world/index.ts";
import { censusTasks, prepareCensus } from "./census-data.ts";
import { kuairandTasks, prepareKuaiRand } from "./kuairand-data.ts";
import type { RecipeContext } from "./recipe.ts";
import type { Study } from "./study.ts";
import { ensureWorld } from "./world-data.ts";

export interface TaskStudy extends Study {
  readonly tasks: readonly string[];
  /** The feature that tells users apart; without one there are no comparable users. */
  readonly user: string | undefined;
  /** Whether rows that have one label have the others less often: what is good news for one is bad news for another. */
  readonly opposedLabels?: boolean;
}

/** Clicks of about 16 %, likes of 2 %. */
export const taskWorld: WorldOptions = {
  seed: 3,
  impressions: 150_000,
  users: 3000,
  items: 1000,
  clickShift: 1,
};
export const quickTaskWorld: WorldOptions = { ...taskWorld, impressions: 20_000, users: 400, items: 300 };
/** The most telling first: a result is written after each study. */
export const agreements = [-0.5, 1, 0, 0.5];

/** Training that everyone has in common. */
export function taskTraining({ quick }: RecipeContext): ConfigInput["training"] {
  return {
    batchSize: quick ? 256 : 2048,
    epochs: quick ? 2 : 10,
    embeddingRegularizer: 1e-5,
    embeddingRegularizerScope: "batch",
    embeddingUpdate: "lazy",
    metrics: ["auc", "log_loss", "ne"],
    monitor: "auc",
  };
}

/**
 * Worlds of every rho, and two public data sets; a quick run has one small world.
 *
 * @param rhos cosines of users' click and like tastes @default 1, 0.5, 0 and -0.5
 */
export async function taskStudies(
  context: RecipeContext,
  rhos: readonly number[] = agreements,
): Promise<TaskStudy[]> {
  const { quick, workDirectory, dataDirectory } = context;
  const worlds: TaskStudy[] = [];
  for (const rho of quick ? [0] : rhos) {
    const directory = join(workDirectory, `world-${rho}`);
    const options = quick ? quickTaskWorld : taskWorld;
    await ensureWorld(directory, { ...options, likeAgreement: rho }, context);
    const tasks = ["click", "like"] as const;
    const config = exampleConfig(directory, { labels: tasks });
    worlds.push({ data: "world", setting: { rho }, config, tasks, user: "user_id" });
  }
  if (quick) return worlds;
  const tasks = ["click", "long_view", "like"] as const;
  const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
  const config = kuairandTasks(files, tasks);
  const kuairand = { data: "kuairand-pure", setting: {}, config, tasks, user: "user_id" };
  const census = {
    data: "census-income",
    setting: {},
    config: await prepareCensus(dataDirectory, join(workDirectory, "census")),
    tasks: censusTasks,
    user: undefined,
    opposedLabels: true,
  };
  const [first, ...others] = worlds;
  return [first, census, kuairand, ...others];
}
