import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { DomainEmbedding, FieldEmbedding, RowDomain, sumOverDomains } from "../embeddings/index.ts";
import { ExpertLayer, MLP } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit, observe } from "../module/index.ts";
import { concat, mul, softmax, sub } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions, mlpOptions, width } from "./options.ts";
import { expertOptions, fieldExpert, gateOptions, tasksOption, towerOptions } from "./task-options.ts";

export const hinetOptions = z.strictObject({
  ...tasksOption,
  ...embeddingOptions,
  subExperts: width.default(5).describe("Sub-experts of the shared expert and of each domain's."),
  ...expertOptions,
  expertHiddenUnits: expertOptions.expertHiddenUnits
    .default([128, 64])
    .describe("Hidden widths of each sub-expert."),
  attentionHiddenUnits: z
    .array(width)
    .default([128, 64])
    .describe("Hidden widths of the attention to other domains."),
  specificExperts: width.default(2).describe("Experts of each task's own."),
  sharedExperts: width.default(2).describe("Experts that all tasks read."),
  taskExpertHiddenUnits: z
    .array(width)
    .min(1)
    .default([128, 64])
    .describe("Hidden widths of tasks' experts."),
  ...gateOptions,
  gateHiddenUnits: gateOptions.gateHiddenUnits.default([]),
  ...towerOptions,
});
export type HiNetOptions = z.input<typeof hinetOptions>;

/**
 * HiNet: domains first, then tasks. An expert for all domains, one for each, and what an attention by the row's
 * domain takes from the others'; what they say together goes to the experts and gates of tasks (CGC).
 *
 *     expert(x) = Σ_k softmax(W x)_k f_k(x)                       over its sub-experts f
 *     a_d       = Σ_{j ≠ d} softmax(MLP(e_d))_j expert_j(x)        the softmax is over all domains
 *     c_d       = [a_d ; expert_d(x) ; expert_shared(x)],   logit_t = tower_t(CGC_t(c_d))
 *
 * Zhou et al., "HiNet: Novel Multi-Scenario & Multi-Task Learning with Hierarchical Information Extraction", ICDE
 * 2023, arXiv:2303.06095. The authors' code (github.com/mrchor/HiNet) puts a ReLU before each softmax, takes that
 * of the tasks' gates over an axis of length one, so that its weights are all 1, and makes a task of each pair of
 * domain and label; here it is as the paper writes. A row of no known domain gets the mean of all domains' experts,
 * and attends to all with the rest of their weight.
 */
export class HiNet extends Model {
  readonly embedding: FieldEmbedding;
  readonly shared: ExpertLayer;
  /** By domain. */
  readonly experts: readonly ExpertLayer[];
  readonly attention: DomainAttention;
  readonly tasks: ExpertLayer;
  readonly heads: Heads;
  readonly #domain: RowDomain;

  constructor(schema: FeatureMap, options: HiNetOptions = {}) {
    super();
    const given = parseOptions(hinetOptions, options, "HiNet");
    const { embeddingDim: dim, embeddingStd, subExperts, expertHiddenUnits, taskExpertHiddenUnits } = given;
    this.#domain = new RowDomain(schema);
    const domains = this.#domain.values.length;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim, init });
    const integration = () =>
      new ExpertLayer({
        branches: 1,
        own: 0,
        shared: subExperts,
        expert: () => fieldExpert(this.embedding, given),
        inputs: this.embedding.width,
        gateHidden: [],
      });
    this.shared = integration();
    this.experts = repeat(domains, integration);
    this.attention = new DomainAttention(schema, { ...given, domains });
    const deep = mlpOptions({ ...given, hiddenUnits: [] });
    const inputs = 3 * expertHiddenUnits[expertHiddenUnits.length - 1];
    const tasks = given.tasks?.length ?? schema.labels.length;
    this.tasks = new ExpertLayer({
      branches: tasks,
      own: given.specificExperts,
      shared: given.sharedExperts,
      expert: () => new MLP(inputs, taskExpertHiddenUnits, deep),
      inputs,
      gateHidden: given.gateHiddenUnits,
    });
    this.heads = new Heads(schema, { ...given, branches: "task", width: this.tasks.width });
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const x = this.embedding.forward(batch); // [batch, fields, dim]
    const through = (expert: ExpertLayer) => expert.forward({ branches: [x], shared: x }).branches[0];
    const shared = through(this.shared); // [batch, width]
    const experts = this.experts.map(through);
    const own = this.#domain.weights(batch); // [batch, domains]
    const others = mul(this.attention.forward(batch), sub(1, own));
    observe("attention", others);
    const c = concat([sumOverDomains(experts, others), sumOverDomains(experts, own), shared]); // [batch, 3 width]
    const branches = repeat(this.tasks.gates.length, () => c);
    return this.heads.forward(batch, this.tasks.forward({ branches, shared: c }).branches);
  }
}

/** `softmax(MLP(e_d))` over domains: `[batch, domains]`. */
class DomainAttention extends Module {
  readonly embedding: DomainEmbedding;
  readonly mlp: MLP;

  constructor(schema: FeatureMap, options: z.output<typeof hinetOptions> & { readonly domains: number }) {
    super();
    const { embeddingDim: dim, embeddingStd, attentionHiddenUnits: hidden, domains } = options;
    this.embedding = new DomainEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    this.mlp = new MLP(dim, hidden, { ...mlpOptions({ ...options, hiddenUnits: [] }), output: domains });
  }

  forward(batch: Batch): Tensor {
    return softmax(this.mlp.forward(this.embedding.forward(batch)));
  }
}

export const hinet = describeModel({
  name: "HiNet",
  summary: "What domains share, have for themselves and take from each other, then the same for tasks.",
  predicts: "every label",
  options: hinetOptions,
  model: HiNet,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    subExperts: 2,
    expertHiddenUnits: [8],
    attentionHiddenUnits: [4],
    specificExperts: 1,
    sharedExperts: 1,
    taskExpertHiddenUnits: [8],
    towerHiddenUnits: [4],
    netDropout: 0.2,
  },
});
