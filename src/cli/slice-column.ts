/** Metrics by value of one encoded column: rows are told apart by the ids that the model was given. */
import { ConfigError, nearestName } from "../core/index.ts";
import {
  DOMAIN_ENCODER,
  type EncodedBatch,
  FIRST_VALUE_ID,
  type FeatureMap,
  MISSING_ID,
} from "../schema/index.ts";
import { type Evaluation, measure, rowsById, selectRows, type SplitPredictions } from "../training/index.ts";

export interface Slice {
  /** The raw value's canonical text, `missing` or `unknown`. */
  readonly value: string;
  readonly evaluation: Evaluation;
}

interface Predictor {
  predict(batch: EncodedBatch): Promise<{ [label: string]: Float32Array }>;
}

/** Most values that get lines of their own. */
const MOST_SLICES = 100;

export class SliceColumn {
  readonly #column: string;
  readonly #nameOf: (id: number) => string;
  #ids = new Int32Array(0);

  /** @throws ConfigError when the name is neither a categorical feature nor `domain` where there is one */
  constructor(map: FeatureMap, name: string) {
    const feature = map.features.find((candidate) => candidate.name === name);
    if (feature?.kind === "categorical") {
      this.#column = name;
      this.#nameOf = valueNames(map, feature.encoder);
    } else if (feature?.kind === "bucket") {
      this.#column = name;
      this.#nameOf = bucketNames(feature.boundaries);
    } else if (name === "domain" && map.domain !== undefined) {
      this.#column = "@domain";
      this.#nameOf = valueNames(map, DOMAIN_ENCODER);
    } else {
      const known = map.features.filter(({ kind }) => kind === "categorical" || kind === "bucket");
      const role = map.domain === undefined ? [] : ["domain"];
      const names = [...new Set([...known.map((candidate) => candidate.name), ...role])];
      const near = nearestName(name, names);
      throw new ConfigError(
        `--by ${name}: ${feature === undefined ? "there is no such feature" : `${name} is ${feature.kind}, not categorical`}`,
        {
          details: { by: name, known: names },
          hint: near === undefined ? `one of ${names.join(", ")}` : `did you mean ${near}?`,
        },
      );
    }
  }

  /** The predictor, with the column's ids noted down on the way. */
  watch(predictor: Predictor, rows: number): Predictor {
    this.#ids = new Int32Array(rows);
    let at = 0;
    return {
      predict: (batch) => {
        this.#ids.set(batch.columns[this.#column] as Int32Array, at);
        at += batch.size;
        return predictor.predict(batch);
      },
    };
  }

  /** The most frequent values first. */
  measure(split: SplitPredictions, metrics: readonly string[] | undefined): Slice[] {
    return rowsById(this.#ids)
      .slice(0, MOST_SLICES)
      .map(([id, rows]) => ({
        value: this.#nameOf(id),
        evaluation: measure(selectRows(split, rows), metrics),
      }));
  }
}

function valueNames(map: FeatureMap, encoder: string): (id: number) => string {
  const { vocabulary } = map.encoders[encoder];
  return (id) => {
    if (id === MISSING_ID) return "missing";
    if (id < FIRST_VALUE_ID) return "unknown";
    return vocabulary.type === "list"
      ? vocabulary.values[id - FIRST_VALUE_ID]
      : `bucket ${id - FIRST_VALUE_ID}`;
  };
}

function bucketNames(boundaries: readonly number[]): (id: number) => string {
  return (id) => {
    if (id < FIRST_VALUE_ID) return "missing";
    const from = boundaries[id - FIRST_VALUE_ID - 1];
    const to = boundaries[id - FIRST_VALUE_ID];
    return `${from === undefined ? "" : `≥ ${from}`}${from !== undefined && to !== undefined ? ", " : ""}${to === undefined ? "" : `< ${to}`}`;
  };
}
