/**
 * What a model has learnt of the relevance of events, by category and distance, in two ways.
 *
 * From its vectors (Pan et al., KDD 2024, arXiv:2403.00793): with c_b the vector of category b, p_j of distance j, and
 * (c_t, p_0) of the candidate,
 *
 *     A = softmax of the z-scores of ⟨c_b + p_j, c_t + p_0⟩,   V = ‖(c_b + p_j) ⊙ (c_t + p_0)‖₂,   M = A·V scaled to [0, 1]
 *
 * Or from what it shows on rows: the mean over events of a category at a distance of their attention weight, which
 * needs no knowledge of the model's formula; there is no value part in it.
 */
import { ShapeError } from "../core/index.ts";
import type { NamedMatrix } from "./named-matrix.ts";
import { type HistoryRows, lastEvent, type MapOptions, type RelevanceMap } from "./mutual-information.ts";

export interface RelevanceVectors {
  /** A row for each category, in the order of `MapOptions.categories`. */
  readonly categories: NamedMatrix;
  /** Of the candidate's category, `[dim]`. */
  readonly candidate: ArrayLike<number>;
  /** Rows 0 … distances: of the candidate, then of distances 1, 2, …; absent: distance plays no part. */
  readonly distances?: NamedMatrix;
  /** Category and candidate as they are represented, where other vectors attend; and their distances. */
  readonly values?: Omit<RelevanceVectors, "values">;
}

/** M by category and distance. @throws ShapeError when widths or rows do not fit */
export function learnedMap(vectors: RelevanceVectors, options: MapOptions): RelevanceMap {
  const scores = cells(vectors, options, dot);
  const norms = cells(vectors.values ?? vectors, options, productNorm);
  const weights = softmax(standardised(scores));
  const product = weights.map((weight, i) => weight * norms[i]);
  const [low, high] = [Math.min(...product), Math.max(...product)];
  const values = product.map((value) => (high === low ? 0 : (value - low) / (high - low)));
  return { ...options, values };
}

/**
 * Mean attention weight of events by category and distance.
 *
 * @param weights `[rows, length]` in the order of `rows.events`
 * @returns NaN where no row has such an event
 */
export function observedMap(
  rows: HistoryRows,
  weights: ArrayLike<number>,
  { candidate, categories, distances }: MapOptions,
): RelevanceMap {
  const position = new Map(categories.map((category, k) => [category, k]));
  const sums = new Float64Array(categories.length * distances);
  const counts = new Float64Array(categories.length * distances);
  for (let row = 0; row < rows.candidates.length; row++) {
    if (rows.candidates[row] !== candidate) continue;
    const last = lastEvent(rows.events, row, rows.length);
    for (let distance = 1; distance <= Math.min(distances, last); distance++) {
      const at = row * rows.length + last - distance;
      const k = position.get(rows.events[at]);
      if (k === undefined) continue;
      sums[k * distances + distance - 1] += weights[at];
      counts[k * distances + distance - 1]++;
    }
  }
  const values = sums.map((sum, cell) => (counts[cell] === 0 ? Number.NaN : sum / counts[cell]));
  return { candidate, categories, distances, values };
}

type Cell = (event: Float64Array, candidate: Float64Array) => number;

function cells(
  { categories, candidate, distances }: RelevanceVectors,
  options: MapOptions,
  cell: Cell,
): Float64Array {
  const dim = categories.columns;
  if (candidate.length !== dim || categories.rows !== options.categories.length) {
    throw new ShapeError("learnedMap: one vector a category, as wide as the candidate's", {
      categories: [categories.rows, dim],
      candidate: candidate.length,
      expected: options.categories.length,
    });
  }
  if (distances !== undefined && (distances.columns !== dim || distances.rows <= options.distances)) {
    throw new ShapeError("learnedMap: a vector for the candidate and for each distance", {
      distances: [distances.rows, distances.columns],
      expected: [options.distances + 1, dim],
    });
  }
  const added = (vector: ArrayLike<number>, from: number, distance: number): Float64Array =>
    Float64Array.from(
      { length: dim },
      (_, k) => vector[from + k] + (distances === undefined ? 0 : distances.data[distance * dim + k]),
    );
  const target = added(candidate, 0, 0);
  const values = new Float64Array(options.categories.length * options.distances);
  for (let b = 0; b < options.categories.length; b++) {
    for (let j = 1; j <= options.distances; j++) {
      values[b * options.distances + j - 1] = cell(added(categories.data, b * dim, j), target);
    }
  }
  return values;
}

const dot: Cell = (event, candidate) => event.reduce((sum, value, k) => sum + value * candidate[k], 0);
const productNorm: Cell = (event, candidate) =>
  Math.sqrt(event.reduce((sum, value, k) => sum + (value * candidate[k]) ** 2, 0));

function standardised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return values.map((value) => (deviation === 0 ? 0 : (value - mean) / deviation));
}

function softmax(values: Float64Array): Float64Array {
  const most = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - most));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}
