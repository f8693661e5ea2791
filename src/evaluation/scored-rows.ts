/**
 * The rows that pointwise and grouped metrics read: one prediction and one label a row. Checks name the
 * first offending row, so that a NaN in five million predictions can be found.
 */
import { ConfigError, DataError } from "../core/index.ts";

/** Typed arrays are meant; a plain array works too. */
export type NumericArray = ArrayLike<number>;

export interface ScoredRows {
  /** Probabilities, or any score where only the order counts; `[rows]`. */
  readonly predictions: NumericArray;
  /** `[rows]`; 0 or 1 unless a metric says otherwise. */
  readonly labels: NumericArray;
  /** Sample weights, finite and at least 0; `[rows]`. @default all 1 */
  readonly weights?: NumericArray;
  /** Integer id of each row's group (user, session, request); `[rows]`. */
  readonly groups?: NumericArray;
  /** Rows by ascending prediction as `ascendingOrder` gives them, where the caller has them already. */
  readonly order?: Uint32Array;
}

/**
 * @throws DataError when lengths differ, a prediction is NaN, or a weight is negative or not finite
 */
export function checkRows({ predictions, labels, weights, groups }: ScoredRows): void {
  const rows = predictions.length;
  for (const [name, array] of Object.entries({ labels, weights, groups })) {
    if (array !== undefined && array.length !== rows) {
      throw new DataError(`${rows} predictions but ${array.length} ${name}`, {
        details: { predictions: rows, [name]: array.length },
      });
    }
  }
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(predictions[row])) {
      throw new DataError(`prediction of row ${row} is NaN`, {
        details: { row },
        hint: "NaN predictions come from NaN weights or inputs: check the features of this row and the loss curve",
      });
    }
  }
  if (weights === undefined) return;
  for (let row = 0; row < rows; row++) {
    if (!(weights[row] >= 0 && weights[row] < Infinity)) {
      throw new DataError(`weight of row ${row} is ${weights[row]}; weights must be finite and at least 0`, {
        details: { row, weight: weights[row] },
      });
    }
  }
}

/** Also throws unless every label is 0 or 1. */
export function checkBinaryRows(rows: ScoredRows): void {
  checkRows(rows);
  const { labels } = rows;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    if (label !== 0 && label !== 1) {
      throw new DataError(`label of row ${row} is ${label}; this metric needs labels of 0 and 1`, {
        details: { row, label },
        hint: "give the label a threshold or list its positive values in the config",
      });
    }
  }
}

/** Also throws unless every prediction and every label lies in [0, 1]: soft labels are allowed. */
export function checkProbabilityRows(rows: ScoredRows): void {
  checkRows(rows);
  const { predictions, labels } = rows;
  for (let row = 0; row < labels.length; row++) {
    if (!(predictions[row] >= 0 && predictions[row] <= 1)) {
      throw new DataError(`prediction of row ${row} is ${predictions[row]}, not a probability in [0, 1]`, {
        details: { row, prediction: predictions[row] },
        hint: "apply the sigmoid to logits first",
      });
    }
    if (!(labels[row] >= 0 && labels[row] <= 1)) {
      throw new DataError(`label of row ${row} is ${labels[row]}; this metric needs labels in [0, 1]`, {
        details: { row, label: labels[row] },
      });
    }
  }
}

/** Also throws unless every prediction and every label is finite. */
export function checkFiniteRows(rows: ScoredRows): void {
  checkRows(rows);
  const { predictions, labels } = rows;
  for (let row = 0; row < labels.length; row++) {
    if (!Number.isFinite(predictions[row]) || !Number.isFinite(labels[row])) {
      throw new DataError(
        `row ${row} has prediction ${predictions[row]} and label ${labels[row]}; both must be finite`,
        {
          details: { row, prediction: predictions[row], label: labels[row] },
        },
      );
    }
  }
}

/** @throws ConfigError when a grouped metric is asked of rows without groups */
export function requireGroups(rows: ScoredRows, metric: string): NumericArray {
  if (rows.groups === undefined) {
    throw new ConfigError(`${metric} needs groups, and these rows have none`, {
      details: { metric },
      hint: "name the group column (such as the user id) in the config's `group`",
    });
  }
  return rows.groups;
}
