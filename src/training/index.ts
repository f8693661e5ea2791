export {
  type Checkpoint,
  type CheckpointStore,
  type EpochRecord,
  MemoryCheckpoints,
  type Progress,
} from "./checkpoint.ts";
export {
  type Evaluation,
  type LabelPredictions,
  measure,
  predictRows,
  predictSplit,
  type SplitPredictions,
} from "./evaluate.ts";
export type { TrainingEvent, TrainingListener } from "./events.ts";
export {
  type EvaluationGraph,
  evaluationGraph,
  type GraphSource,
  predictionOf,
  type Logits,
  type Objective,
  type PredictionOptions,
  type TrainingGraph,
  trainingGraph,
} from "./graphs.ts";
export { ColumnBatch, type InferenceGraph, inferenceGraph, type WeightSource } from "./inference.ts";
export { growSnapshot } from "./grow-snapshot.ts";
export {
  findLearningRate,
  type RateRange,
  type RateRangeOptions,
  type RateTrial,
  readRange,
} from "./learning-rate-finder.ts";
export type { LogitGradients } from "./logit-gradients.ts";
export { listMask } from "./list-mask.ts";
export { type ModelCost, modelCost } from "./model-cost.ts";
export { estimateMemory, type MemoryLine, ModelWeights } from "./model-weights.ts";
export { defaultMonitor, monitoredValue } from "./monitor.ts";
export { type MultiTaskOptions, multiTaskOptions } from "./multi-task/options.ts";
export type { TaskRecord } from "./multi-task/task-meter.ts";
export { type OptimizerOptions, optimizerOptions } from "./optimizer-options.ts";
export { type RankingLossOptions, rankingLossOptions } from "./ranking-loss-options.ts";
export {
  type HistoryStages,
  type SearchStages,
  type SearchStagesOptions,
  searchStages,
  type StageGraph,
} from "./search-stages.ts";
export { PlateauSchedule, type ScheduleOptions, scheduleOptions } from "./schedule.ts";
export { measureDomains, rowsById, selectRows } from "./slices.ts";
export { restoreSnapshot, type Snapshot, takeSnapshot, weightViews } from "./snapshot.ts";
export { Learner, type LearnerOptions, optimizersOf, positionsFor } from "./step.ts";
export type { SymbolicBatch } from "./symbolic-batch.ts";
export { type ForkMergeOptions, forkMergeOptions } from "./fork-merge/options.ts";
export type { MergeRecord } from "./fork-merge/merge.ts";
export { defaultObjective } from "./objective.ts";
export { matchesPath } from "./path-pattern.ts";
export { type PhaseOptions, phaseOptions } from "./phases/options.ts";
export { type StreamingOptions, streamingOptions } from "./streaming/options.ts";
export type { StreamRecord } from "./streaming/stream-training.ts";
export { prequential } from "./streaming/window-metrics.ts";
export { negativeWeight, restoreNegatives } from "./thinned-negatives.ts";
export { train } from "./train.ts";
export type { TrainInput, TrainResult } from "./train-input.ts";
export { type TrainingOptions, trainingOptions } from "./training-options.ts";
export { cloneWeights, mixWeights, restoreWeights, type WeightTree } from "./weight-tree.ts";
