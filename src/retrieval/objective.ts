/** What retrieval models minimise: a loss of the contest, and which negatives it needs to be drawn. */
import { z } from "zod";
import type { Tensor } from "../tensor/index.ts";
import { bprLoss, bprOptions } from "./bpr.ts";
import { binaryLoss, binaryOptions } from "./binary.ts";
import type { Contest } from "./contest.ts";
import { cosineContrastiveLoss, cosineContrastiveOptions } from "./cosine-contrastive.ts";
import type { NegativePlan } from "./training-batches.ts";
import { sampledSoftmaxLoss, softmaxOptions } from "./sampled-softmax.ts";

/** An objective by name with its options, as a configuration holds it. */
export const objectiveOptions = z.discriminatedUnion("name", [
  bprOptions,
  binaryOptions,
  softmaxOptions,
  cosineContrastiveOptions,
]);

export type ObjectiveOptions = z.output<typeof objectiveOptions>;

export interface RetrievalObjective {
  readonly negatives: NegativePlan;
  /** From the contest to named scalar losses; their sum is minimised. */
  loss(contest: Contest): { readonly [name: string]: Tensor };
}

export function retrievalObjective(options: ObjectiveOptions): RetrievalObjective {
  switch (options.name) {
    case "bpr":
      return {
        negatives: {
          count: options.negatives,
          shared: options.shared,
          distribution: options.distribution,
          // Absent where it is off, so that older interrupted runs are the same runs.
          leaveOutTaken: options.leaveOutTaken || undefined,
        },
        loss: (contest) => bprLoss(contest, options),
      };
    case "binary":
      return {
        negatives: { count: options.negatives, shared: false, distribution: options.distribution },
        loss: (contest) => binaryLoss(contest),
      };
    case "softmax":
      return {
        negatives: {
          count: options.negatives,
          shared: true,
          distribution: options.distribution,
          // Absent where it is off, so that older interrupted runs are the same runs.
          leaveOutTaken: options.leaveOutTaken || undefined,
          inBatch: options.inBatch,
          correction: options.logQ,
        },
        loss: (contest) => sampledSoftmaxLoss(contest, options),
      };
    case "cosine_contrastive":
      return {
        negatives: {
          count: options.negatives,
          shared: true,
          distribution: options.distribution,
          leaveOutTaken: options.leaveOutTaken || undefined,
        },
        loss: (contest) => cosineContrastiveLoss(contest, options),
      };
  }
}
