/** What a retrieval model learns from users' lists of items, with small options: batches of the form it asks for. */
import type { z } from "zod";
import {
  idCatalogue,
  interactionSchema,
  type ItemLists,
  listPairs,
  objectiveOptions,
  packedBatches,
  pairBatches,
  type RetrievalDescription,
  retrievalObjective,
  type TrainRetrievalInput,
  trainingSource,
} from "../../src/retrieval/index.ts";

export interface LessonChoices {
  readonly users: readonly string[];
  readonly items: readonly string[];
  readonly historyLength: number;
  readonly lists: ItemLists;
  readonly objective: z.input<typeof objectiveOptions>;
  readonly batchSize: number;
}

export function retrievalLesson(description: RetrievalDescription, options: object, choices: LessonChoices) {
  const { users, items, historyLength, lists, batchSize } = choices;
  const map = interactionSchema({ users, items }, { historyLength });
  const model = description.create(map, options);
  const objective = retrievalObjective(objectiveOptions.parse(choices.objective));
  const catalogue = idCatalogue(items);
  const drawn = { catalogue, negatives: objective.negatives, batchSize };
  const batches =
    description.training === "sequences"
      ? packedBatches({ ...drawn, lists, length: historyLength })
      : pairBatches({ ...drawn, pairs: listPairs(lists, { historyLength }) });
  const parts = { model, map, catalogue, batches, objective } satisfies Partial<TrainRetrievalInput>;
  return { ...parts, source: trainingSource(parts) };
}
