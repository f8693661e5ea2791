import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { CrossNetwork, Linear, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const dcnV2Options = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  crossLayers: z
    .number()
    .int()
    .nonnegative()
    .default(3)
    .describe("Number L of cross layers; crosses reach degree L + 1."),
  structure: z
    .enum(["parallel", "stacked", "stacked_parallel", "crossnet_only"])
    .optional()
    .describe(
      "The deep network beside the crosses (as without this option), behind them, one in each place, or none.",
    ),
});
export type DCNv2Options = z.input<typeof dcnV2Options>;

/**
 * DCN-V2: explicit feature crosses beside a deep network, or below it.
 *
 *     x₀ = the embeddings of all fields, side by side
 *     x_{l+1} = x₀ ⊙ (W_l x_l + b_l) + x_l
 *     logit = wᵀ [x_L ; MLP(x₀)] + b   (parallel)   or   wᵀ MLP(x_L) + b   (stacked)
 *
 * Wang et al., "DCN V2", The Web Conference 2021, arXiv:2008.13535. Both networks at once,
 * `wᵀ [MLP'(x_L) ; MLP(x₀)] + b` (stacked_parallel), and none, `wᵀ x_L + b` (crossnet_only), are FuxiCTR's.
 */
export class DCNv2 extends Model {
  readonly embedding: FieldEmbedding;
  readonly cross: CrossNetwork;
  readonly deep: MLP | undefined;
  /** The second network, beside the crosses, of `stacked_parallel`. */
  readonly beside: MLP | undefined;
  readonly head: Linear;
  readonly #stacked: boolean;

  constructor(schema: FeatureMap, options: DCNv2Options = {}) {
    super();
    const given = parseOptions(dcnV2Options, options, "DCNv2");
    const { embeddingDim, embeddingStd, numericFields, crossLayers, hiddenUnits } = given;
    const { structure = "parallel" } = given;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    const { width } = this.embedding;
    this.cross = new CrossNetwork(width, { depth: crossLayers });
    const network = (): MLP => new MLP(width, hiddenUnits, mlpOptions(given));
    this.#stacked = structure === "stacked" || structure === "stacked_parallel";
    this.deep = structure === "crossnet_only" ? undefined : network();
    this.beside = structure === "stacked_parallel" ? network() : undefined;
    const deep = (this.deep?.width ?? 0) + (this.beside?.width ?? 0);
    this.head = new Linear(deep + (this.#stacked ? 0 : width), 1);
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const crossed = this.cross.forward(x0); // [batch, width]
    const last = this.#stacked ? this.deep?.forwardAcrossSets(crossed) : acrossSets(crossed);
    const beside = this.#stacked ? this.beside : this.deep;
    const parts = [last, beside?.forwardAcrossSets(x0)].filter((part) => part !== undefined);
    return (parts.length === 1 ? this.head.forward(parts[0]) : this.head.forwardParts(parts)).squeeze(-1);
  }
}

export const dcnV2 = describeInteraction({
  name: "DCNv2",
  summary: "Explicit feature crosses beside a deep network.",
  options: dcnV2Options,
  model: DCNv2,
  example: { embeddingDim: 4, embeddingStd: 0.1, crossLayers: 2, hiddenUnits: [32, 16], netDropout: 0.2 },
});
