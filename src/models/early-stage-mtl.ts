import { z } from "zod";
import { ConfigError, parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding, featureNamed } from "../embeddings/index.ts";
import { ExpertLayer, Linear, MLP } from "../layers/index.ts";
import {
  auxiliaryLoss,
  type Batch,
  currentTrace,
  type LabelOf,
  Model,
  Module,
  normalInit,
} from "../module/index.ts";
import {
  add,
  addAll,
  cast,
  concat,
  div,
  equal,
  exp,
  expandDims,
  logSumExp,
  maximum,
  mean,
  mul,
  neg,
  relu,
  reshape,
  sigmoid,
  slice,
  softplus,
  sqrt,
  square,
  squeeze,
  stopGradient,
  sub,
  sum,
} from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { Transfer } from "./aitm.ts";
import { describeModel } from "./describe-model.ts";
import { logitOfProduct } from "./esmm.ts";
import type { LabelLogits } from "./heads.ts";
import { embeddingOptions, mlpOptions, width } from "./options.ts";
import { tasksOf, tasksOption, towerOptions } from "./task-options.ts";

const { hiddenActivation, netDropout, batchNorm } = towerOptions;

export const earlyStageMTLOptions = z.strictObject({
  ...tasksOption,
  itemFeatures: z
    .array(z.string())
    .min(1)
    .describe("Features of the item; all others are the user's and the moment's. Required."),
  ...embeddingOptions,
  hiddenUnits: z.array(width).min(1).default([256, 128]).describe("Hidden widths of each tower."),
  bottom: z
    .enum(["shared", "mmoe", "ple"])
    .default("shared")
    .describe(
      "What tasks share in a tower: one network, experts with a gate for each task, or those beside one of its own.",
    ),
  experts: width
    .default(4)
    .describe("Shared experts of `mmoe` and `ple`, each with the tower's hidden widths."),
  headDim: width.default(32).describe("Width of the two vectors whose product is a head's logit."),
  hiddenActivation,
  netDropout,
  batchNorm,
  distilled: z
    .array(
      z.strictObject({
        task: z.string().describe("label whose probability the final stage predicts"),
        label: z.string().describe("real label that holds this prediction for each row"),
        weight: z.number().nonnegative().default(1).describe("factor v of its loss"),
      }),
    )
    .default([])
    .describe(
      "Heads that learn the final stage's predictions from all rows, those of weight 0 too, which have no label of " +
        "their own. What they predict goes by the real label's name.",
    ),
  chain: z
    .array(z.string())
    .default([])
    .describe("Tasks of which each needs the one before, such as [click, conversion]."),
  chained: z
    .enum(["product", "free"])
    .default("product")
    .describe("Whether probabilities are products along the chain (ESMM), or heads of their own."),
  transfers: z
    .array(z.strictObject({ from: z.string(), to: z.string() }))
    .default([])
    .describe("Tasks that are told what another one found, by attention within each tower (AITM)."),
  calibrator: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      "Weight of the penalty on a task of the chain that is predicted more often than the one before; with products it " +
        "is 0 by itself.",
    ),
  list: z
    .strictObject({
      weight: z.number().nonnegative().default(0.5).describe("factor mu"),
      terms: z
        .array(
          z.strictObject({
            task: z.string(),
            factor: z.number().default(1),
            by: z.string().optional().describe("real label that multiplies it, such as a bid"),
          }),
        )
        .min(1)
        .describe("total value: the sum of factor * by * probability over distilled tasks"),
    })
    .optional()
    .describe(
      "Within each group (a request), the order by total value of the rows of weight 0 (its candidates) is " +
        "learned from the final stage's. Groups must stand together in the data, and `training.shuffle` be off.",
    ),
});
export type EarlyStageMTLOptions = z.input<typeof earlyStageMTLOptions>;
type Given = z.output<typeof earlyStageMTLOptions>;

