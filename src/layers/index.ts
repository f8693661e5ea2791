export { type ActivationLayer, type ActivationName, activation, Dice, PReLU } from "./activation.ts";
export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export { BilinearFusion } from "./bilinear-fusion.ts";
export { CrossNetwork } from "./cross-network.ts";
export { elementwiseProducts, type FieldPairs, fieldPairs, innerProducts } from "./field-pairs.ts";
export { LayerNorm } from "./layer-norm.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { MLP, type MLPOptions } from "./mlp.ts";
export { TargetAttention, type TargetAttentionOptions } from "./target-attention.ts";
