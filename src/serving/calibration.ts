/**
 * Calibration of probabilities after training, fitted on predictions and labels of a split that was not
 * trained on. Both maps are monotone, so a single label's order stays; sums and products of several change.
 *
 *     Platt      p' = sigmoid(a * logit(p) + b), by maximum likelihood (J. Platt, "Probabilistic Outputs
 *                for Support Vector Machines", 1999, with logits for margins and labels as they are)
 *     isotonic   the monotone step function of least squares (pool adjacent violators; Ayer et al. 1955),
 *                linear between the means of its pools
 */
import { z } from "zod";
import { DataError, logOdds, sigmoid } from "../core/index.ts";
import { readChecked } from "../core/node/index.ts";

export type Calibrator =
  | { readonly kind: "platt"; readonly slope: number; readonly intercept: number }
  | {
      readonly kind: "isotonic";
      /** Ascending predictions, and what each becomes; linear between, constant outside. */
      readonly from: readonly number[];
      readonly to: readonly number[];
    };

export type Calibrators = { readonly [label: string]: Calibrator };

const calibratorSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("platt"), slope: z.number(), intercept: z.number() }),
  z
    .strictObject({
      kind: z.literal("isotonic"),
      from: z.array(z.number()).min(1),
      to: z.array(z.number()).min(1),
    })
    .refine(({ from, to }) => from.length === to.length, "expected as many values in `to` as in `from`")
    .refine(({ from }) => from.every((p, k) => k === 0 || p >= from[k - 1]), "expected `from` to ascend"),
]);
const calibratorsSchema = z.record(z.string(), calibratorSchema);

/** Calibrators as a file holds them: JSON by label. @throws DataError where they are none */
export function readCalibrators(path: string): Calibrators {
  return readChecked(path, calibratorsSchema, "`millrace calibrate RUN -o FILE` writes one");
}

/** Calibrates in place. */
export function calibrate(calibrator: Calibrator, values: Float32Array): void {
  for (let k = 0; k < values.length; k++) values[k] = calibrated(calibrator, values[k]);
}

function calibrated(calibrator: Calibrator, p: number): number {
  if (calibrator.kind === "platt") {
    return sigmoid(calibrator.slope * logit(p) + calibrator.intercept);
  }
  const { from, to } = calibrator;
  let low = 0;
  let high = from.length - 1;
  if (p <= from[low]) return to[low];
  if (p >= from[high]) return to[high];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (from[middle] <= p) low = middle;
    else high = middle;
  }
  return to[low] + ((to[high] - to[low]) * (p - from[low])) / (from[high] - from[low]);
}

/**
 * Platt's two numbers by Newton's method on the mean cross entropy.
 *
 * @throws DataError when labels are of one class, or counts differ
 */
export function fitPlatt(predictions: ArrayLike<number>, labels: ArrayLike<number>): Calibrator {
  checkLabels(predictions, labels);
  const x = Float64Array.from(predictions, logit);
  let slope = 1;
  let intercept = 0;
  for (let step = 0; step < 100; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-9, 0, 1e-9];
    for (let k = 0; k < x.length; k++) {
      const p = sigmoid(slope * x[k] + intercept);
      const weight = p * (1 - p);
      ga += (p - labels[k]) * x[k];
      gb += p - labels[k];
      haa += weight * x[k] * x[k];
      hab += weight * x[k];
      hbb += weight;
    }
    const determinant = haa * hbb - hab * hab;
    const da = (hbb * ga - hab * gb) / determinant;
    const db = (haa * gb - hab * ga) / determinant;
    // Far from the optimum a full step can overshoot.
    const damping = Math.min(1, 2 / Math.max(Math.abs(da), Math.abs(db), 1e-12));
    slope -= damping * da;
    intercept -= damping * db;
    if (Math.abs(da) + Math.abs(db) < 1e-10) break;
  }
  return { kind: "platt", slope, intercept };
}

/**
 * Isotonic regression by pooling adjacent violators, in O(n log n).
 *
 * @throws DataError when labels are of one class, or counts differ
 */
export function fitIsotonic(predictions: ArrayLike<number>, labels: ArrayLike<number>): Calibrator {
  checkLabels(predictions, labels);
  const order = Array.from(predictions, (_, k) => k).sort((a, b) => predictions[a] - predictions[b]);
  const pools: { rows: number; labels: number; predictions: number }[] = [];
  for (const k of order) {
    pools.push({ rows: 1, labels: labels[k], predictions: predictions[k] });
    for (;;) {
      const last = pools.at(-1);
      const before = pools.at(-2);
      if (last === undefined || before === undefined) break;
      // Equal predictions belong together, whatever their labels.
      const tie = last.predictions / last.rows === before.predictions / before.rows;
      if (!tie && before.labels / before.rows < last.labels / last.rows) break;
      before.rows += last.rows;
      before.labels += last.labels;
      before.predictions += last.predictions;
      pools.pop();
    }
  }
  return {
    kind: "isotonic",
    from: pools.map(({ rows, predictions: sum }) => sum / rows),
    to: pools.map(({ rows, labels: sum }) => sum / rows),
  };
}

function checkLabels(predictions: ArrayLike<number>, labels: ArrayLike<number>): void {
  if (predictions.length !== labels.length) {
    throw new DataError(`${predictions.length} predictions and ${labels.length} labels`);
  }
  let positives = 0;
  for (let k = 0; k < labels.length; k++) positives += labels[k];
  if (positives > 0 && positives < labels.length) return;
  throw new DataError("calibration needs positive and negative labels", {
    details: { rows: labels.length, positives },
  });
}

/** Clipped where float32 probabilities end. */
function logit(p: number): number {
  return logOdds(Math.min(Math.max(p, 1e-7), 1 - 1e-7));
}
