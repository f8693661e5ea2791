import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import {
  BatchNorm,
  eventDistances,
  maskedSoftmax,
  MLP,
  placeScores,
  poolPlaces,
  selectTopK,
} from "../layers/index.ts";
import {
  auxiliaryLoss,
  type Batch,
  currentTrace,
  type FoundEvents,
  Model,
  normalInit,
  observe,
  type StagedHistory,
  type TwoStageModel,
} from "../module/index.ts";
import {
  add,
  addAlong,
  addAll,
  broadcastTo,
  concat,
  expandDims,
  gather,
  greater,
  matmul,
  mul,
  slice,
  squeeze,
  stack,
  takeAlong,
  topKIndices,
  where,
  zeros,
} from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { EmbeddingRole, RoleMaps } from "./decoupled-roles.ts";
import { describeModel } from "./describe-model.ts";
import { type Interest, interestsOf, namesIn } from "./interest.ts";
import { labelLoss } from "./label-loss.ts";
import { activationName, deepOptions, rate, width } from "./options.ts";

export const dareOptions = z.strictObject({
  embeddingDim: width
    .default(16)
    .describe("Width of a feature's representation, and of the fields beside the history."),
  attentionDim: width
    .optional()
    .describe(
      "Width of a feature in attention; the search costs in proportion to it. Free where attention has tables " +
        "of its own, else that of the representation. Default: `embedding_dim`.",
    ),
  embeddingStd: z
    .number()
    .nonnegative()
    .default(0.01)
    .describe("Standard deviation of the normal law that embeddings start from."),
  tables: z
    .enum(["decoupled", "shared", "projected", "four"])
    .default("decoupled")
    .describe(
      "`decoupled`: one table to attend with and one to represent with, DARE. Its baselines: `shared`: one for " +
        "both, TWIN; `projected`: one behind square maps of each role, for candidate and events apart; `four`: " +
        "candidate and events have tables apart as well.",
    ),
  k: width.default(20).describe("Events that the search finds."),
  targetAware: z
    .boolean()
    .default(true)
    .describe("Whether the network also reads the product of what was found and the candidate."),
  searchLossWeight: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Weight of the loss of attention to the whole history, which teaches every event's score."),
  searchHiddenUnits: z.array(width).default([200]).describe("Hidden widths of the network of that loss."),
  inputNorm: z.boolean().default(true).describe("Batch normalisation of the deep network's input."),
  hiddenUnits: deepOptions.hiddenUnits.default([200, 80]),
  hiddenActivation: activationName.default("prelu").describe("Activation of the hidden layers."),
  netDropout: rate.default(0).describe("Share of hidden units dropped in training."),
});
export type DAREOptions = z.input<typeof dareOptions>;

/** What PReLU's slopes start from, as in the authors' code. */
const preluSlope = 0.1;

/**
 * Decoupled Attention and Representation Embeddings: every feature of a history has one vector to be searched
 * and attended by and another to be represented by, so that neither use pulls the other's.
 *
 *     s_t = (Σ_f a_f·a_tf) / √(features · d_A) + (a_place 0 · a_place t) / √d_A,   the k highest, w = softmax over those
 *     v = [r_f … ; r_place 0],   p = Σ_t w_t [r_tf … ; r_place t]
 *     logit = MLP(BN([fields ; v ; p ; p ⊙ v]))
 *
 * f are the history and the sequences aligned with it, each beside the candidate's feature; a place is how far
 * back an event lies. In training attention to the whole history, without a choice of k, has a network and a
 * loss of its own. Feng et al., ICLR 2025, arXiv:2410.02604. Departures: other fields of the data join the
 * network's input (the paper has none); one logit in place of a softmax over two; layers start as elsewhere in
 * the catalogue, PReLU from 0.1; padding is never found, however short the history.
 *
 * With `tables` of another kind it is the paper's TWIN (`shared`: not TWIN of this catalogue, which projects in
 * several heads), TWIN with projections or TWIN-4E.
 */
