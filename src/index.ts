/**
 * What most programs need, under one name. Everything else has an entry of its own, a folder each:
 * `millrace/ops`, `millrace/layers`, `millrace/evaluation` and so on; those that run in browsers are listed
 * in docs/architecture.md. This entry is for Node.
 */
export {
  ConfigError,
  DataError,
  DivergedError,
  EngineError,
  InterruptedError,
  MillraceError,
  ShapeError,
} from "./core/index.ts";
export {
  arraySource,
  encodeForMap,
  inspect,
  type PreparedDataset,
  prepareDataset,
  validate,
} from "./data/index.ts";
export { createEngine, type Engine } from "./engine/index.ts";
export { evaluateBinary, type MetricValue } from "./evaluation/index.ts";
export { DCNv2, DeepFM, DIN, FinalMLP, FM, LR, models } from "./models/index.ts";
export { type Batch, Model, Module, Parameter, State, Table } from "./module/index.ts";
export { writeRunReport } from "./report/index.ts";
export {
  type Config,
  type ConfigInput,
  type OpenRun,
  openRun,
  parseConfig,
  readConfig,
  type RunMetrics,
  trainRun,
} from "./run/index.ts";
export {
  type BatchSource,
  createRowEncoder,
  type EncodedBatch,
  type FeatureMap,
  type RawRow,
} from "./schema/index.ts";
export {
  type Evaluation,
  Learner,
  measure,
  predictSplit,
  train,
  type TrainingEvent,
} from "./training/index.ts";
export { generateWorld, type WorldOptions } from "./world/index.ts";
