/** One training step as objectives see it: queries, what each user took, and what it is compared with. */
import type { SymbolicBatch } from "../training/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { ITEM_NUMBER, roleColumn } from "./catalogue.ts";
import { ItemView } from "./item-view.ts";
import type { Queries, RetrievalModel } from "./retrieval-model.ts";
import { CORRECTION, TAKEN, type TrainingBatches } from "./training-batches.ts";

export interface Contest extends Queries {
  readonly model: RetrievalModel;
  /** The item each query's user took: `[queries, ...itemShape]`. */
  readonly positives: Tensor;
  /** Drawn items `[negatives, ...itemShape]`: shared by all queries, or each query's own one after the other. */
  readonly negatives: Tensor | undefined;
  /** Negatives of one query where it has its own; 0 where they are shared. */
  readonly own: number;
  /** Item numbers, int32 `[queries]`. */
  readonly positiveNumbers: () => Tensor;
  /** Item numbers, int32 `[negatives]`. */
  readonly negativeNumbers: () => Tensor;
  /** Places among the drawn items that hold items of the query's user, int32 `[queries, places]`, -1 ends them; undefined where they count as negatives. */
  readonly takenPlaces: (() => Tensor) | undefined;
  /** `log E[times the item is among the candidates]`, float32 `[queries]`. */
  readonly positiveCorrection: () => Tensor;
  /** The same of the negatives, float32 `[negatives]`. */
  readonly negativeCorrection: () => Tensor;
}

export function contestOf(
  model: RetrievalModel,
  batch: SymbolicBatch,
  {
    positivesPerRow,
    negativesPerRow,
    own,
    takenPlaces,
  }: Pick<TrainingBatches, "positivesPerRow" | "negativesPerRow" | "own" | "takenPlaces">,
): Contest {
  const positive = new ItemView(batch, "positive", positivesPerRow);
  const negative = new ItemView(batch, "negative", negativesPerRow);
  const flat = (role: "positive" | "negative", column: string) => () =>
    batch.vector(roleColumn(role, column)).reshape([-1]);
  return {
    ...model.queries(batch),
    model,
    positives: model.items(positive),
    negatives: negativesPerRow === 0 ? undefined : model.items(negative),
    own,
    positiveNumbers: flat("positive", ITEM_NUMBER),
    negativeNumbers: flat("negative", ITEM_NUMBER),
    takenPlaces:
      takenPlaces === 0
        ? undefined
        : () => batch.vector(roleColumn("negative", TAKEN)).reshape([-1, takenPlaces]),
    positiveCorrection: flat("positive", CORRECTION),
    negativeCorrection: flat("negative", CORRECTION),
  };
}
