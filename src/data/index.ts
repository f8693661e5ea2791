export { openSource } from "./source.ts";
export type {
  JoinSpec,
  RawColumn,
  RawSource,
  RowPlace,
  SourceFormat,
  SourceNote,
  SourceQuery,
  SourceSpec,
} from "./source-spec.ts";
export type { DerivedConfigInput } from "./derived-config.ts";
export { type FilesConfig, type JoinConfig, sourceSpecOf } from "./source-config.ts";
export type { GrowthRule } from "./grow.ts";
export { queryRow, queryRows, sqlName, sqlText, sqlTextList } from "./source-sql.ts";
export { expandFiles, literalPath } from "./source-files.ts";
export { type InspectOptions, type InspectReport, inspect } from "./inspect.ts";
export { configFromInspection, type InspectConfigOptions, inspectionYaml } from "./inspect-config.ts";
export type { ColumnGuess, Guess } from "./inspect-guess.ts";
export type { LabelChoice } from "./inspect-label.ts";
export type { LeakSignal } from "./inspect-leak.ts";
export type { ColumnProfile, ListProfile, NumberProfile, TopValue } from "./inspect-profile.ts";
export { inspectionText } from "./inspect-text.ts";
export { arraySource } from "./array-source.ts";
export {
  type DataProgress,
  type EncodedSource,
  type EncodeForMapOptions,
  type EncodingReport,
  encodeForMap,
  openDataset,
  type PreparedDataset,
  type PrepareDatasetOptions,
  type PrepareOptions,
  prepareDataset,
} from "./dataset.ts";
export type { FeatureReport } from "./column-makers.ts";
export type { StoredSplit } from "./encode-splits.ts";
export type { StoredPart } from "./part-writer.ts";
export type { EncoderReport } from "./fit.ts";
export type { SplitName } from "./split.ts";
export { configError } from "./config-error.ts";
export {
  type DataConfig,
  type DataConfigInput,
  dataConfigSchema,
  dataConfigShape,
  type DerivedConfig,
  type FeatureConfig,
  type LabelConfig,
  parseDataConfig,
} from "./config.ts";
export { type ValidateOptions, validate } from "./validate.ts";
export {
  type Effect,
  type Problem,
  type ProblemExample,
  type Severity,
  type SplitSummary,
  type ValidationReport,
  validationText,
} from "./validate-report.ts";
export { type WriteScoresOptions, writeScores } from "./score-file.ts";
export { readVectors, type ValueVector } from "./vector-table.ts";
export { type RawTable, readTable } from "./read-table.ts";