export class DARE extends Model implements TwoStageModel {
  readonly representation: EmbeddingRole;
  readonly attention: EmbeddingRole;
  /** The candidate's; those of the events unless `tables` is `four`. */
  readonly candidateRepresentation: EmbeddingRole;
  readonly candidateAttention: EmbeddingRole;
  /** One a history; none unless `tables` is `projected`. */
  readonly attentionMaps: readonly RoleMaps[];
  readonly representationMaps: readonly RoleMaps[];
  readonly embedding: FieldEmbedding;
  readonly norm: BatchNorm | undefined;
  readonly deep: MLP;
  readonly searchDeep: MLP | undefined;
  readonly histories: readonly StagedHistory[];
  readonly #options: z.output<typeof dareOptions>;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: DAREOptions = {}) {
    super();
    const given = parseOptions(dareOptions, options, "DARE");
    this.#options = given;
    const { embeddingDim: dim, tables, hiddenUnits, searchHiddenUnits, searchLossWeight } = given;
    const attentionDim = attentionWidth(given);
    const interests = interestsOf(schema, "DARE");
    this.#interests = interests;
    const init = normalInit(given.embeddingStd);
    const make = (role: string, size: number) =>
      new EmbeddingRole(schema, interests, { dim: size, init, role });
    const apart = tables === "decoupled" || tables === "four";
    this.representation = make("representation", dim);
    this.attention = apart ? make("attention", attentionDim) : this.representation;
    const four = tables === "four";
    this.candidateRepresentation = four ? make("candidate representation", dim) : this.representation;
    this.candidateAttention = four ? make("candidate attention", attentionDim) : this.attention;
    const maps = (): RoleMaps[] =>
      tables === "projected" ? interests.map(({ targets }) => new RoleMaps(targets.length, dim)) : [];
    this.attentionMaps = maps();
    this.representationMaps = maps();
    const candidates = interests.flatMap(({ targets }) => targets.map(({ name }) => name));
    const shared = this.representation.tables;
    const exclude = [...namesIn(interests), ...candidates];
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init, shared });
    const parts = given.targetAware ? 3 : 2;
    const read = interests.reduce((sum, { targets }) => sum + parts * (targets.length + 1) * dim, 0);
    const inputs = this.embedding.width + read;
    this.norm = given.inputNorm ? new BatchNorm(inputs) : undefined;
    const mlp = { activation: given.hiddenActivation, preluSlope, dropout: given.netDropout, output: 1 };
    this.deep = new MLP(inputs, hiddenUnits, mlp);
    this.searchDeep = searchLossWeight > 0 ? new MLP(inputs, searchHiddenUnits, mlp) : undefined;
    this.histories = interests.map(({ sequences, targets, length }) => ({
      sequences: sequences.map(({ name }) => name),
      targets: targets.map(({ name }) => name),
      length,
      k: Math.min(given.k, length),
      keyWidth: sequences.length * attentionDim,
    }));
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const searching = currentTrace().training && this.searchDeep !== undefined;
    const found = this.#interests.map((interest, i) => {
      const { sequences, length } = interest;
      const mask = batch.mask(sequences[0].name); // [batch, length]
      const query = this.#query(batch, i);
      const keys = this.attention.events(batch, interest, length);
      const related = addAll(keys.map((rows, f) => product(rows, query.features[f])));
      const scores = add(related, placeScores(query.places, mask)); // [batch, length]
      observe(`scores.${sequences[0].name}`, scores);
      const chosen = maskedSoftmax(scores, this.#chosen(i, scores, mask));
      observe(`weights.${sequences[0].name}`, chosen);
      const weights = searching
        ? stack([chosen, maskedSoftmax(scores, mask)], { axis: 1 })
        : expandDims(chosen, 1); // [batch, 1 or 2, length]
      const rows = this.representation.events(batch, interest, length);
      const places = this.representation.places[i].weight;
      return this.#mapped(i, [
        ...rows.map((each) => matmul(weights, each)),
        poolPlaces(weights, mask, places),
      ]);
    });
    const fields = this.#fields(batch);
    const candidates = this.#interests.map((_, i) => this.#candidate(batch, i));
    const input = (n: number): Tensor => {
      const pooled = found.map((each) => squeeze(slice(each, { axis: 1, start: n, end: n + 1 }), 1));
      return this.#joined(fields, candidates, pooled);
    };
    const { searchDeep } = this;
    if (searchDeep !== undefined) {
      const [label] = batch.schema.labels;
      auxiliaryLoss("search", (labelOf) => {
        const logit = searchDeep.forward(input(1)).squeeze(1);
        return mul(labelLoss(label, logit, labelOf(label.name)), this.#options.searchLossWeight);
      });
    }
    return this.#logit(input(0));
  }

  /** Attention rows of the events side by side, `[batch, events, keyWidth]`. */
  eventKeys(batch: Batch, history: number): Tensor {
    const interest = this.#interests[history];
    const events = batch.vector(interest.sequences[0].name).shape[1] as number;
    return concat(this.attention.events(batch, interest, events));
  }

  searchEvents(
    batch: Batch,
    history: number,
    { keys, mask }: { readonly keys: Tensor; readonly mask: Tensor },
  ): FoundEvents & { readonly index: Tensor } {
    const { features, places } = this.#query(batch, history);
    const related = matmul(concat(features), keys, { transposeB: true }); // [batch, length]
    // What all candidates share is put together first; only one sum is over all of `[batch, length]`.
    const shared = where(greater(mask, 0), placeScores(places, mask), -Infinity); // [1, length]
    const scores = add(related, shared);
    const index = topKIndices(scores, this.histories[history].k);
    const real = gather(squeeze(mask, 0), index);
    const best = where(greater(real, 0), takeAlong(scores, index), 0); // -Infinity times 0 is no number
    const distances = gather(squeeze(eventDistances(mask), 0), index);
    return { index, weights: maskedSoftmax(best, real), distances };
  }

  represent(batch: Batch, found: readonly FoundEvents[]): Tensor {
    const pooled = found.map(({ weights, distances }, i) => {
      const rows = this.representation.events(batch, this.#interests[i], this.histories[i].k);
      const places = gather(this.representation.places[i].weight, distances); // [batch, k, dim]
      const each = expandDims(weights, 1);
      return squeeze(
        this.#mapped(
          i,
          [...rows, places].map((part) => matmul(each, part)),
        ),
        1,
      );
    });
    const candidates = this.#interests.map((_, i) => this.#candidate(batch, i));
    return this.#logit(this.#joined(this.#fields(batch), candidates, pooled));
  }

  /** What an event's rows are multiplied with, scale included, and the score of every place. */
  #query(batch: Batch, i: number): { readonly features: readonly Tensor[]; readonly places: Tensor } {
    const { dim } = this.attention;
    const rows = this.candidateAttention.candidate(batch, this.#interests[i]); // [batch, dim] each
    const maps = this.attentionMaps[i];
    const fold = (f: number, row: Tensor): Tensor => maps?.fold(f, row) ?? row;
    const scale = 1 / Math.sqrt(rows.length * dim);
    const here = mul(fold(rows.length, this.candidateAttention.places[i].candidate()), 1 / Math.sqrt(dim));
    const places = matmul(this.attention.places[i].weight, here, { transposeB: true }); // [length + 1, 1]
    return { features: rows.map((row, f) => mul(fold(f, row), scale)), places: squeeze(places, 1) };
  }

  /** 1 for the k events of highest score, `[batch, length]`. */
  #chosen(i: number, scores: Tensor, mask: Tensor): Tensor {
    const { k, length } = this.histories[i];
    if (k === length) return mask;
    const found = selectTopK(scores, mask, k);
    return addAlong(zeros(scores), found.index, found.mask);
  }

  /** Pooled features side by side, `[..., D]`. */
  #mapped(i: number, pooled: readonly Tensor[]): Tensor {
    return this.representationMaps[i]?.pooled(pooled) ?? concat(pooled);
  }

  /** The candidate as it is represented, `[batch, D]`. */
  #candidate(batch: Batch, i: number): Tensor {
    const rows = this.candidateRepresentation.candidate(batch, this.#interests[i]);
    const here = this.candidateRepresentation.places[i].candidate(); // [1, dim]
    const parts = [...rows, broadcastTo(here, rows[0].shape)];
    const maps = this.representationMaps[i];
    return concat(maps === undefined ? parts : parts.map((part, f) => maps.candidate[f].forward(part)));
  }

  #fields(batch: Batch): Tensor[] {
    return this.embedding.width === 0 ? [] : [this.embedding.forwardFlat(batch)];
  }

  #joined(fields: readonly Tensor[], candidates: readonly Tensor[], pooled: readonly Tensor[]): Tensor {
    const read = pooled.flatMap((p, i) => {
      const v = candidates[i];
      return this.#options.targetAware ? [v, p, mul(p, v)] : [v, p];
    });
    return concat([...fields, ...read]);
  }

  #logit(x: Tensor): Tensor {
    return squeeze(this.deep.forward(this.norm?.forward(x) ?? x), 1);
  }
}

/** `[batch, length, dim]` with `[batch, dim]`: one product an event, `[batch, length]`. */
function product(rows: Tensor, query: Tensor): Tensor {
  return squeeze(matmul(rows, expandDims(query, 2)), 2);
}

/** @throws ConfigError when one table is to have two widths */
function attentionWidth({
  embeddingDim,
  attentionDim = embeddingDim,
  tables,
}: z.output<typeof dareOptions>): number {
  const one = tables === "shared" || tables === "projected";
  if (one && attentionDim !== embeddingDim) {
    throw new ConfigError(`tables: ${tables} attends by the rows that represent, which have one width`, {
      details: { embedding_dim: embeddingDim, attention_dim: attentionDim },
      hint: "leave attention_dim out, or say tables: decoupled",
    });
  }
  return attentionDim;
}

export const dare = describeModel({
  name: "DARE",
  summary: "Search and attention by embeddings of their own, decoupled from representation.",
  options: dareOptions,
  model: DARE,
  example: {
    embeddingDim: 4,
    attentionDim: 3,
    embeddingStd: 0.1,
    k: 2,
    hiddenUnits: [32],
    netDropout: 0.2,
    searchLossWeight: 0.2,
    searchHiddenUnits: [8],
  },
});
