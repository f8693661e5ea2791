/**
 * Ranking and learning on the device, in a page or a worker of it: `millrace/browser`. Nothing here needs Node.
 *
 *     const bundle = await loadBundle("/feed.millrace");
 *     const ranker = await Ranker.create(bundle);
 *     const feed = await ranker.rank({ context, candidates });
 */
export { ConfigError, DataError, EngineError, MillraceError } from "../core/index.ts";
export {
  type Engine,
  type WasmEngineOptions,
  wasmEngine,
  webgpuAvailable,
  type WebgpuEngineOptions,
  webgpuEngine,
} from "../engine/index.ts";
export type { MetricValue } from "../evaluation/index.ts";
export type { FeatureMap, RawRow, RawScalar, RawValue } from "../schema/index.ts";
export {
  type Bundle,
  type BundleSource,
  type LoadBundleOptions,
  loadBundle,
  type TrainableParts,
} from "./bundle.ts";
export { type DeviceStore, indexedDbStore, memoryStore } from "./device-store.ts";
export type { LocalEvent } from "./local-event.ts";
export {
  type RankedCandidate,
  Ranker,
  type RankerOptions,
  type RankRequest,
  type Scores,
} from "./ranker.ts";
export {
  ConflictError,
  type Learnt,
  type LearnOptions,
  type LocalEvaluation,
  type SaveOptions,
  Tuner,
  type TunerOptions,
  type TunerStart,
} from "./tuner.ts";
