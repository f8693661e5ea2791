/** Repeated-exposure weights of a label's rows in a graph, from the feature that counts exposures. */
import type { Batch } from "../module/index.ts";
import { add, div, log, maximum, mul, squeeze, sub } from "../ops/index.ts";
import type { FeatureMap, Label } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";

type ExposureWeight = NonNullable<Label["exposureWeight"]>;

/** `1 + κ ln(1 + n)`, `[batch]`; where the count is missing, n is 0. The count is what the model sees: clipped. */
export function exposureWeights(batch: Batch, map: FeatureMap, { feature, kappa }: ExposureWeight): Tensor {
  const found = map.features.find(({ name }) => name === feature);
  if (found?.kind !== "numeric") throw new Error(`"${feature}" is no number of the feature map`);
  const { log: logged, mean, scale } = found.transform;
  const column = (name: string): Tensor => squeeze(batch.vector(name), 1);
  const value = add(div(column(feature), scale), mean);
  const present = sub(1, column(`${feature}.missing`));
  const logCount = logged ? maximum(value, 0) : log(add(maximum(value, 0), 1));
  return add(mul(mul(logCount, present), kappa), 1);
}
