export { type Batch, batchDim, type LookupSlot } from "./batch.ts";
export { acrossSets, markedPass, type MarkedPass, meanOverSets } from "./embedding-sets.ts";
export { countParameters, type ParameterCounts } from "./count-parameters.ts";
export {
  constantInit,
  type Initializer,
  initialValues,
  normalInit,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from "./initializer.ts";
export { Model, type StateValues } from "./model.ts";
export { Module } from "./module.ts";
export { Parameter, type ParameterOptions, State, Table, type TableOptions } from "./parameter.ts";
export {
  decodeSafetensors,
  decodeSafetensorsHeader,
  encodeSafetensors,
  type SafetensorsData,
  type SafetensorsDtype,
  type SafetensorsEntry,
  safetensorsHeader,
  type SafetensorsLayout,
  type SafetensorsTensor,
} from "./safetensors.ts";
export { shareLeaves } from "./share-leaves.ts";
export {
  auxiliaryLoss,
  currentTrace,
  dropout,
  type LabelOf,
  observe,
  Trace,
  type TraceMark,
  type TraceOptions,
  withTrace,
} from "./trace.ts";
export { type FoundEvents, isTwoStage, type StagedHistory, type TwoStageModel } from "./two-stage.ts";
