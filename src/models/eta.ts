import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import {
  type EventSelection,
  MLP,
  MultiHeadTargetAttention,
  SimHash,
  selectRecent,
  selectTopK,
} from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat, sub } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Events, eventsAt, type Interest, interestsOf, namesIn, readEvents } from "./interest.ts";
import {
  deepOptions,
  embeddingOptions,
  longHistoryOptions,
  mlpOptions,
  targetAttentionOptions,
  width,
} from "./options.ts";

export const etaOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  ...longHistoryOptions,
  hashBits: width.default(32).describe("Bits of an event's signature."),
});
export type ETAOptions = z.input<typeof etaOptions>;

/**
 * Efficient Target Attention: the `k` events whose SimHash signature differs from the candidate's in the fewest
 * bits, then attention to them, beside the most recent events. Search and attention read the same vectors, so
 * nothing needs to teach the search.
 *
 *     logit = MLP([fields ; attention(recent) ; attention(nearest)])
 *
 * Chen et al., arXiv:2108.04468; hyperplanes are fixed as FuxiCTR's by default. Of events equally near the more
 * recent ones are taken.
 */
export class ETA extends Model {
  readonly embedding: FieldEmbedding;
  readonly hashes: readonly SimHash[];
  readonly recent: readonly MultiHeadTargetAttention[];
  readonly found: readonly MultiHeadTargetAttention[];
  readonly deep: MLP;
  readonly #options: z.output<typeof etaOptions>;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: ETAOptions = {}) {
    super();
    const given = parseOptions(etaOptions, options, "ETA");
    this.#options = given;
    const { embeddingDim: dim, embeddingStd, hashBits, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "ETA");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    const widths = this.#interests.map(({ targets }) => targets.length * dim);
    const attention = (size: number) => new MultiHeadTargetAttention(size, targetAttentionOptions(given));
    this.hashes = widths.map((size) => new SimHash(size, hashBits));
    this.recent = widths.map(attention);
    this.found = widths.map(attention);
    this.deep = new MLP(this.embedding.width + 2 * exclude.length * dim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const attended = this.#interests.flatMap((interest, i) => {
      const events = readEvents(batch, interest, this.embedding);
      const last = eventsAt(events, selectRecent(events.mask, this.#options.shortLength));
      const near = eventsAt(events, this.#nearest(this.hashes[i], events));
      return [
        this.recent[i].forward(events.target, last.history, last.mask),
        this.found[i].forward(events.target, near.history, near.mask),
      ];
    });
    return this.deep.forward(concat([this.embedding.forwardFlat(batch), ...attended])).squeeze(1);
  }

  #nearest(hash: SimHash, { target, history, mask }: Events): EventSelection {
    const length = history.shape[1] as number;
    // Distances are whole numbers; what is below 1 decides between equals.
    const recency = constant(Float32Array.from({ length }, (_, t) => t / length));
    return selectTopK(sub(recency, hash.distances(target, history)), mask, this.#options.k);
  }
}

export const eta = describeModel({
  name: "ETA",
  summary: "Nearest events by hashed signatures, then attention to them.",
  options: etaOptions,
  model: ETA,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    k: 2,
    shortLength: 3,
    attentionWidth: 8,
    hashBits: 16,
  },
});
