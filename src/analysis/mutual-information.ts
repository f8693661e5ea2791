/**
 * What an event of a history tells about the label, by where it stands: the mutual information, in bits, of the label Y
 * with X, "the event at distance p has category b", over rows whose candidate has category c.
 *
 *     I(Y; X) = Σ_{x,y} P(x, y) log₂( P(x, y) / (P(x) P(y)) )
 *
 * Distance 1 is the latest event. Counts of 0 are taken as 1e-5, as in DARE's code (Feng et al., ICLR 2025,
 * arXiv:2410.02604), whose measure this is; rows whose history is shorter than p count as X = 0.
 */
import { DataError } from "../core/index.ts";

export interface HistoryRows {
  /** Category of each row's candidate. */
  readonly candidates: ArrayLike<number>;
  /** Categories of events, `[rows, length]`, oldest first, padding (0) behind. */
  readonly events: ArrayLike<number>;
  readonly length: number;
  /** 0 or 1. */
  readonly labels: ArrayLike<number>;
}

/** A quantity by category of the event (rows) and distance (columns). */
export interface RelevanceMap {
  /** Of the candidate. */
  readonly candidate: number;
  /** Categories of events, in the order of rows. */
  readonly categories: readonly number[];
  /** Columns are distances 1 … `distances`. */
  readonly distances: number;
  /** Row-major `[categories, distances]`. */
  readonly values: Float64Array;
}

export interface MapOptions {
  readonly candidate: number;
  readonly categories: readonly number[];
  readonly distances: number;
}

const absent = 1e-5;

/** @throws DataError when no row has the candidate */
export function mutualInformationMap(rows: HistoryRows, options: MapOptions): RelevanceMap {
  const { candidate, categories, distances } = options;
  const { candidates, events, length, labels } = rows;
  const position = new Map(categories.map((category, k) => [category, k]));
  const positives = new Float64Array(categories.length * distances);
  const negatives = new Float64Array(categories.length * distances);
  let [total, positive] = [0, 0];
  for (let row = 0; row < candidates.length; row++) {
    if (candidates[row] !== candidate) continue;
    total++;
    const label = labels[row] > 0;
    if (label) positive++;
    const last = lastEvent(events, row, length);
    for (let distance = 1; distance <= Math.min(distances, last); distance++) {
      const k = position.get(events[row * length + last - distance]);
      if (k !== undefined) (label ? positives : negatives)[k * distances + distance - 1]++;
    }
  }
  if (total === 0) throw new DataError("no row has the candidate's category", { details: { candidate } });
  const values = positives.map((with1, cell) =>
    information([with1, negatives[cell], positive - with1, total - positive - negatives[cell]]),
  );
  return { candidate, categories, distances, values };
}

/** Number of events of a row; they are never of id 0. */
export function lastEvent(events: ArrayLike<number>, row: number, length: number): number {
  let last = length;
  while (last > 0 && events[row * length + last - 1] === 0) last--;
  return last;
}

/** Bits, from counts of (x, y) = (1, 1), (1, 0), (0, 1), (0, 0). */
function information(counts: readonly number[]): number {
  const [a, b, c, d] = counts.map((count) => (count > 0 ? count : absent));
  const total = a + b + c + d;
  const term = (joint: number, x: number, y: number): number =>
    (joint / total) * Math.log2((joint * total) / (x * y));
  return term(a, a + b, a + c) + term(b, a + b, b + d) + term(c, c + d, a + c) + term(d, c + d, b + d);
}
