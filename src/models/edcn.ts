import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { BatchNorm, Linear, MLP } from "../layers/index.ts";
import {
  acrossSets,
  type Batch,
  constantInit,
  Model,
  Module,
  normalInit,
  Parameter,
} from "../module/index.ts";
import { add, div, flatten, mul, relu, reshape, slice, softmax } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, width } from "./options.ts";

const { hiddenActivation, netDropout } = deepOptions;

export const edcnOptions = z.strictObject({
  ...embeddingOptions,
  crossLayers: width.default(3).describe("Number of layers of both streams."),
  hiddenActivation,
  netDropout,
  batchNorm: z
    .boolean()
    .default(true)
    .describe(
      "Batch normalisation after each regulation, whose weights sum to 1 over the fields: without it, what three layers " +
        "multiply vanishes where there are many.",
    ),
  bridge: z
    .enum(["product", "sum", "concat"])
    .default("product")
    .describe("How the streams meet after each layer: product, sum, or a linear layer with ReLU on both."),
  temperature: z
    .number()
    .positive()
    .default(1)
    .describe("Divides the regulations' weights: the higher, the more alike fields are weighed."),
});
export type EDCNOptions = z.input<typeof edcnOptions>;

/**
 * EDCN: a cross stream and a deep stream that share what they found after every layer, and from there each
 * go on with fields weighed in their own way.
 *
 *     c, d     = regulate(x)                       each field times softmax(g / τ), one g a stream
 *     c', d'   = c₀ (wᵀ c) + b,  act(W d + b')     c₀: the cross stream's first regulated input
 *     x'       = bridge(c', d')                    product, sum, or ReLU(W [c' ; d'] + b)
 *     logit    = wᵀ [c_L ; d_L ; x_L] + b
 *
 * The cross step has no residual term, as in FuxiCTR. Chen et al., "Enhancing Explicit and Implicit Feature
 * Interactions via Information Sharing for Parallel Deep CTR Models", CIKM 2021.
 */
export class EDCN extends Model {
  readonly embedding: FieldEmbedding;
  readonly regulations: readonly Regulation[];
  readonly crosses: readonly CrossStep[];
  readonly deeps: readonly MLP[];
  readonly bridges: readonly Bridge[];
  readonly head: Linear;

  constructor(schema: FeatureMap, options: EDCNOptions = {}) {
    super();
    const given = parseOptions(edcnOptions, options, "EDCN");
    const { embeddingDim: dim, embeddingStd, crossLayers: layers, temperature, batchNorm } = given;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    const { fields, width } = this.embedding;
    const hidden = { activation: given.hiddenActivation, dropout: given.netDropout };
    this.regulations = repeat(layers, () => new Regulation({ fields, dim, temperature, batchNorm }));
    this.crosses = repeat(layers, () => new CrossStep(width));
    this.deeps = repeat(layers, () => new MLP(width, [width], hidden));
    this.bridges = repeat(layers, () => new Bridge(width, given.bridge));
    this.head = new Linear(3 * width, 1);
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    let shared = this.embedding.forwardFlat(batch); // [batch, width], as all below
    let [cross, deep] = this.regulations[0].forward(shared);
    const first = cross;
    for (const [l, bridge] of this.bridges.entries()) {
      if (l > 0) [cross, deep] = this.regulations[l].forward(shared);
      cross = this.crosses[l].forward(first, cross);
      deep = this.deeps[l].forward(deep);
      shared = bridge.forward(cross, deep);
    }
    return this.head.forwardParts([cross, deep, shared].map(acrossSets)).squeeze(1);
  }
}

interface RegulationOptions {
  readonly fields: number;
  readonly dim: number;
  readonly temperature: number;
  readonly batchNorm: boolean;
}

/** One input to two streams, each of which weighs its fields by a learned softmax of its own. */
class Regulation extends Module {
  /** `[2, fields]`: the cross stream's, then the deep one's. */
  readonly gates: Parameter;
  readonly crossNorm: BatchNorm | undefined;
  readonly deepNorm: BatchNorm | undefined;
  readonly #options: RegulationOptions;

  constructor(options: RegulationOptions) {
    super();
    const { fields, dim, batchNorm } = options;
    this.gates = new Parameter([2, fields], { init: constantInit(1) });
    this.crossNorm = batchNorm ? new BatchNorm(fields * dim) : undefined;
    this.deepNorm = batchNorm ? new BatchNorm(fields * dim) : undefined;
    this.#options = options;
  }

  /** `[batch, width]` to two of the same. */
  forward(x: Tensor): [cross: Tensor, deep: Tensor] {
    const { fields, dim, temperature } = this.#options;
    const weights = softmax(div(this.gates, temperature)); // [2, fields]
    const vectors = reshape(x, [x.shape[0], fields, dim]);
    const [cross, deep] = [0, 1].map((stream) => {
      const weight = reshape(slice(weights, { axis: 0, start: stream, end: stream + 1 }), [fields, 1]);
      return flatten(mul(vectors, weight));
    });
    return [this.crossNorm?.forward(cross) ?? cross, this.deepNorm?.forward(deep) ?? deep];
  }
}

/** `x₀ (wᵀ x) + b`. */
class CrossStep extends Module {
  readonly weight: Linear;
  readonly bias: Parameter;

  constructor(width: number) {
    super();
    this.weight = new Linear(width, 1, { bias: false });
    this.bias = new Parameter([width]);
  }

  forward(x0: Tensor, x: Tensor): Tensor {
    return add(mul(x0, this.weight.forward(x)), this.bias);
  }
}

/** What both streams found, as one. */
class Bridge extends Module {
  readonly linear: Linear | undefined;
  readonly #type: "product" | "sum" | "concat";

  constructor(width: number, type: "product" | "sum" | "concat") {
    super();
    this.linear = type === "concat" ? new Linear(2 * width, width) : undefined;
    this.#type = type;
  }

  forward(cross: Tensor, deep: Tensor): Tensor {
    if (this.linear !== undefined) return relu(this.linear.forwardParts([cross, deep]));
    return this.#type === "product" ? mul(cross, deep) : add(cross, deep);
  }
}

export const edcn = describeInteraction({
  name: "EDCN",
  summary: "A cross and a deep stream that share what they found after every layer.",
  options: edcnOptions,
  model: EDCN,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.5,
    crossLayers: 2,
    netDropout: 0.2,
    batchNorm: true,
    temperature: 2,
  },
});
