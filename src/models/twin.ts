import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding, slotOf, tablesFor, vocabularyOf } from "../embeddings/index.ts";
import { Linear, MLP, MultiHeadTargetAttention, selectRecent } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit, type Table } from "../module/index.ts";
import { concat, swapAxes } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import {
  type Events,
  eventsAt,
  type Interest,
  interestsOf,
  lookUpSideBySide,
  namesIn,
  readEvents,
} from "./interest.ts";
import {
  deepOptions,
  embeddingOptions,
  longHistoryOptions,
  mlpOptions,
  targetAttentionOptions,
} from "./options.ts";

export const twinOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  ...longHistoryOptions,
});
export type TWINOptions = z.input<typeof twinOptions>;

/**
 * Two-stage Interest Network: the search scores events as the attention does, so that what is found is what
 * would have had the greatest weight.
 *
 *     s_t = (a W_q)·(h_t W_k) / √d_h + c_t·β,   the k highest of each head,   softmax over those
 *     logit = MLP([fields ; attention(recent) ; attention(found)])
 *
 * c_t are the sequences aligned with the history that have no target (what was watched how long, on which page):
 * they say something about an event, whoever the candidate is; β is learned for each head, and they are part of
 * the values. Chang et al., KDD 2023, arXiv:2302.02352; FuxiCTR.
 */
export class TWIN extends Model {
  readonly embedding: FieldEmbedding;
  readonly traitTables: { readonly [vocabulary: string]: Table };
  readonly searches: readonly TwinAttention[];
  readonly deep: MLP;
  readonly #shortLength: number;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: TWINOptions = {}) {
    super();
    const given = parseOptions(twinOptions, options, "TWIN");
    const { embeddingDim: dim, embeddingStd, hiddenUnits, shortLength } = given;
    this.#shortLength = shortLength;
    this.#interests = interestsOf(schema, "TWIN");
    for (const interest of this.#interests) checkTraits(interest);
    const traits = this.#interests.flatMap((interest) => interest.traits);
    const exclude = [...namesIn(this.#interests), ...traits.map(({ name }) => name)];
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init });
    const { tables } = this.embedding;
    const own = traits.filter((trait) => tables[vocabularyOf(trait)] === undefined);
    this.traitTables = tablesFor(schema, own, { dim, init });
    this.searches = this.#interests.map((interest) => new TwinAttention(interest, given));
    const pooled = this.searches.reduce((total, { width }) => total + width, 0);
    this.deep = new MLP(this.embedding.width + pooled, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const { embedding, traitTables } = this;
    const tables = { ...embedding.tables, ...traitTables };
    const attended = this.#interests.flatMap((interest, i) => {
      const { traits, length } = interest;
      const events = readEvents(batch, interest, embedding);
      const slots = traits.map((trait) => slotOf(trait, tables));
      const known = slots.length === 0 ? undefined : lookUpSideBySide(batch, slots, length); // [batch, length, traits · dim]
      return this.searches[i].forward(events, { traits: known, shortLength: this.#shortLength });
    });
    return this.deep.forward(concat([embedding.forwardFlat(batch), ...attended])).squeeze(1);
  }
}

class TwinAttention extends Module {
  readonly recent: MultiHeadTargetAttention;
  readonly found: MultiHeadTargetAttention;
  readonly traitBias: Linear | undefined;
  readonly k: number;
  readonly width: number;

  constructor({ targets, traits }: Interest, options: z.output<typeof twinOptions>) {
    super();
    const [dim, known] = [targets.length, traits.length].map((count) => count * options.embeddingDim);
    const attention = targetAttentionOptions(options);
    this.recent = new MultiHeadTargetAttention(dim, attention);
    this.found = new MultiHeadTargetAttention(dim, { ...attention, valueDim: dim + known });
    this.traitBias = known === 0 ? undefined : new Linear(known, attention.heads, { bias: false });
    this.k = options.k;
    this.width = this.recent.width + this.found.width;
  }

  /** `[batch, recent.width]` and `[batch, found.width]`. */
  forward(events: Events, given: { traits: Tensor | undefined; shortLength: number }): [Tensor, Tensor] {
    const { target, history, mask } = events;
    const { traits } = given;
    const last = eventsAt(events, selectRecent(mask, given.shortLength));
    const values = traits === undefined ? history : concat([history, traits]);
    const bias =
      traits === undefined ? undefined : swapAxes((this.traitBias as Linear).forward(traits), 1, 2); // [batch, heads, length]
    return [
      this.recent.forward(target, last.history, last.mask),
      this.found.forward(target, history, mask, { values, bias, k: this.k }),
    ];
  }
}

function checkTraits({ sequences, traits, length }: Interest): void {
  for (const { name, maxLength } of traits) {
    if (maxLength === length) continue;
    throw new ConfigError(
      `"${name}" and "${sequences[0].name}" are read side by side, so both need one max_length`,
      {
        details: { [sequences[0].name]: length, [name]: maxLength },
        hint: `give "${name}" max_length ${length}`,
      },
    );
  }
}

export const twin = describeModel({
  name: "TWIN",
  summary: "Search by the attention's own scores in a long history.",
  options: twinOptions,
  model: TWIN,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    k: 2,
    shortLength: 3,
    attentionWidth: 8,
  },
});
