/**
 * STEM-AL: a rare task helped by frequent ones that it cannot disturb, beside the task alone, one bottom for all,
 * and STEM-AL whose main task trains the auxiliary experts, too. Likes with clicks (and long views).
 */
import { join } from "node:path";
import { exampleConfig } from "../../world/index.ts";
import { kuairandTasks, prepareKuaiRand } from "../kuairand-data.ts";
import type { Contender } from "../study.ts";
import { quickTaskWorld, taskTraining, taskWorld } from "../task-studies.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

const dim = 8;
const towers = { embeddingDim: dim, embeddingStd: 0.01, towerHiddenUnits: [16] };
const bottom = { name: "SharedBottom", ...towers, bottomHiddenUnits: [64, 32] };
const stemAL = { name: "STEM-AL", ...towers, expertHiddenUnits: [64, 32], gateHiddenUnits: [16] };

const contenders: readonly Contender[] = [
  { name: "main-task-alone", role: "baseline", model: { ...bottom, tasks: ["like"] } },
  { name: "shared-bottom", role: "baseline", model: bottom },
  { name: "stem-al", role: "method", model: stemAL },
  { name: "stem-al-trained", role: "ablation", model: { ...stemAL, auxiliaryExperts: "trained" } },
];
const claims: Claimed[] = ["main-task-alone", "shared-bottom", "stem-al-trained"].map((baseline) => ({
  method: "stem-al",
  baseline,
  task: "like",
}));

export const auxiliaryLearning: Component = {
  name: "auxiliary-learning",
  claim: "STEM-AL's main task beats the task alone and one bottom for all (test AUC of likes)",
  async measure(context) {
    const { quick, workDirectory, dataDirectory } = context;
    const training = { ...taskTraining(context), monitorLabel: "like" };
    const shared = { component: auxiliaryLearning.name, contenders, training, claims };
    const directory = join(workDirectory, "world-auxiliary");
    const world = quick ? quickTaskWorld : { ...taskWorld, impressions: 150_000 };
    await ensureWorld(directory, { ...world, likeAgreement: 0.5 }, context);
    const parts: Measured[] = [
      await measureStudy(
        {
          ...shared,
          data: "world",
          setting: { rho: 0.5 },
          config: exampleConfig(directory, { labels: ["like", "click"] }),
        },
        context,
      ),
    ];
    if (quick) return together(parts);
    const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
    const config = kuairandTasks(files, ["like", "click", "long_view"]);
    parts.push(await measureStudy({ ...shared, data: "kuairand-pure", config }, context));
    return together(parts);
  },
};
