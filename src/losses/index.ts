export { binaryCrossEntropy } from "./binary-cross-entropy.ts";
export {
  type CombinedRanking,
  combinedRankingLoss,
  type RankingKind,
  rankingKinds,
} from "./combined-ranking.ts";
export { domainBalancedWeights } from "./domain-balance.ts";
export { exposureWeight, learnedProbability, withoutNegativeWeight } from "./exposure-weight.ts";
export { focalWeights } from "./focal.ts";
export { jointRankingLoss, mirroredLogits, type TwoLogits } from "./joint-ranking.ts";
export { contrastiveLoss, listwiseLoss } from "./listwise.ts";
export { pairwiseLoss, sampledPairwiseLoss } from "./pairwise.ts";
export type { RankingBatch } from "./ranking-batch.ts";
export { squaredError } from "./squared-error.ts";
