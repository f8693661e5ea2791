/** Studies of trained models. */
export {
  type Collapse,
  collapseByVocabulary,
  collapseOf,
  meanOf,
  type VocabularyCollapse,
} from "./collapse.ts";
export { type CollapseStudy, collapseOfMatrices, collapseOfRun } from "./collapse-study.ts";
export {
  type CandidateCorrelation,
  type CorrelationOptions,
  correlationOfRun,
  type CorrelationStudy,
} from "./correlation-study.ts";
export {
  type EntanglementOptions,
  entanglementOfRun,
  type EntanglementStudy,
} from "./entanglement-study.ts";
export {
  type DistanceSummary,
  histogramBins,
  type LabelledPairs,
  type PairKind,
  pairKinds,
  type PairPicture,
  pairPicture,
  type View,
  type ViewDistances,
  viewDistances,
  type ViewShift,
  viewShifts,
} from "./entanglement.ts";
export { expertsOfRun, type ExpertStudy } from "./expert-study.ts";
export {
  type AuditedTable,
  auditRun,
  type AuditRunOptions,
  auditTraining,
  type AuditTrainingOptions,
  type GradientAudit,
  GradientAuditor,
} from "./gradient-audit.ts";
export { learnedMap, observedMap, type RelevanceVectors } from "./learned-relevance.ts";
export {
  type HistoryRows,
  type MapOptions,
  mutualInformationMap,
  type RelevanceMap,
} from "./mutual-information.ts";
export { type NamedMatrix, sideBySide, takeRows } from "./named-matrix.ts";
export { type GradientPair, PairedGradients, type PairedGradientSummary } from "./paired-gradients.ts";
export { readMatrices } from "./read-matrices.ts";
export { readNpy } from "./read-npy.ts";
export { type RunTable, type RunTableOptions, runTables } from "./run-tables.ts";
export {
  crossSubEmbeddings,
  type FieldTable,
  fieldAwareSubEmbeddings,
  type SubEmbeddings,
} from "./sub-embeddings.ts";
export { type TaskGradientOptions, type TaskGradients, taskGradients } from "./task-gradients.ts";
export {
  type BalanceBin,
  type TaskOptions,
  tasksOfRun,
  type TaskStudy,
  type TransferGain,
} from "./task-study.ts";
export { type NotApplicable, type StudiedRun, type ToolName, toolNames } from "./tool.ts";
