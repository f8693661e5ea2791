export { accuracy } from "./accuracy.ts";
export { ascendingOrder } from "./ascending-order.ts";
export { auc } from "./auc.ts";
export { averagePrecision } from "./average-precision.ts";
export {
  type BinaryMetric,
  type BinaryMetricFamily,
  binaryMetrics,
  defaultBinaryMetrics,
  evaluateBinary,
  type MetricNeed,
  parseBinaryMetric,
} from "./binary-metrics.ts";
export {
  type CalibrationBin,
  calibrationCurve,
  calibrationGap,
  DEFAULT_CALIBRATION_BINS,
} from "./calibration-curve.ts";
export { calibrationRatio } from "./calibration-ratio.ts";
export { eventRetrieval, type EventRetrieval, type ScoredEvents } from "./event-retrieval.ts";
export { expectedCalibrationError } from "./expected-calibration-error.ts";
export { type ExpertOutput, expertCovariance } from "./expert-covariance.ts";
export { feedbackBalance, feedbackBins, type FeedbackRows, rowsInBin } from "./feedback-balance.ts";
export { evaluateFullRanking, FullRankingEvaluation, type FullRankingOptions } from "./full-ranking.ts";
export { groupAuc } from "./group-auc.ts";
export { groupRanking, type GroupRankingOptions } from "./group-ranking.ts";
export { type GroupedRows, groupRows } from "./group-rows.ts";
export { hitRateAtK } from "./hit-rate.ts";
export { crossEntropy, logLoss, PROBABILITY_CLIP } from "./log-loss.ts";
export { type ParsedMetricName, parseMetricName } from "./metric-name.ts";
export type { MetricValue } from "./metric-value.ts";
export { crossTaskLevels, multiAuc, type MultiAucOptions } from "./multi-auc.ts";
export { ndcgAtK } from "./ndcg.ts";
export { normalizedEntropy } from "./normalized-entropy.ts";
export { type RankedPositives, type RankingTask, rankPositives } from "./rank-positives.ts";
export { type RankingMetric, type RankingMetricFamily, rankingMetrics } from "./ranking-metrics.ts";
export { recallAtK } from "./recall.ts";
export { reciprocalRank } from "./reciprocal-rank.ts";
export { meanAbsoluteError, rootMeanSquaredError } from "./regression-error.ts";
export { type ScoreBin, scoreDistribution } from "./score-distribution.ts";
export type { NumericArray, ScoredRows } from "./scored-rows.ts";
export { transferGain } from "./transfer-gain.ts";
export {
  type CandidateValues,
  hardRecall,
  kendallTau,
  softRecall,
  topPlaces,
  valueDivergence,
} from "./funnel.ts";
