/**
 * GRU4Rec: a gated recurrent unit over the history, its state mapped to the width of the items' vectors.
 *
 *     h_t = GRU(dropout(e(i_t)), h_{t-1}),  state_t = W h_t + b,  score = ⟨state, e(j)⟩
 *
 * Hidasi, Karatzoglou, Baltrunas and Tikk, ICLR 2016, arXiv:1511.06939, with targets at each position and the
 * item table on both sides.
 */
import { z } from "zod";
import { parseOptions } from "../../core/index.ts";
import { GRU, Linear } from "../../layers/index.ts";
import { dropout, normalInit } from "../../module/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { describeRetrieval } from "./describe-retrieval.ts";
import { type Histories, SequenceModel } from "./sequence-model.ts";
import { sequenceOptions } from "./sequence-options.ts";

export const gru4recOptions = z.strictObject({
  ...sequenceOptions,
  hiddenUnits: z.number().int().positive().default(128).describe("Width of the recurrent state."),
  dropout: z.number().min(0).lt(1).default(0.3).describe("Share dropped of embeddings and of states."),
});

export type GRU4RecOptions = z.input<typeof gru4recOptions>;

export class GRU4Rec extends SequenceModel {
  readonly unit: GRU;
  readonly head: Linear;
  readonly rate: number;

  constructor(schema: FeatureMap, options: GRU4RecOptions = {}) {
    const given = parseOptions(gru4recOptions, options, "GRU4Rec");
    const { embeddingDim: dim, embeddingStd, hiddenUnits, dropout: rate } = given;
    super(schema, { ...given, dim, init: normalInit(embeddingStd) });
    this.unit = new GRU(dim, hiddenUnits);
    this.head = new Linear(hiddenUnits, dim);
    this.rate = rate;
  }

  states({ items, keep }: Histories): Tensor {
    const hidden = this.unit.forward(dropout(items, this.rate), { keep }); // [batch, length, hidden]
    return this.head.forward(dropout(hidden, this.rate));
  }
}

export const gru4rec = describeRetrieval({
  name: "GRU4Rec",
  summary: "A recurrent unit over the history, a target at each position.",
  training: "sequences",
  options: gru4recOptions,
  model: GRU4Rec,
  example: { embeddingDim: 8, hiddenUnits: 12, dropout: 0.2 },
});
