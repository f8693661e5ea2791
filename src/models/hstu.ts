import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { checkNormWidth, HSTULayer, MLP, RelativeBias } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit } from "../module/index.ts";
import { concat, expandDims, mul, slice, squeeze } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Events, type Interest, interestsOf, namesIn, readEvents, withCandidate } from "./interest.ts";
import { deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const hstuOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  hstuLayers: width.default(2).describe("Layers, one behind the other."),
  attentionHeads: width.default(1).describe("Heads of each layer."),
  queryDim: width.optional().describe("Width of queries and keys in a head. Absent: the events' by heads."),
  valueDim: width.optional().describe("Width of values in a head. Absent: as of queries."),
  hstuDropout: rate.default(0).describe("Share of each layer's output dropped in training."),
  normalizer: width
    .optional()
    .describe("What sums over the history are divided by. Absent: the longest history and the candidate."),
});
export type HSTUOptions = z.input<typeof hstuOptions>;

/**
 * Hierarchical sequential transduction unit as a ranker: the candidate stands behind the history, everyone sees
 * what came before, and what the last layer makes of the candidate joins the other fields.
 *
 *     x = [h_1 … h_T, a],   y = HSTU layers(x) with bias by distance and, where times are known, by time
 *     logit = MLP([fields ; y_candidate])
 *
 * Zhai et al., "Actions Speak Louder than Words", ICML 2024, arXiv:2402.17152. Attention is causal, so that no
 * event sees the candidate: the events' states belong to the user alone, and many candidates can share them. (The
 * paper's ranker also puts the action on each event between the items; here that is a side sequence.) Each layer
 * has its own bias. Times are the `.age` of the history, from its `times_column`.
 */
export class HSTU extends Model {
  readonly embedding: FieldEmbedding;
  readonly transducers: readonly Transducer[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: HSTUOptions = {}) {
    super();
    const given = parseOptions(hstuOptions, options, "HSTU");
    const { embeddingDim: dim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "HSTU");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    this.transducers = this.#interests.map((interest) => new Transducer(interest, given));
    this.deep = new MLP(this.embedding.width + exclude.length * dim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const states = this.#interests.map((interest, k) => {
      const [{ name, timesColumn }] = interest.sequences;
      const ages = timesColumn === undefined ? undefined : batch.vector(`${name}.age`); // [batch, length], seconds
      return this.transducers[k].forward(readEvents(batch, interest, this.embedding), ages);
    });
    return this.deep.forward(concat([this.embedding.forwardFlat(batch), ...states])).squeeze(1);
  }
}

class Transducer extends Module {
  readonly layers: readonly HSTULayer[];
  readonly biases: readonly RelativeBias[];

  constructor({ sequences, targets, length }: Interest, options: z.output<typeof hstuOptions>) {
    super();
    const { hstuLayers, attentionHeads: heads, queryDim, valueDim, normalizer = length + 1 } = options;
    const dim = targets.length * options.embeddingDim;
    checkNormWidth("HSTU", "embedding_dim", dim);
    checkNormWidth("HSTU", "value_dim", heads * (valueDim ?? queryDim ?? dim));
    const times = sequences[0].timesColumn !== undefined;
    const layer = { normalizer, heads, queryDim, valueDim, dropout: options.hstuDropout };
    this.layers = repeat(hstuLayers, () => new HSTULayer(dim, layer));
    this.biases = repeat(hstuLayers, () => new RelativeBias(length, { times }));
  }

  /** The candidate's state, `[batch, width]`. */
  forward({ target, history, mask }: Events, ages: Tensor | undefined): Tensor {
    const length = history.shape[1] as number;
    const past = Float32Array.from({ length: (length + 1) ** 2 }, (_, i) =>
      i % (length + 1) <= Math.floor(i / (length + 1)) ? 1 : 0,
    );
    const causal = constant(past, { shape: [length + 1, length + 1] });
    const allowed = mul(expandDims(withCandidate(mask), 1), causal); // [batch, length + 1, length + 1]
    const all = concat([history, expandDims(target, 1)], { axis: 1 }); // [batch, length + 1, width]
    const states = this.layers.reduce(
      (x, layer, l) => layer.forward(x, allowed, this.biases[l].forward(mask, ages)),
      all,
    );
    return squeeze(slice(states, { axis: 1, start: length }), 1);
  }
}

export const hstu = describeModel({
  name: "HSTU",
  summary: "Attention without softmax over history and candidate, with bias by distance and time.",
  options: hstuOptions,
  model: HSTU,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    hstuDropout: 0.1,
    attentionHeads: 2,
    normalizer: 8,
  },
});
