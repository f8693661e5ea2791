import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { DomainEmbedding, FieldEmbedding } from "../embeddings/index.ts";
import { type ActivationLayer, activation, Linear, MLP } from "../layers/index.ts";
import { type Batch, dropout, Model, Module, normalInit } from "../module/index.ts";
import { concat, mul, sigmoid, slice, squeeze, stopGradient } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import type { LabelLogits } from "./heads.ts";
import { deepOptions, embeddingOptions, width } from "./options.ts";
import { tasksOf, tasksOption } from "./task-options.ts";

const { hiddenUnits, hiddenActivation, netDropout } = deepOptions;

export const pepnetOptions = z.strictObject({
  ...tasksOption,
  ...embeddingOptions,
  hiddenUnits: hiddenUnits.default([256, 128, 64]),
  hiddenActivation,
  netDropout,
  domainFeatures: z
    .array(z.string())
    .default([])
    .describe("Features that tell about the domain beside its id, such as its click rate so far."),
  priorFeatures: z
    .array(z.string())
    .default([])
    .describe(
      "Features whose own vectors drive the gates of the towers: user, item, author. None: no gates.",
    ),
  gateWidth: width.default(64).describe("Width of the gates' hidden layer."),
});
export type PEPNetOptions = z.input<typeof pepnetOptions>;

/**
 * PEPNet: gates between 0 and 2 fit a shared model to a domain and to a person. EPNet scales the embeddings
 * by what is known of the domain, PPNet the hidden units of each task's tower by who reads what.
 *
 *     gate(x) = 2 σ(W' ReLU(W x + b) + b')
 *     o       = x₀ ⊙ gate([e_domain ; x₀*])
 *     h_{l+1} = act(W_l h_l + b_l) ⊙ gate_l([e_prior ; o*]),   h_0 = o,   a tower for each task
 *
 * with * for stop-gradient: gates do not train what they look at. Chang et al., "PEPNet: Parameter and
 * Embedding Personalized Network", KDD 2023, arXiv:2302.01115. Gated are the towers' hidden layers; a layer's
 * gate is one network for all tasks, as wide as their layers together.
 */
export class PEPNet extends Model {
  readonly embedding: FieldEmbedding;
  readonly domainEmbedding: DomainEmbedding;
  readonly domainFields: FieldEmbedding | undefined;
  readonly domainGate: GateUnit;
  readonly prior: FieldEmbedding | undefined;
  /** By hidden layer. */
  readonly gates: readonly GateUnit[];
  readonly towers: { readonly [label: string]: GatedTower };

  constructor(schema: FeatureMap, options: PEPNetOptions = {}) {
    super();
    const given = parseOptions(pepnetOptions, options, "PEPNet");
    const { embeddingDim: dim, embeddingStd, hiddenUnits, gateWidth, domainFeatures, priorFeatures } = given;
    const init = normalInit(embeddingStd);
    const some = (include: readonly string[]) =>
      include.length === 0 ? undefined : new FieldEmbedding(schema, { dim, include, init, role: "gate" });
    const tasks = tasksOf(schema, given.tasks);
    this.embedding = new FieldEmbedding(schema, { dim, init });
    const { width } = this.embedding;
    this.domainEmbedding = new DomainEmbedding(schema, { dim, init });
    this.domainFields = some(domainFeatures);
    this.domainGate = new GateUnit(dim + (this.domainFields?.width ?? 0) + width, gateWidth, width);
    const prior = some(priorFeatures);
    this.prior = prior;
    this.gates =
      prior === undefined
        ? []
        : hiddenUnits.map((units) => new GateUnit(prior.width + width, gateWidth, units * tasks.length));
    this.towers = Object.fromEntries(tasks.map((task) => [task, new GatedTower(width, given)]));
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const x = this.embedding.forwardFlat(batch); // [batch, width]
    const domain = [this.domainEmbedding.forward(batch)];
    if (this.domainFields !== undefined) domain.push(this.domainFields.forwardFlat(batch));
    const fitted = mul(x, this.domainGate.forward(concat([...domain, stopGradient(x)])));
    const who =
      this.prior === undefined ? undefined : concat([this.prior.forwardFlat(batch), stopGradient(fitted)]);
    const gates = who === undefined ? [] : this.gates.map((gate) => gate.forward(who));
    return Object.fromEntries(
      Object.entries(this.towers).map(([task, tower], t) => [task, tower.forward(fitted, gates, t)]),
    );
  }
}

/** Twice a sigmoid: 1 where the network says 0, so that a gate starts by letting all pass. */
class GateUnit extends Module {
  readonly mlp: MLP;

  constructor(inputs: number, hidden: number, outputs: number) {
    super();
    this.mlp = new MLP(inputs, [hidden], { output: outputs });
  }

  forward(x: Tensor): Tensor {
    return mul(sigmoid(this.mlp.forward(x)), 2);
  }
}

class GatedTower extends Module {
  readonly layers: readonly Linear[];
  readonly activations: readonly ActivationLayer[];
  readonly head: Linear;
  readonly #rate: number;

  constructor(inputs: number, given: z.output<typeof pepnetOptions>) {
    super();
    const { hiddenUnits, hiddenActivation, netDropout } = given;
    const widths = [inputs, ...hiddenUnits];
    this.layers = repeat(hiddenUnits.length, (l) => new Linear(widths[l], widths[l + 1]));
    this.activations = hiddenUnits.map((width) => activation(hiddenActivation, width));
    this.head = new Linear(widths[hiddenUnits.length], 1);
    this.#rate = netDropout;
  }

  /** @param gates by layer, all tasks' side by side; none: ungated */
  forward(x: Tensor, gates: readonly Tensor[], task: number): Tensor {
    const hidden = this.layers.reduce((value, layer, l) => {
      const units = this.activations[l].forward(layer.forward(value));
      const width = units.shape[1] as number;
      const start = task * width;
      const gate = gates[l] && slice(gates[l], { axis: 1, start, end: start + width });
      return dropout(gate === undefined ? units : mul(units, gate), this.#rate);
    }, x);
    return squeeze(this.head.forward(hidden), 1);
  }
}

export const pepnet = describeModel({
  name: "PEPNet",
  summary: "Gates fit embeddings to the domain and towers to the person.",
  predicts: "every label",
  options: pepnetOptions,
  model: PEPNet,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    hiddenUnits: [16, 8],
    priorFeatures: ["user", "tags"],
    gateWidth: 8,
    netDropout: 0.2,
  },
});
