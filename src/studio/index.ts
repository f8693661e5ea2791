/** The studio: a local page over a folder of runs. */
export type {
  Claim,
  Claims,
  Comparison,
  DataEntry,
  DataList,
  EpochLine,
  FunnelStage,
  Inspection,
  Latency,
  RunCondition,
  RunCurves,
  RunDetail,
  RunKind,
  RunList,
  RunSummary,
  Scores,
  ServiceFunnel,
  ServingView,
  StudioInfo,
  Validation,
} from "./api.ts";
export type { ServingOptions } from "./serving-view.ts";
export { Studio, type StudioOptions } from "./studio.ts";
