export { type ClaimOptions, claimDirectory } from "./claim-directory.ts";
export {
  type ChangeConfig,
  type Config,
  type ConfigInput,
  configSchema,
  dataConfigOf,
  isRetrievalConfig,
  keysToCamelCase,
  keysToSnakeCase,
  modelNamed,
  parseConfig,
  readConfig,
  readConfigFile,
  withDataPaths,
  storedConfig,
} from "./config.ts";
export { type ParsedSetting, parseSetting } from "./setting.ts";
export { type FoldMetric, type FoldOptions, foldConfigs, foldMetrics } from "./cross-validation.ts";
export { EventLog, type EventLogOptions, eventFiles, readEvents, readEventsFrom } from "./event-log.ts";
export type { EventMessage, Histogram, SummaryValue } from "./event-message.ts";
export { exportForDevice, runWeights } from "./device-export.ts";
export { type FinishedRun, finishRun, type FinishRunOptions } from "./finish-run.ts";
export { runBefore } from "./run-before.ts";
export { histogramOf } from "./histogram.ts";
export {
  type CompareOptions,
  compareRows,
  type RecipeResult,
  type ResultComparison,
  type ResultPart,
  type ResultRow,
  readResult,
  readResults,
  recipeResult,
  resultRow,
  type Setting,
  writeResult,
} from "./results.ts";
export { comparisonCells, comparisonHead, type ResultLines, resultLines } from "./result-lines.ts";
export { drawPoints, type GridPoint, settingsGrid } from "./settings-grid.ts";
export { type System, systems } from "./systems.ts";
export { systemsTable } from "./systems-table.ts";
export {
  type Claim,
  overallVerdict,
  type PairedDifference,
  pairedDifference,
  type Verdict,
  verdictOf,
} from "./verdict.ts";
export { type ObservedValue, observeRun, type ObserveOptions } from "./observe-run.ts";
export { type NamedTable, OnnxPredictor, storeTables, withStoredTables } from "./predictor.ts";
export { noFinishedRun, type OpenRun, openRun, writeBundle } from "./run-directory.ts";
export { checkFiles, digestsOf, type RunBundle, readRunBundle } from "./run-bundle.ts";
export { runFiles } from "./run-files.ts";
export {
  readStatus,
  requestStop,
  type RunState,
  type RunStatus,
  StatusFile,
  stopRequested,
  withdrawStop,
} from "./run-status.ts";
export { applyTableSettings } from "./table-settings.ts";
export { metricValues, readRunMetrics, runMetrics, trainedMetrics } from "./run-metrics.ts";
export { holdRun, refuseHeldRun } from "./run-lock.ts";
export { buildModel, type RunMetrics, trainRun, type TrainRunOptions } from "./train-run.ts";
export { openTrainedPredictor, type TrainedPredictor } from "./trained-predictor.ts";
export { datasetOfRun } from "./run-dataset.ts";
export { encodingOf, historyOf, startOf } from "./stream-start.ts";
export { type StageFiles, writeStages } from "./stage-files.ts";