/** One product of a user's and an item's vector. */
interface Head {
  /** Label under which it is predicted. */
  readonly name: string;
  readonly task: string;
  readonly distilled: boolean;
}

/**
 * Early-stage multi-task ranker: a user tower and an item tower whose vectors are multiplied, one product a head,
 *
 *     logit_t = ⟨U_t, A_t⟩ + b_t(item)
 *
 * so that a request costs one user encoding and a few products an item, whose vectors are known before. Heads
 * learn labels of impressions, and the final stage's predictions of the same events on impressions and on
 * candidates that were never shown (knowledge distillation):
 *
 *     L = Σ_t BCE(p_t, y_t) + Σ_t v_t BCE(p_t^dist, p_t^F) + mu L_list + alpha Σ max(0, p_t - p_{t-1})
 *     L_list = -mean over requests of Σ_a softmax(TV^F/tau)_a log softmax(TV^E/tau)_a,   tau = sd of TV^F
 *
 * Impressions are rows of weight 1, candidates rows of weight 0: labels count by weight, soft labels do not. Wang
 * et al., "Towards the Better Ranking Consistency: A Multi-task Learning Framework for Early Stage Ads Ranking",
 * arXiv:2307.11096, whose body was not at hand: two towers, a shared bottom, heads of labels and distilled heads
 * are the paper's; equations, sizes, relations between tasks and the listwise term are ours. A small network
 * over the products, which could see more than they do, is left out: it would cost what the products save.
 */
export class EarlyStageMTL extends Model {
  readonly user: Tower;
  readonly item: Tower;
  readonly heads: readonly Head[];
  readonly #given: Given;

  /** @throws ConfigError for names that are no features, labels or tasks of this model */
  constructor(schema: FeatureMap, options: EarlyStageMTLOptions) {
    super();
    const given = parseOptions(earlyStageMTLOptions, options, "EarlyStageMTL");
    const tasks = tasksOf(schema, given.tasks ?? binaryLabels(schema));
    check(schema, tasks, given);
    this.#given = given;
    this.heads = [
      ...tasks.map((task): Head => ({ name: task, task, distilled: false })),
      ...given.distilled.map(({ task, label }): Head => ({ name: label, task, distilled: true })),
    ];
    const { itemFeatures } = given;
    const userFeatures = schema.features.flatMap(({ name }) => (itemFeatures.includes(name) ? [] : [name]));
    const { headDim } = given;
    this.item = new Tower(schema, itemFeatures, this.heads, given, { headWidth: headDim + 1 });
    const shared = this.item.fields.tables;
    this.user = new Tower(schema, userFeatures, this.heads, given, { headWidth: headDim, shared });
  }

  /** Width of a user's vector, all heads side by side. */
  get userWidth(): number {
    return this.heads.length * this.#given.headDim;
  }

