export { type ActivationLayer, type ActivationName, activation, Dice, PReLU } from "./activation.ts";
export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export { BilinearFusion } from "./bilinear-fusion.ts";
export { CompressedInteraction } from "./compressed-interaction.ts";
export { CrossNetwork } from "./cross-network.ts";
export { CrossNetworkMixture, type CrossNetworkMixtureOptions } from "./cross-network-mixture.ts";
export { elementwiseProducts, type FieldPairs, fieldPairs, innerProducts } from "./field-pairs.ts";
export { GRU, type GRUInputs, type GRUKind } from "./gru.ts";
export { LayerNorm } from "./layer-norm.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { maskBias, maskedSoftmax } from "./masked-softmax.ts";
export { MLP, type MLPOptions } from "./mlp.ts";
export { PairAttention, type PairAttentionOptions } from "./pair-attention.ts";
export { RankOneCrossNetwork } from "./rank-one-cross-network.ts";
export {
  evenHeadDim,
  mergeHeads,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  splitHeads,
} from "./multi-head-attention.ts";
export { TargetAttention, type TargetAttentionOptions } from "./target-attention.ts";
export { type PairWeightForm, WeightedPairs } from "./weighted-pairs.ts";
