/**
 * SASRec: self-attention over a history, causal, with a learned vector for each place.
 *
 *     x_t = √d e(i_t) + p_t, dropout
 *     block:  q = LN(x);  a = q + MHA(q, x, x);  b = LN(a);  y = b + FFN(b)
 *     state = LN(y),  score = ⟨state, e(j)⟩
 *
 * Kang and McAuley, ICDM 2018, arXiv:1808.09781. The order of norms and residuals is that of the authors' code
 * (residuals start from the normalised values; keys and values are not normalised). Places count from the
 * history's beginning, so a state does not depend on what comes later.
 */
import { z } from "zod";
import { parseOptions, repeat } from "../../core/index.ts";
import { checkNormWidth, LayerNorm, Linear, MultiHeadAttention } from "../../layers/index.ts";
import { dropout, Module, normalInit, Parameter, xavierUniform } from "../../module/index.ts";
import { add, mul, relu } from "../../ops/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { describeRetrieval } from "./describe-retrieval.ts";
import { type Histories, SequenceModel } from "./sequence-model.ts";
import { sequenceOptions } from "./sequence-options.ts";

export const sasrecOptions = z.strictObject({
  ...sequenceOptions,
  blocks: z.number().int().positive().default(2).describe("Attention blocks."),
  heads: z.number().int().positive().default(1).describe("Heads of each attention."),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe("Share dropped of embeddings, attention and hidden units."),
});

export type SASRecOptions = z.input<typeof sasrecOptions>;

export class SASRec extends SequenceModel {
  readonly places: Parameter;
  readonly blocks: readonly SASRecBlock[];
  readonly norm: LayerNorm;
  readonly rate: number;

  constructor(schema: FeatureMap, options: SASRecOptions = {}) {
    const given = parseOptions(sasrecOptions, options, "SASRec");
    const { embeddingDim: dim, embeddingStd, blocks, heads, dropout: rate } = given;
    checkNormWidth("SASRec", "embedding_dim", dim);
    super(schema, { ...given, dim, init: normalInit(embeddingStd) });
    this.places = new Parameter([this.length, dim], { init: normalInit(embeddingStd) });
    this.blocks = repeat(blocks, () => new SASRecBlock(dim, { heads, rate }));
    this.norm = new LayerNorm(dim, { epsilon: 1e-8 });
    this.rate = rate;
  }

  states({ items, placed, allowed }: Histories): Tensor {
    const x = dropout(add(mul(items, Math.sqrt(this.dim)), placed(this.places)), this.rate); // [batch, length, dim]
    return this.norm.forward(this.blocks.reduce((state, block) => block.forward(state, allowed), x));
  }
}

class SASRecBlock extends Module {
  readonly norms: readonly [LayerNorm, LayerNorm];
  readonly attention: MultiHeadAttention;
  readonly rowwise: readonly [Linear, Linear];
  readonly rate: number;

  constructor(dim: number, { heads, rate }: { heads: number; rate: number }) {
    super();
    this.norms = [new LayerNorm(dim, { epsilon: 1e-8 }), new LayerNorm(dim, { epsilon: 1e-8 })];
    this.attention = new MultiHeadAttention(dim, { heads, causal: true, dropout: rate });
    this.rowwise = [
      new Linear(dim, dim, { init: xavierUniform }),
      new Linear(dim, dim, { init: xavierUniform }),
    ];
    this.rate = rate;
  }

  /** `[batch, length, dim]` to the same. */
  forward(x: Tensor, allowed: Tensor | undefined): Tensor {
    const q = this.norms[0].forward(x);
    const a = add(q, this.attention.forward(q, x, allowed));
    const b = this.norms[1].forward(a);
    const [first, second] = this.rowwise;
    const inner = dropout(relu(first.forward(b)), this.rate);
    return add(b, dropout(second.forward(inner), this.rate));
  }
}

export const sasrec = describeRetrieval({
  name: "SASRec",
  summary: "Self-attention over the history, a target at each position.",
  training: "sequences",
  options: sasrecOptions,
  model: SASRec,
  example: { embeddingDim: 8, blocks: 2, heads: 2, dropout: 0.2 },
});
