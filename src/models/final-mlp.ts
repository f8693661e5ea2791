import { FieldEmbedding } from "../embeddings/index.ts";
import { BilinearFusion, type ActivationName, MLP } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit, Parameter, zerosInit } from "../module/index.ts";
import { mul, sigmoid } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { EmbeddingOptions } from "./options.ts";

export interface FinalMLPOptions extends EmbeddingOptions {
  /** Hidden widths of the two streams. @default [400] and [400] */
  readonly mlp1HiddenUnits?: readonly number[];
  readonly mlp2HiddenUnits?: readonly number[];
  /** @default "relu" */
  readonly hiddenActivation?: ActivationName;
  readonly mlp1Dropout?: number;
  readonly mlp2Dropout?: number;
  readonly mlp1BatchNorm?: boolean;
  readonly mlp2BatchNorm?: boolean;
  /** Gate the inputs of both streams. @default true */
  readonly useFeatureSelection?: boolean;
  /** Hidden widths of the gates. @default [64] */
  readonly gateHiddenUnits?: readonly number[];
  /** Features that drive each stream's gate; none: a learned vector does. */
  readonly gate1Context?: readonly string[];
  readonly gate2Context?: readonly string[];
  /** Heads H of the bilinear fusion. @default 1 */
  readonly heads?: number;
}

/**
 * FinalMLP: two deep networks on differently gated copies of the embeddings, fused bilinearly.
 *
 *     g_s = 2 · sigmoid(MLP_s(context_s)),  h_s = MLP(x₀ ⊙ g_s),  logit = fusion(h₁, h₂)
 *
 * Mao et al., "FinalMLP", AAAI 2023, arXiv:2304.00902.
 */
export class FinalMLP extends Model {
  readonly embedding: FieldEmbedding;
  readonly gate1: StreamGate | undefined;
  readonly gate2: StreamGate | undefined;
  readonly mlp1: MLP;
  readonly mlp2: MLP;
  readonly fusion: BilinearFusion;

  constructor(schema: FeatureMap, options: FinalMLPOptions = {}) {
    super();
    const {
      embeddingDim = 16,
      embeddingStd = 1e-4,
      mlp1HiddenUnits = [400],
      mlp2HiddenUnits = [400],
    } = options;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    const { width } = this.embedding;
    if (options.useFeatureSelection ?? true) {
      const hidden = options.gateHiddenUnits ?? [64];
      this.gate1 = new StreamGate(schema, {
        embeddingDim,
        context: options.gate1Context ?? [],
        hidden,
        width,
        init,
      });
      this.gate2 = new StreamGate(schema, {
        embeddingDim,
        context: options.gate2Context ?? [],
        hidden,
        width,
        init,
      });
    }
    const shared = { activation: options.hiddenActivation };
    this.mlp1 = new MLP(width, mlp1HiddenUnits, {
      ...shared,
      dropout: options.mlp1Dropout,
      batchNorm: options.mlp1BatchNorm,
    });
    this.mlp2 = new MLP(width, mlp2HiddenUnits, {
      ...shared,
      dropout: options.mlp2Dropout,
      batchNorm: options.mlp2BatchNorm,
    });
    this.fusion = new BilinearFusion(this.mlp1.width, this.mlp2.width, { heads: options.heads ?? 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const first = this.mlp1.forward(this.gate1 === undefined ? x0 : mul(x0, this.gate1.forward(batch)));
    const second = this.mlp2.forward(this.gate2 === undefined ? x0 : mul(x0, this.gate2.forward(batch)));
    return this.fusion.forward(first, second);
  }
}

interface StreamGateOptions {
  readonly embeddingDim: number;
  readonly context: readonly string[];
  readonly hidden: readonly number[];
  readonly width: number;
  readonly init: ReturnType<typeof normalInit>;
}

/** `2 · sigmoid(MLP(context))`, `[batch, width]` (or `[1, width]` without context): 1 where the MLP says 0. */
class StreamGate extends Module {
  readonly context: FieldEmbedding | undefined;
  readonly learned: Parameter | undefined;
  readonly mlp: MLP;

  constructor(schema: FeatureMap, { embeddingDim, context, hidden, width, init }: StreamGateOptions) {
    super();
    const given = context.length > 0;
    this.context = given
      ? new FieldEmbedding(schema, { dim: embeddingDim, include: context, init })
      : undefined;
    this.learned = given ? undefined : new Parameter([1, embeddingDim], { init: zerosInit });
    this.mlp = new MLP(this.context?.width ?? embeddingDim, hidden, { output: width });
  }

  forward(batch: Batch): Tensor {
    const input = this.context?.forwardFlat(batch) ?? (this.learned as Parameter);
    return mul(sigmoid(this.mlp.forward(input)), 2);
  }
}
