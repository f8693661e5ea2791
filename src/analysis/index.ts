/** Studies of trained models. */
export {
  type Collapse,
  collapseByVocabulary,
  collapseOf,
  meanOf,
  type VocabularyCollapse,
} from "./collapse.ts";
export {
  type DistanceSummary,
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
export { type RunTable, type RunTableOptions, runTables } from "./run-tables.ts";
export {
  crossSubEmbeddings,
  type FieldTable,
  fieldAwareSubEmbeddings,
  type SubEmbeddings,
} from "./sub-embeddings.ts";
