import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { MLP, MultiHeadTargetAttention, SimHash, selectRecent } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import {
  add,
  concat,
  div,
  expandDims,
  matmul,
  mean,
  mul,
  sqrt,
  square,
  sum,
  swapAxes,
} from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
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

const { k: _, ...shortHistoryOptions } = longHistoryOptions;

export const sdimOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  ...shortHistoryOptions,
  hashes: width.default(48).describe("Hash tables m; the more, the nearer to attention by angle."),
  hashBits: width.default(3).describe("Bits τ of one table; the more, the sharper."),
  normalize: z.boolean().default(true).describe("Whether each table's sum is brought to length 1."),
});
export type SDIMOptions = z.input<typeof sdimOptions>;

/**
 * Sampling-based Deep Interest Modeling: the events that share the candidate's bucket are added up, in each of m
 * hash tables of τ bits; an event's expected weight is then `(1 - angle/π)^τ`. No scores and no softmax, so
 * that buckets can be kept per user and the cost of a candidate does not grow with the history.
 *
 *     u = 1/m Σ_j norm(Σ_t [hash_j(h_t) = hash_j(a)] h_t)
 *     logit = MLP([fields ; attention(recent) ; u])
 *
 * Cao et al., "Sampling Is All You Need on Modeling Long-Term User Behaviors", CIKM 2022, arXiv:2205.10249.
 */
export class SDIM extends Model {
  readonly embedding: FieldEmbedding;
  readonly hashes: readonly SimHash[];
  readonly recent: readonly MultiHeadTargetAttention[];
  readonly deep: MLP;
  readonly #options: z.output<typeof sdimOptions>;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: SDIMOptions = {}) {
    super();
    const given = parseOptions(sdimOptions, options, "SDIM");
    this.#options = given;
    const { embeddingDim: dim, embeddingStd, hashes, hashBits, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "SDIM");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    const widths = this.#interests.map(({ targets }) => targets.length * dim);
    this.hashes = widths.map((size) => new SimHash(size, hashes * hashBits));
    const attention = targetAttentionOptions({ ...given, k: 1 });
    this.recent = widths.map((size) => new MultiHeadTargetAttention(size, attention));
    this.deep = new MLP(this.embedding.width + 2 * exclude.length * dim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const read = this.#interests.flatMap((interest, i) => {
      const events = readEvents(batch, interest, this.embedding);
      const last = eventsAt(events, selectRecent(events.mask, this.#options.shortLength));
      return [
        this.recent[i].forward(events.target, last.history, last.mask),
        this.#bucketSum(this.hashes[i], events),
      ];
    });
    return this.deep.forward(concat([this.embedding.forwardFlat(batch), ...read])).squeeze(1);
  }

  #bucketSum(hash: SimHash, { target, history, mask }: Events): Tensor {
    const { hashBits, normalize } = this.#options;
    const together = mul(hash.collisions(target, history, hashBits), expandDims(mask, 2)); // [batch, length, hashes]
    const sums = matmul(swapAxes(together, 1, 2), history); // [batch, hashes, dim]
    if (!normalize) return mean(sums, { axis: 1 });
    // An empty bucket stays zero; the constant is far below any length there is.
    const lengths = sqrt(add(sum(square(sums), { axis: 2, keepDims: true }), 1e-24));
    return mean(div(sums, lengths), { axis: 1 });
  }
}

export const sdim = describeModel({
  name: "SDIM",
  summary: "Sums of the events that share the candidate's hash buckets.",
  options: sdimOptions,
  model: SDIM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    shortLength: 3,
    attentionWidth: 8,
    hashes: 4,
    hashBits: 2,
  },
});
