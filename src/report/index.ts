export { type AnalysisPageInput, analysisSections, renderAnalysis } from "./analysis-page.ts";
export { renderReport } from "./render-report.ts";
export type {
  ReportCalibration,
  ReportCommand,
  ReportComparison,
  ReportCurves,
  ReportEvaluation,
  ReportFacts,
  ReportFeature,
  ReportInput,
  ReportScores,
  ReportSpectrum,
} from "./report-input.ts";
export { gatherReport, type RunReportOptions, type RunSplits, writeRunReport } from "./run-report.ts";
export { type ImportanceOptions, permutationImportance } from "./feature-importance.ts";
