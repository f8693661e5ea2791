export { type AnalysisPageInput, analysisSections, renderAnalysis } from "./analysis-page.ts";
export { renderReport } from "./render-report.ts";
export type {
  ReportCalibration,
  ReportCommand,
  ReportComparison,
  ReportCurves,
  ReportDifferences,
  ReportEvaluation,
  ReportFacts,
  ReportFeature,
  ReportImportance,
  ReportIndex,
  ReportInput,
  ReportRetrieval,
  ReportScores,
  ReportSlices,
  ReportSpectrum,
} from "./report-input.ts";
export { gatherRetrievalReport, type RetrievalReportOptions } from "./retrieval-report.ts";
export { gatherReport, type RunReportOptions, type RunSplits, writeRunReport } from "./run-report.ts";
export { differingKeys, flatSettings, type Settings } from "./flat-settings.ts";
export { type ImportanceOptions, permutationImportance } from "./feature-importance.ts";
