export { flopsOf, perElement } from "./flops.ts";
export { constant, constantValue, type InputAttributes, input, inputOp } from "./leaf.ts";
export {
  broadcastShapes,
  type Dim,
  dimFactors,
  dimProduct,
  dimQuotient,
  isStatic,
  normalizeAxis,
  type Shape,
  sameShape,
} from "./shape.ts";
export {
  type AnyOp,
  apply,
  type BodyAttribute,
  type DType,
  defineOp,
  type Lowering,
  type NodeAttributes,
  type OpDefinition,
  Tensor,
} from "./tensor.ts";
