import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import {
  type EventSelection,
  MLP,
  MultiHeadTargetAttention,
  SearchUnit,
  selectRecent,
  selectTopK,
} from "../layers/index.ts";
import { auxiliaryLoss, type Batch, Model, normalInit } from "../module/index.ts";
import { broadcastTo, cast, concat, equal, expandDims, mul, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Events, eventsAt, type Interest, interestsOf, namesIn, readEvents } from "./interest.ts";
import { labelLoss } from "./label-loss.ts";
import {
  deepOptions,
  embeddingOptions,
  longHistoryOptions,
  mlpOptions,
  targetAttentionOptions,
} from "./options.ts";

export const simOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  ...longHistoryOptions,
  search: z
    .enum(["soft", "hard"])
    .default("soft")
    .describe(
      "`soft`: the events of highest learned score; `hard`: the most recent of the candidate's category.",
    ),
  categorySequence: z
    .string()
    .optional()
    .describe(
      "Hard search: the aligned sequence that must agree with the candidate. Absent: the first of them.",
    ),
  searchLossWeight: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Soft search: weight of the loss that teaches the search."),
});
export type SIMOptions = z.input<typeof simOptions>;

/**
 * Search-based Interest Model: a search finds the `k` events of a long history that have to do with the
 * candidate, and attention reads them, beside the most recent events.
 *
 *     soft: r_t = (a W_a)·(h_t W_b), the k highest;   hard: same category, the k most recent
 *     logit = MLP([fields ; attention(recent) ; attention(found)])
 *     soft adds the loss of MLP'([fields ; Σ r_t h_t])
 *
 * Pi et al., CIKM 2020, arXiv:2006.05639. As in FuxiCTR, but padding cannot be found before real events and
 * the recent window has all its `shortLength` events.
 */
export class SIM extends Model {
  readonly embedding: FieldEmbedding;
  readonly searches: readonly SearchUnit[];
  readonly recent: readonly MultiHeadTargetAttention[];
  readonly found: readonly MultiHeadTargetAttention[];
  readonly searchDeep: MLP | undefined;
  readonly deep: MLP;
  readonly #options: z.output<typeof simOptions>;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: SIMOptions = {}) {
    super();
    const given = parseOptions(simOptions, options, "SIM");
    this.#options = given;
    const { embeddingDim: dim, embeddingStd, attentionWidth, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "SIM");
    if (given.search === "hard") for (const interest of this.#interests) this.#categories(interest);
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    const widths = this.#interests.map(({ targets }) => targets.length * dim);
    const attention = (width: number) => new MultiHeadTargetAttention(width, targetAttentionOptions(given));
    const soft = given.search === "soft";
    this.searches = soft
      ? widths.map((width) => new SearchUnit(width, width, { width: attentionWidth }))
      : [];
    this.recent = widths.map(attention);
    this.found = widths.map(attention);
    const pooled = exclude.length * dim;
    const mlp = { ...mlpOptions(given), output: 1 };
    this.searchDeep =
      soft && given.searchLossWeight > 0
        ? new MLP(this.embedding.width + pooled, hiddenUnits, mlp)
        : undefined;
    this.deep = new MLP(this.embedding.width + 2 * pooled, hiddenUnits, mlp);
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const { k, shortLength } = this.#options;
    const fields = this.embedding.forwardFlat(batch); // [batch, embedding.width]
    const searched: Tensor[] = [];
    const attended = this.#interests.flatMap((interest, i) => {
      const events = readEvents(batch, interest, this.embedding);
      const { target, history, mask } = events;
      const last = eventsAt(events, selectRecent(mask, shortLength));
      const scores = this.searches[i]?.forward(target, history); // [batch, length]
      if (scores !== undefined)
        searched.push(sum(mul(history, expandDims(mul(scores, mask), 2)), { axis: 1 }));
      const selection =
        scores === undefined ? this.#sameCategory(batch, interest, events) : selectTopK(scores, mask, k);
      const best = eventsAt(events, selection);
      return [
        this.recent[i].forward(target, last.history, last.mask),
        this.found[i].forward(target, best.history, best.mask),
      ];
    });
    const { searchDeep } = this;
    if (searchDeep !== undefined) {
      const [label] = batch.schema.labels;
      auxiliaryLoss("search", (labelOf) => {
        const logit = searchDeep.forward(concat([fields, ...searched])).squeeze(1);
        return mul(labelLoss(label, logit, labelOf(label.name)), this.#options.searchLossWeight);
      });
    }
    return this.deep.forward(concat([fields, ...attended])).squeeze(1);
  }

  #sameCategory(batch: Batch, interest: Interest, { mask }: Events): EventSelection {
    const at = this.#categories(interest);
    const own = batch.vector(interest.targets[at].name); // int32 [batch, 1]
    const ids = batch.vector(interest.sequences[at].name); // int32 [batch, length]
    const same = mul(mask, cast(equal(ids, own), "float32"));
    const positions = constant(Float32Array.from({ length: interest.length }, (_, t) => t));
    return selectTopK(broadcastTo(positions, mask.shape), same, this.#options.k);
  }

  /** Which of the interest's sequences holds the categories. */
  #categories({ sequences }: Interest): number {
    const { categorySequence } = this.#options;
    const names = sequences.map(({ name }) => name);
    const at = categorySequence === undefined ? 1 : names.indexOf(categorySequence);
    if (at >= 0 && at < names.length) return at;
    throw new ConfigError("SIM's hard search needs a sequence of categories aligned with the history", {
      details: { history: names[0], aligned: names.slice(1), categorySequence },
      hint: "declare one with `aligned_with` and a `target`, or say search: soft",
    });
  }
}

export const sim = describeModel({
  name: "SIM",
  summary: "Search in a long history, then attention to what was found.",
  options: simOptions,
  model: SIM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    k: 2,
    shortLength: 3,
    attentionWidth: 8,
    searchLossWeight: 0.2,
  },
});
