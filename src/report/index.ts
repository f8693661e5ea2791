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
