/** Studies of trained models. */
export {
  type Collapse,
  collapseByVocabulary,
  collapseOf,
  meanOf,
  type VocabularyCollapse,
} from "./collapse.ts";
export {
  type AuditedTable,
  auditRun,
  type AuditRunOptions,
  auditTraining,
  type AuditTrainingOptions,
  type GradientAudit,
  GradientAuditor,
} from "./gradient-audit.ts";
export { type NamedMatrix, sideBySide, takeRows } from "./named-matrix.ts";
export { type GradientPair, PairedGradients, type PairedGradientSummary } from "./paired-gradients.ts";
export { type RunTable, type RunTableOptions, runTables } from "./run-tables.ts";
