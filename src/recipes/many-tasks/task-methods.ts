/** Every way to learn several tasks at once, on one model width: what is compared, and what it may cost. */
import type { ConfigInput } from "../../run/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Method, method } from "./method.ts";

/** What methods need to know of a data set. */
export interface TaskFacts {
  readonly tasks: readonly string[];
  /** Steps between ForkMerge's merges: about an epoch. */
  readonly stepsAnEpoch: number;
}

const dim = 8;
const bottom = {
  name: "SharedBottom",
  embeddingDim: dim,
  bottomHiddenUnits: [64, 32],
  towerHiddenUnits: [16],
};
const experts = {
  embeddingDim: dim,
  expertHiddenUnits: [64, 32],
  gateHiddenUnits: [16],
  towerHiddenUnits: [16],
};
const ple = { name: "PLE", ...experts, specificExperts: 1, sharedExperts: 3 };

/** A backward pass takes about twice a forward one, so K + 1 of them over one forward pass are this many steps. */
const separateBackward = (tasks: number): number => (1 + 2 * (tasks + 1)) / 3;

/** The rarest task comes last: it is the one that methods with a main task work for. */
export function taskMethods(
  { tasks, stepsAnEpoch }: TaskFacts,
  { quick }: Pick<RecipeContext, "quick">,
): Method[] {
  const target = tasks[tasks.length - 1];
  const others = tasks.slice(0, -1);
  const mainTask = target;
  const apart = separateBackward(tasks.length);
  type Training = NonNullable<ConfigInput["training"]>;
  type MultiTask = NonNullable<Training["multiTask"]>;
  const on = (name: string, multiTask: MultiTask, more: Partial<Method> = {}): Method => ({
    name,
    role: "baseline",
    model: bottom,
    training: { multiTask },
    backbone: "shared-bottom",
    ...more,
  });
  const alone = { [target]: 1, ...Object.fromEntries(others.map((task) => [task, 0])) };
  const all = Object.fromEntries(tasks.map((task) => [task, 1]));
  return [
    ...tasks.map((task) => method(`single-${task}`, { ...bottom, tasks: [task] }, { title: "single-task" })),
    method("shared-bottom", bottom),
    on("uncertainty", { weighting: "uncertainty" }),
    on("gradnorm", { weighting: "gradnorm" }),
    on("dwa", { weighting: "dwa" }),
    on("pcgrad", { gradients: "pcgrad" }),
    on("mgda", { gradients: "mgda" }),
    on("cagrad", { gradients: "cagrad" }),
    on("imtl", { weighting: "imtl", gradients: "imtl" }),
    on("nash", { gradients: "nash" }),
    on("gcs", { gradients: "gcs", mainTask }),
    on("ol-aux", { weighting: "ol-aux", mainTask }),
    // With one auxiliary task its weight is 1, as in the shared bottom.
    ...(others.length > 1 ? [on("arml", { weighting: "arml", mainTask })] : []),
    on("auto-lambda", { weighting: "auto-lambda", mainTask }),
    on("mtadam", { optimizerState: "mtadam" }),
    on(
      "adatask",
      { optimizerState: "per-task" },
      { role: "method", most: { passes: apart, validations: 1 } },
    ),
    method("post-train", bottom, {
      training: {
        phases: [
          { name: "joint", epochs: quick ? 1 : 5 },
          { name: "target", epochs: quick ? 1 : 3, learningRateFactor: 0.3, lossWeights: alone },
        ],
      },
    }),
    method("forkmerge", bottom, {
      role: "method",
      training: {
        monitorLabel: target,
        forkMerge: { mergeEverySteps: stepsAnEpoch, branches: [alone, all] },
      },
      // A validation of each branch on a grid of six.
      most: { passes: 2, validations: 12 },
    }),
    method("omoe", { name: "MMoE", ...experts, experts: 4, gates: "one" }),
    method("mmoe", { name: "MMoE", ...experts, experts: 4 }),
    method("me-mmoe", { name: "HMoE-ME", ...experts, experts: ["none", "none", "none", "none"] }),
    method("ple", ple),
    method("ple-2", { ...ple, levels: 2 }),
    // Tables of each task's own beside shared ones, whose experts the others do not read.
    method("me-ple", {
      name: "STEM",
      ...experts,
      specificExperts: 1,
      sharedExperts: 3,
      otherExperts: "none",
    }),
    method("crossdistil", ple, { role: "method", crossDistil: {}, backbone: "ple" }),
    method(
      "stem",
      { name: "STEM", ...experts, specificExperts: 1, sharedExperts: 3 },
      // As many tables as tasks, and shared ones.
      { role: "method", backbone: "ple", most: { passes: tasks.length + 1 } },
    ),
    method("esmm", { name: "ESMM", embeddingDim: dim, hiddenUnits: [64, 32] }),
    method("aitm", { ...bottom, name: "AITM" }),
  ];
}