  /** Width of an item's. */
  get itemWidth(): number {
    return this.heads.length * (this.#given.headDim + 1);
  }

  /** `U` of all heads, `[batch, userWidth]`: a function of the user's features alone. */
  users(batch: Batch): Tensor {
    return this.user.forward(batch);
  }

  /** `A` and `b` of all heads, `[batch, itemWidth]`: a function of the item's features alone. */
  items(batch: Batch): Tensor {
    return this.item.forward(batch);
  }

  /**
   * Logits of all heads from vectors. One user goes with any number of items.
   *
   * @param users `[batch, userWidth]` or `[1, userWidth]`
   * @param items `[batch, itemWidth]`
   * @returns by label, `[batch]` each
   */
  score(users: Tensor, items: Tensor): LabelLogits {
    const { headDim } = this.#given;
    const heads = this.heads.length;
    const u = reshape(users, [users.shape[0], heads, headDim]);
    const a = reshape(items, [items.shape[0], heads, headDim + 1]);
    const products = sum(mul(u, slice(a, { axis: 2, start: 0, end: headDim })), { axis: 2 });
    const raw = add(products, squeeze(slice(a, { axis: 2, start: headDim, end: headDim + 1 }), 2)); // [batch, heads]
    const logits: { [label: string]: Tensor } = {};
    for (const [k, { name }] of this.heads.entries()) {
      logits[name] = squeeze(slice(raw, { axis: 1, start: k, end: k + 1 }), 1);
    }
    for (const [before, after] of this.#given.chained === "product" ? this.#pairs() : []) {
      logits[after.name] = logitOfProduct(logits[before.name], logits[after.name]);
    }
    return logits;
  }

  /** What the model answers with: logits of labels, probabilities under the names of soft labels. */
  answers(logits: LabelLogits): LabelLogits {
    return Object.fromEntries(
      this.heads.map(({ name, distilled }) => [name, distilled ? sigmoid(logits[name]) : logits[name]]),
    );
  }

  /** In training, logits of labels alone; what heads learn of the final stage is added to the loss. */
  forward(batch: Batch): LabelLogits {
    const logits = this.score(this.users(batch), this.items(batch));
    if (!currentTrace().training) return this.answers(logits);
    const { distilled, calibrator, list } = this.#given;
    for (const { label, weight } of distilled) {
      if (weight === 0) continue;
      auxiliaryLoss(`distillation:${label}`, (labelOf) =>
        mul(softCrossEntropy(logits[label], stopGradient(labelOf(label))), weight),
      );
    }
    if (calibrator > 0 && this.#pairs().length > 0) {
      auxiliaryLoss("calibrator", () => mul(this.#excess(logits), calibrator));
    }
    if (list !== undefined && list.weight > 0) {
      auxiliaryLoss("list", (labelOf) => mul(this.#listLoss(logits, labelOf), list.weight));
    }
    return Object.fromEntries(
      this.heads.flatMap(({ name, distilled: soft }) => (soft ? [] : [[name, logits[name]]])),
    );
  }

  /** Heads that follow each other in the chain, of labels and distilled. */
  #pairs(): (readonly [Head, Head])[] {
    const { chain } = this.#given;
    return [false, true].flatMap((distilled) =>
      chain.slice(1).flatMap((task, k) => {
        const named = (wanted: string): Head | undefined =>
          this.heads.find((head) => head.task === wanted && head.distilled === distilled);
        const [before, after] = [named(chain[k]), named(task)];
        return before === undefined || after === undefined ? [] : [[before, after] as const];
      }),
    );
  }

  #excess(logits: LabelLogits): Tensor {
    return addAll(
      this.#pairs().map(([before, after]) =>
        mean(relu(sub(sigmoid(logits[after.name]), sigmoid(logits[before.name])))),
      ),
    );
  }

  #listLoss(logits: LabelLogits, labelOf: LabelOf): Tensor {
    const { terms } = this.#given.list as NonNullable<Given["list"]>;
    const value = (probability: (label: string) => Tensor): Tensor =>
      addAll(
        terms.map(({ task, factor, by }) => {
          const { name } = this.heads.find((head) => head.task === task && head.distilled) as Head;
          const term = mul(probability(name), factor);
          return by === undefined ? term : mul(term, labelOf(by));
        }),
      );
    const taught = stopGradient(value(labelOf));
    const own = value((name) => sigmoid(logits[name]));
    return candidateListLoss(own, taught, labelOf("@group"), equalsZero(labelOf("@weight")));
  }
}

interface TowerShape {
  /** Width of one head's vector. */
  readonly headWidth: number;
  readonly shared?: FieldEmbedding["tables"];
}

/** One side: its fields, what tasks share, what they tell each other, and a vector for each head. */
class Tower extends Module {
  readonly fields: FieldEmbedding;
  readonly network: MLP | undefined;
  readonly experts: ExpertLayer | undefined;
  readonly transfers: readonly Transfer[];
  readonly outputs: readonly Linear[];
  readonly #heads: readonly Head[];
  readonly #tasks: readonly string[];
  readonly #order: readonly { readonly from: string; readonly to: string }[];

