/**
 * HSTU for the next item: layers of pointwise aggregated attention over the history, compared by cosine.
 *
 *     x_t = √d e(i_t) + p_t, dropout;  HSTU layers with a bias by distance;
 *     score = cos(state, e(j)) / temperature
 *
 * Zhai et al., "Actions Speak Louder than Words", ICML 2024, arXiv:2402.17152; the encodings and the
 * temperature follow the authors' public configurations (facebookresearch/generative-recommenders). Times
 * between events are not used here: public next-item sets seldom have them.
 */
import { z } from "zod";
import { parseOptions, repeat } from "../../core/index.ts";
import { checkNormWidth, HSTULayer } from "../../layers/index.ts";
import { dropout, normalInit, Parameter } from "../../module/index.ts";
import { add, expandDims, mul, reshape, take } from "../../ops/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { describeRetrieval } from "./describe-retrieval.ts";
import { causal, type Histories, SequenceModel, unitLength } from "./sequence-model.ts";
import { sequenceOptions } from "./sequence-options.ts";

export const hstuOptions = z.strictObject({
  ...sequenceOptions,
  layers: z.number().int().positive().default(2).describe("HSTU layers."),
  heads: z.number().int().positive().default(1).describe("Heads of each layer."),
  dropout: z.number().min(0).lt(1).default(0.2).describe("Share dropped of embeddings and in layers."),
  temperature: z.number().positive().default(0.05).describe("Cosines are divided by it."),
});

export type HSTUOptions = z.input<typeof hstuOptions>;

export class HSTU extends SequenceModel {
  readonly places: Parameter;
  /** `[length]`, by distance. */
  readonly distances: Parameter;
  readonly layers: readonly HSTULayer[];
  readonly rate: number;
  readonly temperature: number;

  constructor(schema: FeatureMap, options: HSTUOptions = {}) {
    const given = parseOptions(hstuOptions, options, "HSTU");
    const { embeddingDim: dim, embeddingStd, heads, dropout: rate, temperature } = given;
    checkNormWidth("HSTU", "embedding_dim", dim);
    super(schema, { ...given, dim, init: normalInit(embeddingStd) });
    const { length } = this;
    this.places = new Parameter([length, dim], { init: normalInit(embeddingStd) });
    this.distances = new Parameter([length], { init: normalInit(0.02) });
    this.layers = repeat(
      given.layers,
      () => new HSTULayer(dim, { normalizer: length, heads, dropout: rate }),
    );
    this.rate = rate;
    this.temperature = temperature;
  }

  states({ items, placed, allowed }: Histories): Tensor {
    const { length } = this;
    const x = dropout(add(mul(items, Math.sqrt(this.dim)), placed(this.places)), this.rate); // [batch, length, dim]
    const apart = Array.from({ length: length * length }, (_, at) =>
      Math.max(0, Math.floor(at / length) - (at % length)),
    );
    const bias = expandDims(reshape(take(this.distances, apart, { axis: 0 }), [length, length]), 0);
    return this.layers.reduce((state, layer) => layer.forward(state, allowed ?? causal(length), bias), x);
  }

  protected override represent(state: Tensor): Tensor {
    return mul(unitLength(state), 1 / this.temperature);
  }

  protected override representItem(vector: Tensor): Tensor {
    return unitLength(vector);
  }
}

export const hstu = describeRetrieval({
  name: "HSTU",
  summary: "Pointwise aggregated attention over the history, compared by cosine.",
  training: "sequences",
  options: hstuOptions,
  model: HSTU,
  example: { embeddingDim: 8, layers: 2, heads: 2, dropout: 0.2 },
});
