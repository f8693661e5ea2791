import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { type FieldExpert, MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit, observe } from "../module/index.ts";
import { expandDims, flatten, mul, softmax, stack, stopGradient, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions } from "./options.ts";
import {
  expertOptions,
  fieldExpert,
  gateOptions,
  tasksOf,
  tasksOption,
  towerOptions,
} from "./task-options.ts";

export const stemALOptions = z.strictObject({
  ...tasksOption,
  mainTasks: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Labels that the model is for; the others only help them. Default: the first."),
  ...embeddingOptions,
  auxiliaryExperts: z
    .enum(["stopped", "trained"])
    .default("stopped")
    .describe("Main tasks read auxiliary experts through stop-gradient, or train them, too."),
  ...expertOptions,
  ...gateOptions,
  ...towerOptions,
});
export type STEMALOptions = z.input<typeof stemALOptions>;

/**
 * STEM for auxiliary learning: every task has tables and an expert of its own; main tasks read their own expert
 * and those of auxiliary tasks, an auxiliary task reads its own alone. No tables are shared.
 *
 *     main:       logit = tower(Σ_j softmax(MLP(x_main))_j f̃_j),   j: own expert and auxiliary ones
 *     auxiliary:  logit = tower(f_aux(x_aux))
 *
 * so that what helps the main task cannot be pulled out of shape by it. Pan et al., "Ads Recommendation in a
 * Collapsed and Entangled World", KDD 2024, arXiv:2403.00793, after STEM (arXiv:2308.13537). The gate reads the main
 * task's own embeddings. How much an auxiliary label counts is `training.loss_weights`.
 */
export class STEMAL extends Model {
  /** By task. */
  readonly own: readonly FieldEmbedding[];
  readonly experts: readonly FieldExpert[];
  /** By main task, in the order of tasks. */
  readonly gates: readonly MLP[];
  readonly heads: Heads;
  readonly #stopped: boolean;
  /** By task. */
  readonly #isMain: readonly boolean[];

  constructor(schema: FeatureMap, options: STEMALOptions = {}) {
    super();
    const given = parseOptions(stemALOptions, options, "STEM-AL");
    const { embeddingDim: dim, embeddingStd, gateHiddenUnits } = given;
    const tasks = tasksOf(schema, given.tasks);
    const mains = given.mainTasks ?? tasks.slice(0, 1);
    const unknown = mains.find((task) => !tasks.includes(task));
    if (unknown !== undefined) {
      throw new ConfigError(`main_tasks: ${unknown} is none of the tasks`, {
        details: { tasks, received: mains },
        hint: `tasks: ${tasks.join(", ")}`,
      });
    }
    const init = normalInit(embeddingStd);
    this.own = tasks.map((task) => new FieldEmbedding(schema, { dim, init, role: `task:${task}` }));
    this.experts = this.own.map((embedding) => fieldExpert(embedding, given));
    const output = 1 + tasks.length - mains.length;
    this.gates = mains.map(() => new MLP(this.own[0].width, gateHiddenUnits, { output }));
    this.heads = new Heads(schema, { ...given, tasks, branches: "task", width: this.experts[0].width });
    this.#stopped = given.auxiliaryExperts === "stopped";
    this.#isMain = tasks.map((task) => mains.includes(task));
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const fields = this.own.map((embedding) => embedding.forward(batch)); // [batch, fields, dim]
    const experts = this.experts.map((expert, t) => expert.forward(fields[t]));
    const auxiliary = experts
      .filter((_, t) => !this.#isMain[t])
      .map((expert) => (this.#stopped ? stopGradient(expert) : expert));
    let gate = 0;
    const branches = experts.map((expert, t): Tensor => {
      if (!this.#isMain[t]) return expert;
      const weights = softmax(this.gates[gate++].forward(flatten(fields[t]))); // [batch, 1 + auxiliary]
      observe(`gates.${t}`, weights);
      return sum(mul(stack([expert, ...auxiliary], { axis: 1 }), expandDims(weights, 2)), { axis: 1 });
    });
    return this.heads.forward(batch, branches);
  }
}

export const stemAL = describeModel({
  name: "STEM-AL",
  summary: "Tables and an expert for each task; main tasks read auxiliary ones and do not disturb them.",
  predicts: "every label",
  options: stemALOptions,
  model: STEMAL,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    expertHiddenUnits: [16],
    gateHiddenUnits: [8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
