/** For each model of the catalogue, options that show everything it has, small enough to run often. */
export const smallOptions: { readonly [model: string]: object } = {
  LR: {},
  FM: { embeddingDim: 4, embeddingStd: 0.1 },
  DeepFM: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32, 16], batchNorm: true, netDropout: 0.2 },
  DCNv2: { embeddingDim: 4, embeddingStd: 0.1, crossLayers: 2, hiddenUnits: [32, 16], netDropout: 0.2 },
  FinalMLP: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    mlp1HiddenUnits: [32],
    mlp2HiddenUnits: [16],
    mlp1BatchNorm: true,
    mlp1Dropout: 0.2,
    gateHiddenUnits: [8],
    gate1Context: ["user", "tags", "age"],
    heads: 4,
  },
  DIN: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    hiddenActivation: "prelu",
    netDropout: 0.2,
    attentionHiddenUnits: [8],
    attentionDropout: 0.1,
  },
};
