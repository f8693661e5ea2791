/**
 * Parts of a split on which a model may do worse than its average says: rows of items and users that training
 * did not show, and of values that it showed seldom. Vocabularies are ordered by descending count in the
 * training split, so an id says how popular its value was.
 */
import {
  type EncodedBatch,
  FIRST_VALUE_ID,
  type FeatureMap,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
} from "../schema/index.ts";
import { measure, selectRows, type SplitPredictions } from "../training/index.ts";
import type { ReportSlices } from "./report-input.ts";

/** A feature whose values are told apart by how often training showed them. */
interface SlicedFeature {
  readonly name: string;
  readonly vocabularySize: number;
}

interface Predictor {
  predict(batch: EncodedBatch): Promise<{ [label: string]: Float32Array }>;
}

/** Vocabularies smaller than this have no tail to speak of. */
const SMALLEST = 30;
/** Rows below which a slice's metrics would be noise. */
const FEWEST_ROWS = 20;
const METRICS = ["auc", "log_loss", "calibration_ratio"];

/** The user's and the item's features, as far as the map tells which they are. */
export function slicedFeatures({ features, encoders, group }: FeatureMap): SlicedFeature[] {
  const known = features.flatMap((feature) => {
    if (feature.kind !== "categorical") return [];
    const { vocabulary } = encoders[feature.encoder];
    if (vocabulary.type !== "list" || vocabulary.values.length < SMALLEST) return [];
    return [{ name: feature.name, column: feature.column, vocabularySize: vocabulary.values.length }];
  });
  const user = known.find(({ column }) => column === group);
  const target = features.find((feature) => feature.kind === "sequence" && feature.target !== undefined);
  const item =
    known.find(({ name }) => target?.kind === "sequence" && name === target.target) ??
    known
      .filter((feature) => feature !== user)
      .reduce<(typeof known)[number] | undefined>(
        (largest, feature) =>
          largest !== undefined && largest.vocabularySize >= feature.vocabularySize ? largest : feature,
        undefined,
      );
  return [item, user].filter((feature) => feature !== undefined);
}

/** Notes ids of some features down while a split is predicted. */
export class SliceWatch {
  readonly #features: readonly SlicedFeature[];
  readonly #ids: ReadonlyMap<string, Int32Array>;
  #at = 0;

  constructor(map: FeatureMap, rows: number) {
    this.#features = slicedFeatures(map);
    this.#ids = new Map(this.#features.map(({ name }) => [name, new Int32Array(rows)]));
  }

  watch(predictor: Predictor): Predictor {
    return {
      predict: (batch) => {
        for (const [name, ids] of this.#ids) ids.set(batch.columns[name] as Int32Array, this.#at);
        this.#at += batch.size;
        return predictor.predict(batch);
      },
    };
  }

  /** Metrics of each part that has rows enough, by feature and label. */
  measure(model: string, split: string, predictions: SplitPredictions): ReportSlices[] {
    return this.#features.flatMap(({ name, vocabularySize }) => {
      const ids = this.#ids.get(name) as Int32Array;
      const parts = partsOf(vocabularySize).flatMap(({ title, holds }) => {
        const rows = rowsWhere(ids, holds);
        if (rows.length < FEWEST_ROWS) return [];
        return [{ title, rows: rows.length, evaluation: measure(selectRows(predictions, rows), METRICS) }];
      });
      if (parts.length < 2) return [];
      return Object.keys(predictions.byLabel).map(
        (label): ReportSlices => ({
          model,
          label,
          split,
          by: name,
          slices: parts.map(({ title, rows, evaluation }) => ({
            name: title,
            rows,
            metrics: evaluation.metrics[label] ?? {},
            oracle: evaluation.oracle[label],
          })),
        }),
      );
    });
  }
}

interface Part {
  readonly title: string;
  readonly holds: (id: number) => boolean;
}

/** By rank in the vocabulary: a tenth is the head, half the tail. */
function partsOf(vocabularySize: number): Part[] {
  const head = FIRST_VALUE_ID + Math.ceil(vocabularySize / 10);
  const tail = FIRST_VALUE_ID + Math.ceil(vocabularySize / 2);
  return [
    { title: "most frequent tenth of values", holds: (id) => id >= FIRST_VALUE_ID && id < head },
    { title: "next four tenths", holds: (id) => id >= head && id < tail },
    { title: "rarest half", holds: (id) => id >= tail },
    { title: "new to training", holds: (id) => id === OUT_OF_VOCABULARY_ID },
    { title: "missing", holds: (id) => id === MISSING_ID },
  ];
}

function rowsWhere(ids: Int32Array, holds: (id: number) => boolean): number[] {
  const rows: number[] = [];
  for (let row = 0; row < ids.length; row++) if (holds(ids[row])) rows.push(row);
  return rows;
}
