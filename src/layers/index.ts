export { type ActivationLayer, type ActivationName, activation, Dice, PReLU } from "./activation.ts";
export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export { BilinearFusion } from "./bilinear-fusion.ts";
export { BilinearInteraction, type BilinearType } from "./bilinear-interaction.ts";
export { CompressedInteraction } from "./compressed-interaction.ts";
export { crossExpertCovariance, type CrossExpertCovarianceOptions } from "./cross-expert-covariance.ts";
export { CrossNetwork } from "./cross-network.ts";
export { CrossNetworkMixture, type CrossNetworkMixtureOptions } from "./cross-network-mixture.ts";
export {
  elementwiseProducts,
  type FieldPairs,
  fieldPairs,
  innerProducts,
  summedProducts,
} from "./field-pairs.ts";
export {
  type EventSelection,
  eventDistances,
  selectRecent,
  selectTopK,
  takeEvents,
} from "./event-selection.ts";
export { GRU, type GRUInputs, type GRUKind } from "./gru.ts";
export { FactorizedBlock, type FactorizedBlockOptions } from "./factorized-block.ts";
export { type ExpertLayerValues, ExpertLayer, type ExpertLayerOptions } from "./expert-layer.ts";
export { type Expert, FieldExpert, type FieldExpertOptions } from "./expert.ts";
export { FieldAttention, type FieldAttentionOptions } from "./field-attention.ts";
export { FieldGate } from "./field-gate.ts";
export { GatedCrossNetwork } from "./gated-cross-network.ts";
export { HSTULayer, type HSTULayerOptions } from "./hstu-layer.ts";
export {
  type Interaction,
  type InteractionName,
  type InteractionOptions,
  interaction,
  interactionNames,
} from "./interaction.ts";
export { GroupedPairs } from "./grouped-pairs.ts";
export { LayerNorm } from "./layer-norm.ts";
export { checkNormWidth } from "./norm-width.ts";
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
export {
  MultiHeadTargetAttention,
  type MultiHeadTargetAttentionOptions,
  type TargetAttentionInputs,
} from "./multi-head-target-attention.ts";
export { placeScores, poolPlaces } from "./place-attention.ts";
export { PositionalEmbedding } from "./positional-embedding.ts";
export { RelativeBias } from "./relative-bias.ts";
export { SearchUnit } from "./search-unit.ts";
export { SetPooling, type SetPoolingOptions } from "./set-pooling.ts";
export { SimHash } from "./sim-hash.ts";
export { PartitionedNorm, type PartitionedNormOptions } from "./partitioned-norm.ts";
export { SqueezeExcitation, type SqueezeExcitationOptions } from "./squeeze-excitation.ts";
export { PairAttention, type PairAttentionOptions } from "./pair-attention.ts";
export { RankOneCrossNetwork } from "./rank-one-cross-network.ts";
export { StarLinear } from "./star-linear.ts";
export { TargetAttention, type TargetAttentionOptions } from "./target-attention.ts";
export {
  type TemporalEncoding,
  type TemporalEvents,
  TemporalInterest,
  type TemporalInterestOptions,
  temporalEncodings,
} from "./temporal-interest.ts";
export { TransformerBlock, type TransformerBlockOptions } from "./transformer-block.ts";
export { WukongLayer, type WukongLayerOptions } from "./wukong-layer.ts";
export { type PairWeightForm, WeightedPairs } from "./weighted-pairs.ts";
export { PairDraws } from "./pair-draws.ts";
export { GaussianProcessHead, type GaussianProcessHeadOptions } from "./gaussian-process-head.ts";
export { SpectralLinear, type SpectralLinearOptions } from "./spectral-linear.ts";