  constructor(
    schema: FeatureMap,
    features: readonly string[],
    heads: readonly Head[],
    given: Given,
    { headWidth, shared }: TowerShape,
  ) {
    super();
    const { embeddingDim: dim, embeddingStd, hiddenUnits, bottom, experts } = given;
    this.#heads = heads;
    this.#tasks = [...new Set(heads.map(({ task }) => task))];
    this.#order = given.transfers;
    this.fields = new FieldEmbedding(schema, {
      dim,
      include: features,
      init: normalInit(embeddingStd),
      shared,
    });
    const network = (): MLP => new MLP(this.fields.width, hiddenUnits, mlpOptions(given));
    this.network = bottom === "shared" ? network() : undefined;
    this.experts =
      bottom === "shared"
        ? undefined
        : new ExpertLayer({
            branches: this.#tasks.length,
            own: bottom === "ple" ? 1 : 0,
            shared: experts,
            expert: network,
            inputs: this.fields.width,
            gateHidden: [],
          });
    const last = hiddenUnits[hiddenUnits.length - 1];
    this.transfers = this.#order.map(() => new Transfer(last));
    this.outputs = heads.map(() => new Linear(last, headWidth));
  }

  /** `[batch, heads · headWidth]` */
  forward(batch: Batch): Tensor {
    const x = this.fields.forwardFlat(batch); // [batch, width]
    const inputs = repeat(this.#tasks.length, () => x);
    const common = this.network?.forward(x); // [batch, hidden]
    const found =
      common === undefined
        ? (this.experts as ExpertLayer).forward({ branches: inputs, shared: x }).branches
        : repeat(inputs.length, () => common);
    const byTask = new Map(this.#tasks.map((task, t) => [task, found[t]]));
    for (const [k, { from, to }] of this.#order.entries()) {
      const [before, own] = [from, to].map((task) => byTask.get(task) as Tensor);
      byTask.set(to, this.transfers[k].forward(before, own));
    }
    return concat(
      this.#heads.map(({ task }, h) => this.outputs[h].forward(byTask.get(task) as Tensor)),
      { axis: 1 },
    );
  }
}

/** Cross entropy of a probability that teaches, mean over all rows. */
function softCrossEntropy(logit: Tensor, taught: Tensor): Tensor {
  return mean(sub(softplus(logit), mul(taught, logit)));
}

/** 1 where a column is 0, else 0: float32. */
function equalsZero(column: Tensor): Tensor {
  return cast(equal(column, constant(0)), "float32");
}

/** Far enough below any value over tau that its exponential is 0, and still finite. */
const LEFT_OUT = -1e9;

/**
 * `-mean_r Σ_{a ∈ r} softmax(taught/tau)_a log softmax(own/tau)_a` over the requests of a batch, tau being the
 * standard deviation of what teaches.
 *
 * @param own `[batch]`
 * @param taught `[batch]`
 * @param groups int32 `[batch]`: the request
 * @param candidates float32 `[batch]`: 1 for rows that take part
 * @returns a scalar; 0 where no row takes part
 */
export function candidateListLoss(own: Tensor, taught: Tensor, groups: Tensor, candidates: Tensor): Tensor {
  const count = maximum(sum(candidates), constant(1));
  const average = div(sum(mul(taught, candidates)), count);
  const variance = div(sum(mul(square(sub(taught, average)), candidates)), count);
  const tau = stopGradient(maximum(sqrt(variance), constant(1e-6)));
  const sameRequest = cast(equal(expandDims(groups, 1), expandDims(groups, 0)), "float32");
  const together = mul(sameRequest, mul(expandDims(candidates, 1), expandDims(candidates, 0))); // [batch, batch]
  const outside = mul(sub(1, together), LEFT_OUT);
  // Of each row's request: ln Σ e^value, and the row's share of it.
  const logTotal = (value: Tensor): Tensor => logSumExp(add(expandDims(value, 0), outside), { axis: 1 });
  const e = div(own, tau);
  const f = div(taught, tau);
  const share = stopGradient(mul(exp(minimumZero(sub(f, logTotal(f)))), candidates));
  const requests = sum(div(candidates, maximum(sum(together, { axis: 1 }), constant(1))));
  const each = mul(share, mul(sub(logTotal(e), e), candidates));
  return div(sum(each), maximum(requests, constant(1)));
}

function minimumZero(x: Tensor): Tensor {
  return neg(relu(neg(x)));
}

function binaryLabels(schema: FeatureMap): string[] {
  return schema.labels.flatMap(({ name, kind }) => (kind === "binary" ? [name] : []));
}

function check(schema: FeatureMap, tasks: readonly string[], given: Given): void {
  for (const name of given.itemFeatures) featureNamed(schema, name);
  const refuse = (message: string, details: object, hint: string): ConfigError =>
    new ConfigError(message, { details: { ...details }, hint });
  const known = schema.labels;
  if (given.itemFeatures.length === schema.features.length) {
    throw refuse(
      "item_features: no feature is left for the user",
      { features: given.itemFeatures },
      "leave out those of the user and of the moment",
    );
  }
  const isTask = (option: string, task: string, among: readonly string[]): void => {
    if (among.includes(task)) return;
    throw refuse(
      `${option}: "${task}" is no task of the model`,
      { option, task, among },
      `tasks: ${among.join(", ")}`,
    );
  };
  const isReal = (option: string, label: string): void => {
    if (known.some(({ name, kind }) => name === label && kind === "real")) return;
    throw refuse(
      `${option}: the data have no real label "${label}"`,
      { option, label, labels: known.map(({ name, kind }) => `${name} (${kind})`) },
      `add { name: ${label}, kind: real } to the labels`,
    );
  };
  for (const task of tasks) {
    if (known.some(({ name, kind }) => name === task && kind === "real")) {
      throw refuse(
        `tasks: "${task}" is a real label`,
        { task },
        "soft labels go to `distilled`, factors to `list.terms`",
      );
    }
  }
  for (const { task, label } of given.distilled) {
    isTask("distilled.task", task, tasks);
    isReal("distilled.label", label);
  }
  for (const task of given.chain) isTask("chain", task, tasks);
  for (const { from, to } of given.transfers) {
    isTask("transfers.from", from, tasks);
    isTask("transfers.to", to, tasks);
  }
  if (given.list === undefined) return;
  const soft = given.distilled.map(({ task }) => task);
  for (const { task, by } of given.list.terms) {
    isTask("list.terms.task", task, soft);
    if (by !== undefined) isReal("list.terms.by", by);
  }
  if (schema.group !== undefined && schema.weight !== undefined) return;
  throw refuse(
    "list: the data have no group or no weight",
    { group: schema.group ?? null, weight: schema.weight ?? null },
    "name the request's column as `group`, and as `weight` one that is 1 for impressions and 0 for candidates",
  );
}

export const earlyStageMTL = describeModel({
  name: "EarlyStageMTL",
  summary: "Two towers with a product for each task, taught by the final stage.",
  predicts: "every label",
  options: earlyStageMTLOptions,
  model: EarlyStageMTL,
  example: {
    itemFeatures: ["item", "category", "tags", "price", "image"],
    embeddingDim: 4,
    embeddingStd: 0.3,
    hiddenUnits: [32],
    headDim: 8,
    netDropout: 0.2,
    hiddenActivation: "silu",
    bottom: "ple",
    experts: 2,
    chain: ["click", "buy"],
    transfers: [{ from: "click", to: "buy" }],
    calibrator: 0.5,
  },
});
