import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { MLP } from "../layers/index.ts";
import { type Batch, type Initializer, Model, Module, normalInit, Parameter } from "../module/index.ts";
import { matmul, slice, squeeze, stack } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { branchNames, Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, mlpOptions } from "./options.ts";
import { bottomWidths, branchesOption, tasksOption, towerOptions } from "./task-options.ts";

export const crossStitchOptions = z.strictObject({
  ...tasksOption,
  ...branchesOption,
  ...embeddingOptions,
  bottomHiddenUnits: bottomWidths("Hidden widths of each network; a stitch follows each layer."),
  ...towerOptions,
  ownShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe("What a network's own units start with in a stitch; the others' share the rest."),
});
export type CrossStitchOptions = z.input<typeof crossStitchOptions>;

/**
 * Cross-stitch networks: each task has a network of its own, and after each layer every task reads a mixture of
 * all tasks' units, whose weights are learned.
 *
 *     h_t = act(W_t x_t + b_t),   x'_t = Σ_s α_ts h_s
 *
 * With α the identity the tasks share embeddings alone; with all α equal they share every layer's output. Misra et
 * al., "Cross-stitch Networks for Multi-task Learning", CVPR 2016, arXiv:1604.03539, which has one α a channel; here
 * one a layer and pair of tasks serves all units.
 */
export class CrossStitch extends Model {
  readonly embedding: FieldEmbedding;
  /** By layer, one a branch. */
  readonly layers: readonly (readonly MLP[])[];
  readonly stitches: readonly Stitch[];
  readonly heads: Heads;

  constructor(schema: FeatureMap, options: CrossStitchOptions = {}) {
    super();
    const given = parseOptions(crossStitchOptions, options, "CrossStitch");
    const { embeddingDim: dim, embeddingStd, bottomHiddenUnits, ownShare, ...deep } = given;
    const branches = branchNames(schema, given).length;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    const widths = [this.embedding.width, ...bottomHiddenUnits];
    const layerOptions = mlpOptions({ ...deep, hiddenUnits: [] });
    this.layers = bottomHiddenUnits.map((units, l) =>
      repeat(branches, () => new MLP(widths[l], [units], layerOptions)),
    );
    this.stitches = bottomHiddenUnits.map(() => new Stitch(branches, ownShare));
    this.heads = new Heads(schema, { ...given, width: widths[bottomHiddenUnits.length] });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const branches = this.layers.reduce<readonly Tensor[]>(
      (inputs, layer, l) => this.stitches[l].forward(layer.map((network, t) => network.forward(inputs[t]))),
      this.layers[0].map(() => x0),
    );
    return this.heads.forward(batch, branches);
  }
}

/** Mixtures of branches by weights of their own, `[branches, branches]`: row t is what branch t reads. */
class Stitch extends Module {
  readonly weights: Parameter;

  constructor(branches: number, ownShare: number) {
    super();
    const otherShare = branches === 1 ? 0 : (1 - ownShare) / (branches - 1);
    const init: Initializer = (values) => {
      values.fill(otherShare);
      for (let t = 0; t < branches; t++) values[t * (branches + 1)] = branches === 1 ? 1 : ownShare;
    };
    this.weights = new Parameter([branches, branches], { init });
  }

  /** `[batch, width]` of each branch, to the same. */
  forward(branches: readonly Tensor[]): Tensor[] {
    const mixed = matmul(this.weights, stack(branches, { axis: 1 })); // [batch, branches, width]
    return branches.map((_, t) => squeeze(slice(mixed, { axis: 1, start: t, end: t + 1 }), 1));
  }
}

export const crossStitch = describeModel({
  name: "CrossStitch",
  summary: "A network for each task, stitched together after each layer.",
  predicts: "every label",
  options: crossStitchOptions,
  model: CrossStitch,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    bottomHiddenUnits: [16, 8],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
