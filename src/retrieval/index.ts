export { binaryLoss } from "./binary.ts";
export { bprLoss } from "./bpr.ts";
export { type Catalogue, idCatalogue, itemColumns, type ItemRole, roleColumn } from "./catalogue.ts";
export { isRetrievalConfig } from "../run/index.ts";
export {
  parseRetrievalConfig,
  readRetrievalConfig,
  type RetrievalConfig,
  type RetrievalConfigInput,
  retrievalConfigShape,
} from "./config.ts";
export { type Contest, contestOf } from "./contest.ts";
export type { Distribution } from "./distribution.ts";
export { encodeItems } from "./encode-items.ts";
export {
  encodedCatalogue,
  type EncodedPairs,
  encodedPairs,
  type EncodedPairsOptions,
} from "./encoded-pairs.ts";
export {
  evaluateRetrieval,
  type EvaluateRetrievalOptions,
  type RankingModel,
  type RetrievalTask,
  scoredUsers,
} from "./evaluate-retrieval.ts";
export { ExactIndex, type ExactIndexOptions } from "./exact-index.ts";
export { HnswGraph, HnswIndex, type HnswOptions, loadUsearch } from "./hnsw-index.ts";
export {
  currentVersion,
  type IndexContent,
  type IndexKind,
  type OpenedIndex,
  openIndex,
  writeIndex,
  type WriteIndexOptions,
} from "./index-files.ts";
export { interactionFeatures, interactionSchema } from "./interaction-schema.ts";
export { type Interactions, numberInteractions, type RawList } from "./interactions.ts";
export { type Candidates, type ItemIndex, ItemSubset, type SearchOptions } from "./item-index.ts";
export { ItemLists } from "./item-lists.ts";
export { ItemView } from "./item-view.ts";
export { listPairs, userRows } from "./list-pairs.ts";
export { AllowedKeys, type KeyCandidates, type KeySearchOptions, LiveIndex } from "./live-index.ts";
export { type IndexMeasure, measureIndex } from "./measure-index.ts";
export { retrievalModelNamed, retrievalModels } from "./models/catalogue.ts";
export {
  type RetrievalDescription,
  describeRetrieval,
  type TrainingForm,
} from "./models/describe-retrieval.ts";
export { GRU4Rec, type GRU4RecOptions } from "./models/gru4rec.ts";
export { HSTU, type HSTUOptions } from "./models/hstu.ts";
export { MF, type MFOptions } from "./models/mf.ts";
export { SASRec, type SASRecOptions } from "./models/sasrec.ts";
export { type Histories, SequenceModel } from "./models/sequence-model.ts";
export { TwoTower, type TwoTowerOptions } from "./models/two-tower.ts";
export { NegativeSampler } from "./negative-sampler.ts";
export {
  type ObjectiveOptions,
  objectiveOptions,
  retrievalObjective,
  type RetrievalObjective,
} from "./objective.ts";
export { packedBatches, type PackedBatchesOptions, packedColumns } from "./packed-batches.ts";
export { pairBatches, type PairBatchesOptions } from "./pair-batches.ts";
export type { PositivePairs } from "./pairs.ts";
export { prepareRetrieval, type RetrievalData } from "./prepare-retrieval.ts";
export { readInteractions, type ReadInteractionsOptions } from "./read-interactions.ts";
export { type Queries, RetrievalModel } from "./retrieval-model.ts";
export {
  finishRetrievalRun,
  holdsRetrievalRun,
  openRetrievalRun,
  type OpenRetrievalRun,
  retrievalFiles,
  type RetrievalMetrics,
  readRetrievalMetrics,
  retrievalMetrics,
  type TowerParts,
  trainRetrievalRun,
  type TrainRetrievalRunOptions,
} from "./retrieval-run.ts";
export {
  type PopularityTenth,
  type ProfileOptions,
  profileRetrieval,
  type RetrievalProfile,
} from "./profile-retrieval.ts";
export { sampledSoftmaxLoss, type SoftmaxOptions } from "./sampled-softmax.ts";
export { holdOut, type InteractionSplits, leaveOneOut } from "./splits.ts";
export { topItems } from "./top-items.ts";
export { scorerGraph, type Side, type TowerGraph, towerGraph } from "./tower-graph.ts";
export { LiveTowers, type Scorer, type Tower } from "./towers.ts";
export {
  type RetrievalEvent,
  type RetrievalTrainingOptions,
  retrievalTrainingOptions,
  trainRetrieval,
  type TrainRetrievalInput,
  type TrainRetrievalResult,
} from "./train-retrieval.ts";
export type { EpochOptions, NegativePlan, TrainingBatches } from "./training-batches.ts";
export { trainingSource, type TrainingSourceOptions } from "./training-source.ts";
export { weightSourceOf } from "./weight-source.ts";
export { type FactoredGraphs, factoredGraphs, type FactoredModel } from "./factored-towers.ts";
