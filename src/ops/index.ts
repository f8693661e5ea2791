import "./fluent.ts";

export { add, addAll, div, mul, neg, type Operand, square, sub } from "./arithmetic.ts";
export { bitXor, iota, shiftRight } from "./bits.ts";
export { cast } from "./cast.ts";
export { and, clip, equal, greater, less, maximum, minimum, not, or, where } from "./compare.ts";
export { concat, pad, slice, split, stack } from "./concat.ts";
export { cumsum } from "./cumsum.ts";
export { dropout, mixBits } from "./dropout.ts";
export {
  abs,
  cos,
  erf,
  exp,
  floor,
  gelu,
  leakyRelu,
  log,
  relu,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  stepOf,
  tanh,
} from "./elementwise.ts";
export { addAlong, gather, takeAlong, topKIndices, zeros } from "./gather.ts";
export { affine, matmul, type MatmulOptions } from "./matmul.ts";
export { pairwiseInteraction } from "./pairwise-interaction.ts";
export { positionsOf } from "./positions-of.ts";
export { logSumExp, max, mean, min, type ReduceOptions, sum } from "./reduce.ts";
export { broadcastTo, expandDims, flatten, reshape, squeeze } from "./reshape.ts";
export { scaleStandardized } from "./scale-standardized.ts";
export { sizeOf } from "./size-of.ts";
export { logSoftmax, softmax } from "./softmax.ts";
export { stopGradient } from "./stop-gradient.ts";
export { sumTo } from "./sum-to.ts";
export { take } from "./take.ts";
export { swapAxes, transpose } from "./transpose.ts";
