/** Options that multi-task and multi-domain models share, and what they say about labels. */
import { z } from "zod";
import { ConfigError, nearestName } from "../core/index.ts";
import type { FieldEmbedding } from "../embeddings/index.ts";
import { FieldExpert, interactionNames } from "../layers/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { deepOptions, mlpOptions, width } from "./options.ts";

const { hiddenActivation, netDropout, batchNorm } = deepOptions;

export const tasksOption = {
  tasks: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Labels to predict, in this order. Default: all of the data. One label: a single-task model."),
};

export const branchesOption = {
  branches: z
    .enum(["task", "domain"])
    .default("task")
    .describe(
      "What has parameters of its own: each task, or each domain (with a tower for each task in it).",
    ),
};

export const towerOptions = {
  towerHiddenUnits: z.array(width).default([128, 64]).describe("Hidden widths of each tower."),
  hiddenActivation,
  netDropout,
  batchNorm,
};

/** Hidden widths of networks below the towers. */
export function bottomWidths(description: string) {
  return z.array(width).min(1).default([512, 256, 128]).describe(description);
}

export const expertOptions = {
  expertHiddenUnits: bottomWidths("Hidden widths of each expert."),
  interaction: z
    .enum(interactionNames)
    .default("none")
    .describe(
      "What stands before an expert's deep network: `cross` as in DCNv2, `products` of all pairs as in PNN, " +
        "`attention` among fields as in AutoInt.",
    ),
  interactionLayers: width.default(2).describe("Layers of `cross` or `attention`."),
};

export const gateOptions = {
  gateHiddenUnits: z.array(width).default([128, 64]).describe("Hidden widths of each gate."),
};

/** The labels a model predicts. @throws ConfigError for one that the data do not have, or that comes twice */
export function tasksOf(schema: FeatureMap, given: readonly string[] | undefined): string[] {
  const known = schema.labels.map(({ name }) => name);
  const tasks = [...(given ?? known)];
  for (const [k, task] of tasks.entries()) {
    if (known.includes(task) && tasks.indexOf(task) === k) continue;
    const near = nearestName(task, known);
    throw new ConfigError(
      known.includes(task) ? `tasks: ${task} comes twice` : `tasks: the data have no label ${task}`,
      {
        details: { tasks, known },
        hint: near === undefined || near === task ? `labels: ${known.join(", ")}` : `did you mean ${near}?`,
      },
    );
  }
  return tasks;
}

/** Labels that stand for one event after the other. @throws ConfigError for fewer than two, or a real one */
export function stagesOf(schema: FeatureMap, given: readonly string[] | undefined, model: string): string[] {
  const tasks = tasksOf(schema, given);
  const real = schema.labels.filter(({ name, kind }) => kind === "real" && tasks.includes(name));
  if (tasks.length < 2 || real.length > 0) {
    const hint = "name them as tasks: first the event that comes first, such as [click, conversion]";
    throw new ConfigError(
      `${model} needs two or more binary labels, each an event that needs the one before`,
      {
        details: { tasks, real: real.map(({ name }) => name) },
        hint,
      },
    );
  }
  return tasks;
}

type ExpertChoices = z.output<
  z.ZodObject<
    typeof expertOptions & Pick<typeof towerOptions, "hiddenActivation" | "netDropout" | "batchNorm">
  >
>;

/** An expert on a model's fields. */
export function fieldExpert({ fields, dim }: FieldEmbedding, given: ExpertChoices): FieldExpert {
  const { expertHiddenUnits: hidden, interaction, interactionLayers } = given;
  const deep = mlpOptions({ ...given, hiddenUnits: [...hidden] });
  return new FieldExpert({ fields, dim, hidden, interaction, interactionLayers, ...deep });
}
