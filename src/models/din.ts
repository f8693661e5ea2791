import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding, slotOf } from "../embeddings/index.ts";
import { MLP, TargetAttention } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat, reshape, slice } from "../ops/index.ts";
import type { CategoricalFeature, FeatureMap, SequenceFeature } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { activationName, deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const dinOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  attentionHiddenUnits: z.array(width).default([64]).describe("Hidden widths of the attention unit."),
  attentionActivation: activationName.default("dice").describe("Activation of the attention unit."),
  attentionDropout: rate.default(0).describe("Dropout of the attention unit."),
  attentionSoftmax: z.boolean().default(false).describe("Normalise attention over the history."),
});
export type DINOptions = z.input<typeof dinOptions>;

/** A history and its side ids, with the candidate's features they are compared with. */
interface Interest {
  readonly sequences: readonly SequenceFeature[];
  readonly targets: readonly CategoricalFeature[];
}

/**
 * Deep Interest Network: each history is pooled with weights that depend on the candidate, then joins
 * the other fields in a deep network. A history and the side sequences aligned with it are attended to
 * together, side by side; each entry is compared with the candidate's value of the same feature.
 *
 * Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv:1706.06978.
 */
export class DIN extends Model {
  readonly embedding: FieldEmbedding;
  readonly attentions: readonly TargetAttention[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: DINOptions = {}) {
    super();
    const given = parseOptions(dinOptions, options, "DIN");
    const { embeddingDim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema);
    const attended = this.#interests.flatMap(({ sequences }) => sequences);
    this.embedding = new FieldEmbedding(schema, {
      dim: embeddingDim,
      exclude: attended.map(({ name }) => name),
      init: normalInit(embeddingStd),
    });
    this.attentions = this.#interests.map(
      ({ targets }) =>
        new TargetAttention(targets.length * embeddingDim, {
          hidden: given.attentionHiddenUnits,
          activation: given.attentionActivation,
          dropout: given.attentionDropout,
          softmax: given.attentionSoftmax,
        }),
    );
    this.deep = new MLP(this.embedding.width + attended.length * embeddingDim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const pooled = this.#interests.map((interest, k) => this.#attend(batch, interest, this.attentions[k]));
    const x = concat([this.embedding.forwardFlat(batch), ...pooled]); // [batch, width]
    return this.deep.forward(x).squeeze(1);
  }

  #attend(batch: Batch, { sequences, targets }: Interest, attention: TargetAttention): Tensor {
    const { tables, dim } = this.embedding;
    const target = batch.lookup(targets.map((feature) => slotOf(feature, tables))); // [batch, targets, dim]
    const events = batch.lookup(sequences.map((feature) => slotOf(feature, tables))); // [batch, Σ lengths, dim]
    const length = sequences[0].maxLength;
    const history = concat(
      sequences.map((_, k) => slice(events, { axis: 1, start: k * length, end: (k + 1) * length })),
    ); // [batch, length, targets · dim]
    const query = reshape(target, ["batch", targets.length * dim]);
    return attention.forward(query, history, batch.mask(sequences[0].name));
  }
}

function interestsOf(schema: FeatureMap): Interest[] {
  const sequences = schema.features.filter((feature) => feature.kind === "sequence");
  const leaders = sequences.filter(
    (feature) => feature.target !== undefined && feature.alignedWith === undefined,
  );
  if (leaders.length === 0) {
    throw new ConfigError("DIN needs a sequence feature with a `target`, and the data has none", {
      details: { sequences: sequences.map(({ name }) => name) },
      hint: "declare the history as {kind: sequence, target: <the candidate's feature>}, or choose another model",
    });
  }
  return leaders.map((leader) => {
    const members = [
      leader,
      ...sequences.filter(({ alignedWith, target }) => alignedWith === leader.name && target !== undefined),
    ];
    for (const { name, maxLength } of members) {
      if (maxLength === leader.maxLength) continue;
      throw new ConfigError(
        `"${name}" and "${leader.name}" are read side by side, so both need one max_length`,
        {
          details: { [leader.name]: leader.maxLength, [name]: maxLength },
          hint: `give "${name}" max_length ${leader.maxLength}`,
        },
      );
    }
    return { sequences: members, targets: members.map((member) => candidateOf(schema, member)) };
  });
}

function candidateOf(schema: FeatureMap, sequence: SequenceFeature): CategoricalFeature {
  const feature = schema.features.find(({ name }) => name === sequence.target);
  if (feature?.kind !== "categorical" || feature.encoder !== sequence.encoder) {
    throw new ConfigError(
      `the target of "${sequence.name}" must be a categorical feature of the same vocabulary`,
      {
        details: { sequence: sequence.name, target: sequence.target },
      },
    );
  }
  return feature;
}

export const din = describeModel({
  name: "DIN",
  summary: "Attention from the candidate over the user's history.",
  options: dinOptions,
  model: DIN,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    hiddenActivation: "prelu",
    netDropout: 0.2,
    attentionHiddenUnits: [8],
    attentionDropout: 0.1,
  },
});
