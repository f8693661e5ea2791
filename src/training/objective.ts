/** What a model is trained for unless somebody says otherwise. */
import { ConfigError, nearestName } from "../core/index.ts";
import {
  binaryCrossEntropy,
  combinedRankingLoss,
  domainBalancedWeights,
  squaredError,
} from "../losses/index.ts";
import { currentTrace } from "../module/index.ts";
import { add, mul, sub } from "../ops/index.ts";
import { DOMAIN_ENCODER, type ExposureWeight, type FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { exposureWeights } from "./exposure-weight.ts";
import { isRealLabel, type Objective } from "./graphs.ts";
import type { RankingLossOptions } from "./ranking-loss-options.ts";
import type { SymbolicBatch } from "./symbolic-batch.ts";
import type { TrainingOptions } from "./training-options.ts";

/**
 * Cross entropy of each binary label on its own logit, squared error of each real one; summed. Positive rows
 * weigh `positiveWeight` of their label times what the data say. With a ranking loss, cross entropy is combined
 * with it.
 *
 * @throws ConfigError when domains are to be balanced or groups to be ranked and the data have none, for groups
 *   that shuffling would tear apart, and for a ranking loss of labels that are not there or not binary
 */
export const defaultObjective = (
  map: FeatureMap,
  {
    domainBalance = false,
    rankingLoss,
    shuffle = false,
    streaming,
  }: Partial<Pick<TrainingOptions, "domainBalance" | "rankingLoss" | "shuffle" | "streaming">> = {},
): Objective => {
  if (rankingLoss !== undefined) checkRanking(map, rankingLoss);
  // A stream is read in stored order whatever `shuffle` says.
  if (rankingLoss?.within === "group" && shuffle && streaming === undefined) {
    throw new ConfigError(
      "ranking_loss.within: group compares rows of one group, and shuffled batches tear groups apart",
      {
        details: { within: "group", shuffle },
        hint: "store rows of a group together and say training.shuffle: false, or leave `within` out",
      },
    );
  }
  if (domainBalance && map.domain === undefined) {
    throw new ConfigError("domain_balance: the data have no domain", {
      hint: "name the domain's column as `domain` in the configuration",
    });
  }
  return (logits, batch) => {
    const given = map.weight === undefined ? undefined : batch.scalar("@weight");
    const weights = domainBalance
      ? domainBalancedWeights(batch.scalar("@domain"), map.encoders[DOMAIN_ENCODER].size, given)
      : given;
    const losses = Object.entries(logits).map(([name, logit]) => {
      const label = batch.scalar(name);
      if (isRealLabel(map, name)) return [name, squaredError(logit, label, weights)];
      const { positiveWeight = 1, exposureWeight } = map.labels.find((known) => known.name === name) ?? {};
      const exposed =
        exposureWeight === undefined
          ? weights
          : weighExposures(label, exposureWeights(batch, map, exposureWeight), { exposureWeight, weights });
      const own = weighPositives(label, positiveWeight, exposed);
      if (rankingLoss !== undefined && (rankingLoss.labels?.includes(name) ?? true)) {
        return [name, rankedLoss(rankingLoss, batch, { name, logits: logit, labels: label, weights: own })];
      }
      return [name, binaryCrossEntropy(logit, label, own)];
    });
    return Object.fromEntries(losses);
  };
};

function rankedLoss(
  { kind, alpha, within, pairs, focalGamma }: RankingLossOptions,
  batch: SymbolicBatch,
  rows: {
    readonly name: string;
    readonly logits: Tensor;
    readonly labels: Tensor;
    readonly weights: Tensor | undefined;
  },
): Tensor {
  const groups = within === "group" ? batch.scalar("@group") : undefined;
  const sampled = pairs === null ? undefined : { pairs, key: currentTrace().nextKey() };
  return combinedRankingLoss({ ...rows, groups }, { kind, alpha, focalGamma, sampled });
}

function checkRanking(map: FeatureMap, { within, pairs, kind, labels = [] }: RankingLossOptions): void {
  if (within === "group" && map.group === undefined) {
    throw new ConfigError("ranking_loss.within: the data have no group", {
      hint: "name the group's column as `group` in the configuration",
    });
  }
  if (pairs !== null && (kind !== "pair" || within === "group")) {
    throw new ConfigError("ranking_loss.pairs draws pairs of the whole batch, for `kind: pair` alone", {
      details: { kind, within },
      hint: "leave it out, so that all pairs count",
    });
  }
  const known = map.labels.filter(({ kind }) => kind === "binary").map(({ name }) => name);
  for (const name of labels) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new ConfigError(`ranking_loss.labels: the data have no binary label "${name}"`, {
      details: { name, known },
      hint: near === undefined ? `binary labels are ${known.join(", ")}` : `did you mean ${near}?`,
    });
  }
}

function weighExposures(
  label: Tensor,
  exposed: Tensor,
  {
    exposureWeight: { rows },
    weights,
  }: { readonly exposureWeight: ExposureWeight; readonly weights: Tensor | undefined },
): Tensor {
  const own = rows === "all" ? exposed : add(mul(sub(exposed, 1), sub(1, label)), 1);
  return weights === undefined ? own : mul(own, weights);
}

function weighPositives(
  label: Tensor,
  positiveWeight: number,
  weights: Tensor | undefined,
): Tensor | undefined {
  if (positiveWeight === 1) return weights;
  const own = add(mul(label, positiveWeight - 1), 1);
  return weights === undefined ? own : mul(own, weights);
}
