/** Studies of trained models. */
export {
  type AuditedTable,
  auditRun,
  type AuditRunOptions,
  auditTraining,
  type AuditTrainingOptions,
  type GradientAudit,
  GradientAuditor,
} from "./gradient-audit.ts";
export { type GradientPair, PairedGradients, type PairedGradientSummary } from "./paired-gradients.ts";
