/** What a loss over a whole batch reads: rows compared with each other, all of them or those of one group. */
import {
  cast,
  equal,
  expandDims,
  gather,
  greater,
  log,
  maximum,
  not,
  positionsOf,
  sum,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export interface RankingBatch {
  /** `[batch]`. */
  readonly logits: Tensor;
  /** `[batch]`, positive above 0.5. */
  readonly labels: Tensor;
  /** `[batch]`, at least 0. @default all 1 */
  readonly weights?: Tensor;
  /** int32 `[batch]`: only rows of equal value are compared. @default all are */
  readonly groups?: Tensor;
  /** Tells dimensions of several labels' graphs apart. @default "label" */
  readonly name?: string;
}

/** Positions of the positive and of the negative rows, and how many there are (rank 0). */
export interface ClassRows {
  readonly positives: Tensor;
  readonly negatives: Tensor;
  readonly positiveCount: Tensor;
  readonly negativeCount: Tensor;
}

export function classRows({ labels, name = "label" }: Pick<RankingBatch, "labels" | "name">): ClassRows {
  const positive = greater(labels, 0.5);
  return {
    positives: positionsOf(positive, `positives.${name}`),
    negatives: positionsOf(not(positive), `negatives.${name}`),
    positiveCount: sum(cast(positive, "float32")),
    negativeCount: sum(cast(not(positive), "float32")),
  };
}

/** 1 for positive rows, else 0: float32 `[batch]`. */
export function positiveMask(labels: Tensor): Tensor {
  return cast(greater(labels, 0.5), "float32");
}

/** 1 where two rows have one group: float32 `[rows, columns]`. */
export function sameGroup(groups: Tensor, rows: Tensor | undefined, columns: Tensor | undefined): Tensor {
  const [a, b] = [rows, columns].map((index) => (index === undefined ? groups : gather(groups, index)));
  return cast(equal(expandDims(a, 1), expandDims(b, 0)), "float32");
}

/** `ln w`, where a weight of 0 leaves a row out of a sum of exponentials. */
export function logWeights(weights: Tensor): Tensor {
  return log(maximum(weights, 1e-30));
}
