export { type ActivationLayer, type ActivationName, activation, Dice, PReLU } from "./activation.ts";
export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export { BilinearFusion } from "./bilinear-fusion.ts";
export { BilinearInteraction, type BilinearType } from "./bilinear-interaction.ts";
export { CompressedInteraction } from "./compressed-interaction.ts";
export { CrossNetwork } from "./cross-network.ts";
export { CrossNetworkMixture, type CrossNetworkMixtureOptions } from "./cross-network-mixture.ts";
export {
  elementwiseProducts,
  type FieldPairs,
  fieldPairs,
  innerProducts,
  summedProducts,
} from "./field-pairs.ts";
export { GRU, type GRUInputs, type GRUKind } from "./gru.ts";
export { FactorizedBlock, type FactorizedBlockOptions } from "./factorized-block.ts";
export { FieldAttention, type FieldAttentionOptions } from "./field-attention.ts";
export { FieldGate } from "./field-gate.ts";
export { GatedCrossNetwork } from "./gated-cross-network.ts";
export { LayerNorm } from "./layer-norm.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { maskBias, maskedSoftmax } from "./masked-softmax.ts";
export { MaskBlock, type MaskBlockOptions } from "./mask-block.ts";
export { MLP, type MLPOptions } from "./mlp.ts";
export {
  evenHeadDim,
  mergeHeads,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  splitHeads,
} from "./multi-head-attention.ts";
export { SqueezeExcitation, type SqueezeExcitationOptions } from "./squeeze-excitation.ts";
export { PairAttention, type PairAttentionOptions } from "./pair-attention.ts";
export { RankOneCrossNetwork } from "./rank-one-cross-network.ts";
export { TargetAttention, type TargetAttentionOptions } from "./target-attention.ts";
export { WukongLayer, type WukongLayerOptions } from "./wukong-layer.ts";
export { type PairWeightForm, WeightedPairs } from "./weighted-pairs.ts";
