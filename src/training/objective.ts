/** What a model is trained for unless somebody says otherwise. */
import { ConfigError } from "../core/index.ts";
import { binaryCrossEntropy, domainBalancedWeights, squaredError } from "../losses/index.ts";
import { add, mul } from "../ops/index.ts";
import { DOMAIN_ENCODER, type FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { isRealLabel, type Objective } from "./graphs.ts";
import type { TrainingOptions } from "./training-options.ts";

/**
 * Cross entropy of each binary label on its own logit, squared error of each real one; summed. Positive rows
 * weigh `positiveWeight` of their label times what the data say.
 *
 * @throws ConfigError when domains are to be balanced and the data have none
 */
export const defaultObjective = (
  map: FeatureMap,
  { domainBalance = false }: Partial<Pick<TrainingOptions, "domainBalance">> = {},
): Objective => {
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
      const { positiveWeight = 1 } = map.labels.find((known) => known.name === name) ?? {};
      return [name, binaryCrossEntropy(logit, label, weighPositives(label, positiveWeight, weights))];
    });
    return Object.fromEntries(losses);
  };
};

function weighPositives(
  label: Tensor,
  positiveWeight: number,
  weights: Tensor | undefined,
): Tensor | undefined {
  if (positiveWeight === 1) return weights;
  const own = add(mul(label, positiveWeight - 1), 1);
  return weights === undefined ? own : mul(own, weights);
}
