import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { DomainEmbedding, FieldEmbedding, RowDomain } from "../embeddings/index.ts";
import { type ActivationLayer, activation, MLP, PartitionedNorm, StarLinear } from "../layers/index.ts";
import { type Batch, dropout, Model, normalInit } from "../module/index.ts";
import { add, concat } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { describeModel } from "./describe-model.ts";
import { type LabelLogits, logitsByLabel } from "./heads.ts";
import { deepOptions, embeddingOptions, width } from "./options.ts";
import { tasksOf, tasksOption } from "./task-options.ts";

const { hiddenUnits, hiddenActivation, netDropout } = deepOptions;

export const starOptions = z.strictObject({
  ...tasksOption,
  ...embeddingOptions,
  hiddenUnits: hiddenUnits.default([256, 128, 64]),
  hiddenActivation,
  netDropout,
  partitionedNorm: z
    .boolean()
    .default(true)
    .describe("Normalise the embeddings by moments of each domain's own."),
  auxiliaryHiddenUnits: z
    .array(width)
    .default([32])
    .describe("Hidden widths of the auxiliary network that the domain's own vector joins."),
});
export type STAROptions = z.input<typeof starOptions>;

/**
 * Star topology: every layer's weights are those that all domains share times the row's domain's own; the
 * embeddings are normalised domain by domain; an auxiliary network sees the domain itself.
 *
 *     h_{l+1} = act(h_l (W ⊙ W_d) + b + b_d),   h_0 = PN(x₀)
 *     logit   = star(h_L) + MLP_aux([e_d ; x₀])
 *
 * Sheng et al., "One Model to Serve All", CIKM 2021, arXiv:2101.11427. Every layer multiplies a batch by every
 * domain's weights and keeps the row's own: cost grows with the number of domains.
 */
export class STAR extends Model {
  readonly embedding: FieldEmbedding;
  readonly norm: PartitionedNorm | undefined;
  readonly layers: readonly StarLinear[];
  readonly activations: readonly ActivationLayer[];
  readonly head: StarLinear;
  readonly domainEmbedding: DomainEmbedding;
  readonly auxiliary: MLP;
  readonly tasks: readonly string[];
  readonly dropout: number;
  readonly #domain: RowDomain;

  constructor(schema: FeatureMap, options: STAROptions = {}) {
    super();
    const given = parseOptions(starOptions, options, "STAR");
    const { embeddingDim: dim, embeddingStd, hiddenUnits, hiddenActivation, netDropout } = given;
    this.#domain = new RowDomain(schema);
    const domains = this.#domain.values.length;
    const init = normalInit(embeddingStd);
    this.tasks = tasksOf(schema, given.tasks);
    this.embedding = new FieldEmbedding(schema, { dim, init });
    this.norm = given.partitionedNorm ? new PartitionedNorm(this.embedding.width, { domains }) : undefined;
    const widths = [this.embedding.width, ...hiddenUnits];
    this.layers = hiddenUnits.map((width, l) => new StarLinear(widths[l], width, { domains }));
    this.activations = hiddenUnits.map((width) => activation(hiddenActivation, width));
    this.head = new StarLinear(widths[hiddenUnits.length], this.tasks.length, { domains });
    this.domainEmbedding = new DomainEmbedding(schema, { dim, init });
    this.auxiliary = new MLP(dim + this.embedding.width, given.auxiliaryHiddenUnits, {
      activation: hiddenActivation,
      output: this.tasks.length,
    });
    this.dropout = netDropout;
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const weights = this.#domain.weights(batch); // [batch, domains]
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const hidden = this.layers.reduce(
      (x, layer, l) => dropout(this.activations[l].forward(layer.forward(x, weights)), this.dropout),
      this.norm?.forward(x0, weights) ?? x0,
    );
    const beside = this.auxiliary.forward(concat([this.domainEmbedding.forward(batch), x0]));
    const logits = add(this.head.forward(hidden, weights), beside); // [batch, tasks]
    return logitsByLabel(this.tasks, logits);
  }
}

export const star = describeModel({
  name: "STAR",
  summary: "Weights that domains share, times each domain's own.",
  predicts: "every label",
  options: starOptions,
  model: STAR,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    hiddenUnits: [16, 8],
    auxiliaryHiddenUnits: [8],
    netDropout: 0.2,
  },
});
