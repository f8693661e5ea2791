/** Serving: runs and cascades over HTTP, or within a program of yours. */
export { type Calibrator, type Calibrators, calibrate, fitIsotonic, fitPlatt } from "./calibration.ts";
export {
  type CandidateQuery,
  type CandidateSource,
  type CandidateSourceContext,
  type SourceRefresh,
  candidateSources,
  type FoundCandidates,
  type MakeCandidateSource,
} from "./candidate-source.ts";
export {
  type CascadeObserver,
  type FallbackReason,
  type ModelRuns,
  rank,
  type RankAnswer,
  RequestError,
  UnavailableError,
} from "./cascade.ts";
export {
  type CascadeConfig,
  type CascadeConfigInput,
  cascadeSchema,
  type NamedCascade,
  parseCascade,
  readTarget,
  type TargetOptions,
} from "./cascade-config.ts";
export { BearerToken } from "./bearer-token.ts";
export { FeatureTable, type FeatureTableOptions } from "./feature-table.ts";
export { httpApp, type HttpAppOptions, isLoopback, listenAt } from "./http-app.ts";
export { type ErrorAnswer, errorAnswer, NotFoundError, parseBody } from "./http-error.ts";
export {
  type BatchEvent,
  InferencePool,
  type InferencePoolOptions,
  OverloadError,
  type Predictions,
} from "./inference-pool.ts";
export type { InferRequest, InferResponse, ModelMetadata } from "./open-inference.ts";
export { openApiDocument } from "./openapi.ts";
export { type RankRequest, type RankResponse, rankRequestSchema } from "./rank-api.ts";
export { Release, type ReleaseOptions } from "./release.ts";
export { type LogEntry, type ServeOptions, Server } from "./server.ts";
export { type ServerOptions, serverOptionsSchema } from "./server-options.ts";
export { type ReloadOutcome, Service } from "./service.ts";
export {
  firstProbability,
  meanProbability,
  type ThompsonOptions,
  type ThompsonRanking,
  thompsonRanking,
  type UncertainCandidate,
} from "./thompson.ts";
export { parseValueFormula, type ValueFormula } from "./value-formula.ts";
export { type Difference, type Verification, type VerifyOptions, verifyRun } from "./verify/verify-run.ts";
export { fingerprintOf, lookAt, type WatchOptions, watchServices } from "./watch.ts";
