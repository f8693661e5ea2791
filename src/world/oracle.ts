/** How well the truth itself predicts the labels: the ceiling of every model. */

export interface OracleFigures {
  readonly rows: number;
  /** Mean label. */
  readonly clickRate: number;
  /** Sum of probabilities over sum of labels; null without clicks. */
  readonly calibrationRatio: number | null;
  /** Mann-Whitney, ties half; null where one class is missing. */
  readonly auc: number | null;
  /** Natural logarithm, probabilities clipped at 1e-7. */
  readonly logLoss: number;
}

/**
 * AUC and log loss of known probabilities.
 *
 * @param probabilities,labels of the rows in `order`, which may be a part of them
 */
export function oracleFigures(
  probabilities: Float32Array,
  labels: Uint8Array,
  order: Int32Array,
): OracleFigures {
  const rows = order.length;
  let clicks = 0;
  let sum = 0;
  let loss = 0;
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  // The bits of positive floats sort like the floats; the label rides in the lowest place.
  const keys = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = order[i];
    const probability = probabilities[row];
    const label = labels[row];
    float[0] = probability;
    keys[i] = bits[0] * 2 + label;
    clicks += label;
    sum += probability;
    const clipped = Math.min(Math.max(probability, 1e-7), 1 - 1e-7);
    loss -= Math.log(label === 1 ? clipped : 1 - clipped);
  }
  keys.sort();
  // Each click beats the non-clicks below it, and half of those that tie with it.
  let below = 0;
  let wins = 0;
  for (let i = 0; i < rows; ) {
    const score = Math.floor(keys[i] / 2);
    let negatives = 0;
    let positives = 0;
    for (; i < rows && Math.floor(keys[i] / 2) === score; i++) {
      if (keys[i] % 2 === 1) positives++;
      else negatives++;
    }
    wins += positives * (below + negatives / 2);
    below += negatives;
  }
  const pairs = clicks * (rows - clicks);
  return {
    rows,
    clickRate: rows === 0 ? 0 : clicks / rows,
    calibrationRatio: clicks === 0 ? null : sum / clicks,
    auc: pairs === 0 ? null : wins / pairs,
    logLoss: rows === 0 ? 0 : loss / rows,
  };
}
