/** Every layer, loss and model: gradients against central differences, in float64 by the reference engine. */
import { describe, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import type { HostTensor } from "../../src/engine/index.ts";
import {
  type ActivationName,
  activation,
  BatchNorm,
  BilinearFusion,
  CompressedInteraction,
  CrossNetwork,
  CrossNetworkMixture,
  crossExpertCovariance,
  elementwiseProducts,
  FieldExpert,
  innerProducts,
  LayerNorm,
  Linear,
  MLP,
  PairAttention,
  PartitionedNorm,
  RankOneCrossNetwork,
  StarLinear,
  summedProducts,
  TargetAttention,
  WeightedPairs,
  GatedCrossNetwork,
  FieldAttention,
  FieldGate,
  GRU,
  HSTULayer,
  MultiHeadAttention,
  MultiHeadTargetAttention,
  RelativeBias,
  SetPooling,
  SimHash,
  TransformerBlock,
  SqueezeExcitation,
  BilinearInteraction,
  MaskBlock,
  FactorizedBlock,
  WukongLayer,
} from "../../src/layers/index.ts";
import { binaryCrossEntropy, squaredError } from "../../src/losses/index.ts";
import { models } from "../../src/models/index.ts";
import { Module, Trace, withTrace } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { add, addAll, broadcastTo, concat, expandDims, mul, pad, sum } from "../../src/ops/index.ts";
import { constant, input, type Tensor } from "../../src/tensor/index.ts";
import { expectGradient } from "../graph/gradient.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, schemaOf } from "./every-kind.ts";
import { randomArrays, traceModel } from "./forward.ts";

const activations: readonly ActivationName[] = [
  "relu",
  "sigmoid",
  "tanh",
  "gelu",
  "silu",
  "prelu",
  "dice",
  "none",
];

interface Block {
  readonly name: string;
  /** Shapes of the inputs, of 5 rows. */
  readonly inputs: readonly (readonly number[])[];
  make(): { module?: Module; apply(...x: Tensor[]): Tensor };
}

const block = (
  name: string,
  inputs: readonly (readonly number[])[],
  make: () => Module & { forward(...x: Tensor[]): Tensor },
): Block => ({
  name,
  inputs,
  make: () => {
    const module = make();
    return { module, apply: (...x) => module.forward(...x) };
  },
});

const history = hostTensor("float32", [5, 4], [1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0]);
const attention = (options: ConstructorParameters<typeof TargetAttention>[1]) => () => {
  const module = new TargetAttention(3, { hidden: [4], ...options });
  const mask = constant(history.data as Float32Array, { shape: history.dims });
  return { module, apply: (target: Tensor, events: Tensor) => module.forward(target, events, mask) };
};

const historyMask = constant(history.data as Float32Array, { shape: history.dims });
const overHistory = (
  name: string,
  make: () => { module: Module; apply(events: Tensor, target: Tensor): Tensor },
): Block => ({
  name,
  inputs: [
    [5, 4, 3],
    [5, 3],
  ],
  make,
});
const topK = (k: number | undefined) => () => {
  const module = new MultiHeadTargetAttention(3, { width: 4, heads: 2, dropout: 0.2 });
  return {
    module,
    apply: (events: Tensor, target: Tensor) => module.forward(target, events, historyMask, { k }),
  };
};

/** Five rows of three domains, the last of none. */
const domainWeights = constant([1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1 / 3, 1 / 3, 1 / 3], { shape: [5, 3] });

/** A layer of domains on those rows. */
class OnDomains extends Module {
  readonly layer: StarLinear | PartitionedNorm;

  constructor(layer: StarLinear | PartitionedNorm) {
    super();
    this.layer = layer;
  }

  forward(x: Tensor): Tensor {
    return this.layer.forward(x, domainWeights);
  }
}
const onDomains = (layer: StarLinear | PartitionedNorm): OnDomains => new OnDomains(layer);

const labels = constant([0, 1, 1, 0, 1]);
const weights = constant([1, 0.5, 2, 0, 3]);
const blocks: readonly Block[] = [
  block("Linear", [[5, 3]], () => new Linear(3, 2)),
  block("Linear over three axes, no bias", [[5, 2, 3]], () => new Linear(3, 2, { bias: false })),
  block("BatchNorm", [[5, 3]], () => new BatchNorm(3)),
  block("LayerNorm", [[5, 2, 4]], () => new LayerNorm(4)),
  block("CrossNetwork", [[5, 3]], () => new CrossNetwork(3, { depth: 3 })),
  block("RankOneCrossNetwork", [[5, 3]], () => new RankOneCrossNetwork(3, { depth: 3 })),
  block("CrossNetworkMixture", [[5, 3]], () => new CrossNetworkMixture(3, { depth: 2, experts: 3, rank: 2 })),
  ...(["scalar", "vector", "matrix"] as const).map((form) =>
    block(`WeightedPairs, ${form}`, [[5, 4, 2]], () => new WeightedPairs(4, 2, { form })),
  ),
  block("PairAttention", [[5, 4, 2]], () => new PairAttention(2, { hidden: 3, dropout: 0.2 })),
  block("CompressedInteraction", [[5, 3, 2]], () => new CompressedInteraction(3, [4, 2, 3])),
  ...[elementwiseProducts, innerProducts, summedProducts].map((products) => ({
    name: products.name,
    inputs: [[5, 4, 2]],
    make: () => ({ apply: products }),
  })),
  block("LayerNorm, each field its own", [[5, 2, 4]], () => new LayerNorm(4, { fields: 2 })),
  block("GatedCrossNetwork", [[5, 3]], () => new GatedCrossNetwork(3, { depth: 2 })),
  block("FieldAttention", [[5, 3, 4]], () => new FieldAttention(4, { width: 4, heads: 2 })),
  block(
    "FieldAttention, everything",
    [[5, 3, 2]],
    () => new FieldAttention(2, { width: 6, heads: 3, scale: true, layerNorm: true, dropout: 0.3 }),
  ),
  block(
    "FieldAttention, no residual",
    [[5, 3, 2]],
    () => new FieldAttention(2, { width: 4, residual: false }),
  ),
  ...(["none", "cross", "products", "attention"] as const).map((interaction) =>
    block(
      `FieldExpert, ${interaction}`,
      [[5, 3, 2]],
      () => new FieldExpert({ fields: 3, dim: 2, hidden: [4], interaction }),
    ),
  ),
  block("StarLinear", [[5, 3]], () => onDomains(new StarLinear(3, 2, { domains: 3 }))),
  block("PartitionedNorm", [[5, 3]], () => onDomains(new PartitionedNorm(3, { domains: 3 }))),
  ...([undefined, 3] as const).map((rows) => ({
    name: `crossExpertCovariance, rows ${rows}`,
    inputs: [
      [5, 2],
      [5, 2],
      [5, 2],
    ],
    make: () => ({ apply: (...x: Tensor[]) => crossExpertCovariance(x, { rows }) }),
  })),
  block("FieldGate", [[5, 3, 2]], () => new FieldGate(3)),
  block("SqueezeExcitation", [[5, 4, 2]], () => new SqueezeExcitation(4, { reductionRatio: 2 })),
  block("SqueezeExcitation, sigmoid", [[5, 2, 2]], () => new SqueezeExcitation(2, { activation: "sigmoid" })),
  ...(["field_all", "field_each", "field_interaction"] as const).map((type) =>
    block(`BilinearInteraction ${type}`, [[5, 4, 3]], () => new BilinearInteraction(4, 3, { type })),
  ),
  block(
    "MaskBlock",
    [
      [5, 3],
      [5, 4],
    ],
    () => new MaskBlock({ embedding: 3, hidden: 4, output: 3, reductionRatio: 0.5, dropout: 0.2 }),
  ),
  ...(["concat", "sum"] as const).map((residual) =>
    block(
      `FactorizedBlock ${residual}`,
      [[5, 3]],
      () => new FactorizedBlock(3, [4, 2], { residual, batchNorm: true, dropout: 0.2 }),
    ),
  ),
  ...[2, undefined].map((rank) =>
    block(
      `WukongLayer, rank ${rank}`,
      [[5, 4, 3]],
      () =>
        new WukongLayer({
          vectors: 4,
          dim: 3,
          interacted: 2,
          compressed: rank === undefined ? 2 : 1,
          rank,
          hidden: [3],
        }),
    ),
  ),
  block(
    "BilinearFusion",
    [
      [5, 4],
      [5, 2],
    ],
    () => new BilinearFusion(4, 2, { heads: 2 }),
  ),
  ...activations.map((name) =>
    block(
      `MLP with ${name}, batch norm and dropout`,
      [[5, 3]],
      () => new MLP(3, [4, 3], { activation: name, batchNorm: true, dropout: 0.4, output: 2 }),
    ),
  ),
  ...activations.map((name) => ({
    name: `activation ${name}`,
    inputs: [[5, 3]],
    make: () => {
      const layer = activation(name, 3);
      return { module: layer instanceof Module ? layer : undefined, apply: (x: Tensor) => layer.forward(x) };
    },
  })),
  {
    name: "TargetAttention",
    inputs: [
      [5, 3],
      [5, 4, 3],
    ],
    make: attention({}),
  },
  {
    name: "TargetAttention, softmax",
    inputs: [
      [5, 3],
      [5, 4, 3],
    ],
    make: attention({ softmax: true }),
  },
  {
    name: "TargetAttention, dropout",
    inputs: [
      [5, 3],
      [5, 4, 3],
    ],
    make: attention({ dropout: 0.3, activation: "relu" }),
  },
  ...([false, true] as const).map((causal) =>
    overHistory(`MultiHeadAttention, causal ${causal}`, () => {
      const module = new MultiHeadAttention(3, { heads: 2, headDim: 2, causal, dropout: 0.2 });
      return { module, apply: (events) => module.forward(events, events, historyMask) };
    }),
  ),
  overHistory("MultiHeadTargetAttention", topK(undefined)),
  overHistory("MultiHeadTargetAttention, the best 2", topK(2)),
  overHistory("GRU", () => {
    const module = new GRU(3, 2);
    return { module, apply: (events) => module.forward(events) };
  }),
  ...(["AUGRU", "AGRU", "AIGRU"] as const).map((kind) =>
    overHistory(kind, () => {
      const module = new GRU(3, 2, { kind });
      const apply = (events: Tensor, target: Tensor): Tensor => {
        const scores = sum(mul(events, expandDims(target, 1)), { axis: 2 });
        return module.last(events, { mask: historyMask, scores });
      };
      return { module, apply };
    }),
  ),
  overHistory("SetPooling", () => {
    const module = new SetPooling(3, { seeds: 2 });
    return { module, apply: (events) => module.forward(events, historyMask) };
  }),
  overHistory("TransformerBlock", () => {
    const module = new TransformerBlock(3, { dropout: 0.2, attentionDropout: 0.1 });
    return { module, apply: (events) => module.forward(events, historyMask) };
  }),
  overHistory("HSTULayer with RelativeBias", () => {
    const layer = new HSTULayer(3, { normalizer: 5, heads: 2, queryDim: 1, valueDim: 2, dropout: 0.2 });
    const bias = new RelativeBias(4, { times: true });
    const ages = mul(historyMask, constant([4000, 300, 20, 1]));
    const module = new (class extends Module {
      readonly parts = [layer, bias];
    })();
    const apply = (events: Tensor, target: Tensor): Tensor => {
      const x = concat([events, expandDims(target, 1)], { axis: 1 });
      const allowed = expandDims(pad(historyMask, { axis: 1, after: 1 }), 1);
      return layer.forward(x, broadcastTo(allowed, [5, 5, 5]), bias.forward(historyMask, ages));
    };
    return { module, apply };
  }),
  overHistory("SimHash: bits have no gradient", () => {
    const module = new SimHash(3, 8);
    return {
      module,
      apply: (events, target) => add(module.distances(target, events), sum(events, { axis: 2 })),
    };
  }),
  { name: "cross entropy", inputs: [[5]], make: () => ({ apply: (x) => binaryCrossEntropy(x, labels) }) },
  {
    name: "weighted cross entropy",
    inputs: [[5]],
    make: () => ({ apply: (x) => binaryCrossEntropy(x, labels, weights) }),
  },
  { name: "squared error", inputs: [[5]], make: () => ({ apply: (x) => squaredError(x, labels) }) },
  {
    name: "weighted squared error",
    inputs: [[5]],
    make: () => ({ apply: (x) => squaredError(x, labels, weights) }),
  },
];

function normal(name: string, dims: readonly number[]): HostTensor {
  const random = new CounterRandom(3, name);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return hostTensor(
    "float32",
    dims,
    Array.from({ length: count }, (_, i) => random.normal(i)),
  );
}

describe.each([true, false])("training: %s", (training) => {
  test.each(blocks)("$name", async ({ inputs, make }) => {
    const { module, apply } = make();
    const values = new Map<Tensor, HostTensor>();
    const leaves = inputs.map((dims, k) => {
      const leaf = input(`x${k}`, dims);
      values.set(leaf, normal(`x${k}`, dims));
      return leaf;
    });
    const parameters = [...(module?.namedParameters() ?? [])];
    for (const [path, leaf] of parameters) values.set(leaf, normal(path, leaf.shape));
    for (const [path, leaf] of module?.namedStates() ?? []) {
      const { data } = normal(path, leaf.shape);
      values.set(
        leaf,
        hostTensor(
          "float32",
          leaf.shape,
          Array.from(data as Float32Array, (v) => v * v + 0.2),
        ),
      );
    }
    const key = constant(99, { dtype: "uint32" });
    const y = withTrace(new Trace({ training, key }), () => apply(...leaves));
    const { dims } = (await runGraph(judge, { y }, values)).y;
    const w = input("w", y.shape);
    values.set(w, normal("w", dims));
    const wrt = [...leaves, ...parameters.map(([, leaf]) => leaf)];
    await expectGradient({ loss: sum(mul(y, w)), values, wrt });
  });
});

/** Options whose graphs differ from those of the model's example; a model that is not here is checked by that. */
const variants: { readonly [model: string]: readonly object[] } = {
  LR: [{}],
  FM: [{ embeddingDim: 3 }],
  DeepFM: [{ embeddingDim: 2, hiddenUnits: [4, 3], batchNorm: true, netDropout: 0.2 }],
  DCNv2: [{ embeddingDim: 2, crossLayers: 2, hiddenUnits: [4], hiddenActivation: "gelu" }],
  FFM: [{ embeddingDim: 2 }],
  FwFM: ["FiLV", "FeLV", "LW"].map((linearType) => ({ embeddingDim: 2, linearType })),
  FmFM: ["matrix", "vector"].map((fieldInteraction) => ({ embeddingDim: 2, fieldInteraction })),
  NFM: [{ embeddingDim: 2, hiddenUnits: [4], batchNorm: true, netDropout: 0.2 }],
  AFM: [{ embeddingDim: 2, attentionDim: 3, attentionDropout: 0.1, pooledDropout: 0.2 }],
  WideDeep: [{ embeddingDim: 2, hiddenUnits: [4], numericFields: "raw" }],
  PNN: ["inner", "outer", "both"].map((product) => ({ embeddingDim: 2, hiddenUnits: [4], product })),
  DCN: [{ embeddingDim: 2, crossLayers: 3, hiddenUnits: [4] }],
  DCNMix: [{ embeddingDim: 2, crossLayers: 2, experts: 2, rank: 2, hiddenUnits: [4] }],
  xDeepFM: [{ embeddingDim: 2, cinUnits: [3, 2], hiddenUnits: [4] }],
  FinalMLP: [
    {
      embeddingDim: 2,
      mlp1HiddenUnits: [4],
      mlp2HiddenUnits: [6],
      heads: 2,
      gateHiddenUnits: [3],
      gate2Context: ["user", "tags", "age"],
    },
    {
      embeddingDim: 2,
      mlp1HiddenUnits: [4],
      mlp2HiddenUnits: [4],
      useFeatureSelection: false,
      mlp1BatchNorm: true,
    },
  ],
  AutoInt: [
    { embeddingDim: 2, hiddenUnits: [], attentionLayers: 2, attentionDim: 4 },
    {
      embeddingDim: 2,
      hiddenUnits: [3],
      attentionLayers: 1,
      attentionDim: 2,
      heads: 1,
      attentionDropout: 0.2,
      attentionScale: true,
      attentionLayerNorm: true,
      wide: true,
    },
  ],
  DLRM: [
    { embeddingDim: 2, bottomHiddenUnits: [3], topHiddenUnits: [4], batchNorm: true, topDropout: 0.2 },
    { embeddingDim: 2, bottomHiddenUnits: [], topHiddenUnits: [4], interaction: "concat" },
  ],
  FiBiNET: ["field_all", "field_each", "field_interaction"].map((bilinearType) => ({
    embeddingDim: 2,
    hiddenUnits: [3],
    hiddenActivation: "tanh",
    excitationActivation: "sigmoid",
    bilinearType,
  })),
  MaskNet: [
    { embeddingDim: 3, hiddenUnits: [4, 3], reductionRatio: 0.2 },
    {
      embeddingDim: 2,
      hiddenUnits: [4],
      arrangement: "parallel",
      parallelBlocks: 2,
      parallelBlockDim: 3,
      reductionRatio: 0.2,
      netDropout: 0.2,
      embeddingLayerNorm: false,
    },
  ],
  GDCN: ["parallel", "stacked"].map((structure) => ({
    embeddingDim: 2,
    crossLayers: 2,
    hiddenUnits: [3],
    hiddenActivation: "tanh",
    structure,
  })),
  EDCN: ["product", "sum", "concat"].map((bridge) => ({
    embeddingDim: 2,
    crossLayers: 2,
    hiddenActivation: "tanh",
    batchNorm: bridge === "sum",
    bridge,
  })),
  FinalNet: [
    { embeddingDim: 2, block1HiddenUnits: [4, 4], block2HiddenUnits: [4], block1Dropout: 0.2 },
    {
      embeddingDim: 2,
      blocks: 1,
      block1HiddenUnits: [4, 3],
      residual: "sum",
      fieldGate: false,
      batchNorm: false,
    },
  ],
  Wukong: [
    {
      embeddingDim: 3,
      wukongLayers: 2,
      interactedVectors: 3,
      compressedVectors: 2,
      rank: 2,
      interactionHiddenUnits: [3],
      hiddenUnits: [4],
    },
    {
      embeddingDim: 2,
      wukongLayers: 1,
      interactedVectors: 4,
      compressedVectors: 8,
      rank: 0,
      interactionHiddenUnits: [],
      hiddenUnits: [4],
    },
  ],
  SharedBottom: ["none", "cross", "products", "attention"].map((interaction) => ({
    embeddingDim: 2,
    bottomHiddenUnits: [4],
    towerHiddenUnits: [3],
    hiddenActivation: "tanh",
    branches: interaction === "cross" ? "domain" : "task",
    interaction,
  })),
  // What goes through stop-gradient is no derivative: finite differences cannot judge it, the goldens do.
  PEPNet: [],
  // Within all bounds: the penalty's own weight is behind stop-gradient. Binary factors are passed straight through.
  AdaSparse: ["fusion", "scaling"].map((factor) => ({
    embeddingDim: 2,
    hiddenUnits: [4],
    hiddenActivation: "tanh",
    factor,
    sparsity: [0, 1] as [number, number],
    domainFeatures: factor === "fusion" ? ["item"] : [],
  })),
  STEM: ["trained", "none"].map((otherExperts) => ({
    embeddingDim: 2,
    levels: 2,
    sharedExperts: 1,
    expertHiddenUnits: [3],
    gateHiddenUnits: [2],
    towerHiddenUnits: [2],
    otherExperts,
  })),
  "STEM-AL": [
    {
      embeddingDim: 2,
      expertHiddenUnits: [3],
      gateHiddenUnits: [2],
      towerHiddenUnits: [2],
      auxiliaryExperts: "trained",
    },
  ],
  TIN: ["position", "none"].map((temporalEncoding) => ({
    embeddingDim: 2,
    hiddenUnits: [4],
    hiddenActivation: "tanh",
    temporalEncoding,
    valueProduct: temporalEncoding === "position",
  })),
  GwPFM: [
    { embeddingDim: 2, groups: [["user"], ["item", "category", "history"]] },
    { embeddingDim: 2, hiddenUnits: [3], historyPooling: "temporal" },
  ],
  "HMoE-ME": ["gate", "weights", "mean"].map((aggregation) => ({
    embeddingDim: 3,
    experts: ["gwpfm", "cross"],
    interactionLayers: 1,
    expertHiddenUnits: [3],
    towerHiddenUnits: [2],
    hiddenActivation: "tanh",
    aggregation,
  })),
  DIN: [
    { embeddingDim: 2, hiddenUnits: [4], attentionHiddenUnits: [3] },
    {
      embeddingDim: 2,
      hiddenUnits: [4],
      attentionHiddenUnits: [3],
      attentionSoftmax: true,
      hiddenActivation: "dice",
    },
  ],
};

describe.each(
  models.flatMap((model) =>
    (variants[model.name] ?? [model.example]).map((given) => [model.name, given, model] as const),
  ),
)("%s %j", (_, given, description) => {
  test("gradients of parameters and tables", async () => {
    const schema = schemaOf(description);
    const model = description.create(schema, given);
    const traced = traceModel(model, schema, randomArrays(model), { training: true });
    const { byLabel, auxiliary, batch, values } = traced;
    const encoded = drawRows(schema, 7, 5);
    const losses = Object.entries(byLabel).map(([label, z]) => binaryCrossEntropy(z, batch.scalar(label)));
    // FinalNet's own losses teach from a label through stop-gradient: no derivatives, the goldens judge them.
    const own = description.name === "FinalNet" ? [] : auxiliary;
    const loss = addAll([...losses, ...own]);
    const trained = [...model.namedParameters().values()].filter(({ trainable }) => trainable);
    const wrt = [...trained, ...batch.arenas];
    await expectGradient({ loss: mul(loss, 10), values: values(encoded), wrt });
  });
});
