/**
 * Retrieval models at one size, with their default options: 10,000 users and 10,000 items, histories of 50, each
 * target against 1,024 drawn items that a step's targets share. A step is 1,024 pairs of a user and an item, or 32
 * full rows of a next-item model: 1,600 targets.
 */
import { CounterRandom } from "../../src/core/index.ts";
import {
  idCatalogue,
  interactionSchema,
  ItemLists,
  listPairs,
  objectiveOptions,
  packedBatches,
  pairBatches,
  retrievalModels,
  retrievalObjective,
  trainingSource,
} from "../../src/retrieval/index.ts";
import type { Subject } from "./subject.ts";

export const retrievalSize = {
  users: 10_000,
  items: 10_000,
  length: 50,
  negatives: 1024,
  pairs: 1024,
  rows: 32,
} as const;

export function* retrievalSubjects(): Generator<Subject> {
  const { users, items, length, negatives, pairs, rows } = retrievalSize;
  const names = (count: number): string[] => Array.from({ length: count }, (_, k) => String(k));
  const map = interactionSchema({ users: names(users), items: names(items) }, { historyLength: length });
  const lists = ItemLists.from(
    Array.from({ length: users }, (_, u) => {
      const random = new CounterRandom(1, "user", u);
      return Array.from({ length: length + 1 }, (_, k) => random.integer(k, items));
    }),
  );
  const objective = retrievalObjective(objectiveOptions.parse({ name: "softmax", negatives, logQ: false }));
  const drawn = { catalogue: idCatalogue(names(items)), negatives: objective.negatives };
  for (const description of retrievalModels) {
    yield {
      name: description.name,
      build() {
        const model = description.create(map, {});
        const batches =
          description.training === "sequences"
            ? packedBatches({ ...drawn, lists, length, batchSize: rows })
            : pairBatches({ ...drawn, pairs: listPairs(lists, { historyLength: length }), batchSize: pairs });
        const [first, second] = batches.epoch({ seed: 1, epoch: 0 });
        return {
          source: trainingSource({ model, map, batches, objective }),
          batchSize: batches.batchSize,
          batches: [first, second],
        };
      },
    };
  }
}
