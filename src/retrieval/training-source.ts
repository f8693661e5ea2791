/** What a learner compiles of a retrieval model: the batches' columns beside the schema's, a loss of contests. */
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import type { GraphSource, Objective } from "../training/index.ts";
import { contestOf } from "./contest.ts";
import type { RetrievalObjective } from "./objective.ts";
import type { RetrievalModel } from "./retrieval-model.ts";
import type { TrainingBatches } from "./training-batches.ts";

export interface TrainingSourceOptions {
  readonly model: RetrievalModel;
  readonly map: FeatureMap;
  readonly batches: Pick<
    TrainingBatches,
    "layout" | "positivesPerRow" | "negativesPerRow" | "own" | "takenPlaces"
  >;
  readonly objective: RetrievalObjective;
}

export function trainingSource({
  model,
  map,
  batches,
  objective,
}: TrainingSourceOptions): GraphSource & { readonly objective: Objective } {
  return {
    model,
    schema: map,
    layout: [...batchLayout(map), ...batches.layout],
    objective: (_, batch) => objective.loss(contestOf(model, batch, batches)),
  };
}
