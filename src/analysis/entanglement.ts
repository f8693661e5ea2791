/**
 * Interest entanglement: do the tables of a model with several tasks tell apart what a user likes for one task and not
 * for another? Pairs of a user and an item that are positive for one task and negative for the other contradict each
 * other; in each view (the tables of one place) the distribution of the cosine distance between user and item over
 * those pairs is compared with that over pairs positive for both.
 *
 * A single shared table gives both tasks the same distances: between views of one table the shift is zero by
 * construction. Pan et al., KDD 2024, arXiv:2403.00793, name the tool; its exact recipe is not published, this one is
 * our choice.
 */
import { principalComponents } from "../numerics/index.ts";
import type { NamedMatrix } from "./named-matrix.ts";

/** What two tasks say about one pair, the first task's label first. */
export const pairKinds = ["10", "01", "11"] as const;
export type PairKind = (typeof pairKinds)[number];

export interface LabelledPairs {
  /** Row of the user's table. */
  readonly users: ArrayLike<number>;
  /** Row of the item's table. */
  readonly items: ArrayLike<number>;
  /** 0 or 1. */
  readonly first: ArrayLike<number>;
  readonly second: ArrayLike<number>;
}

/** The tables of one place: a user's and an item's vectors of the same width. */
export interface View {
  readonly name: string;
  readonly users: NamedMatrix;
  readonly items: NamedMatrix;
}

export interface DistanceSummary {
  readonly pairs: number;
  /** Cosine distance, 1 - cosine, in [0, 2]; null without pairs. */
  readonly mean: number | null;
  readonly quartiles: readonly [number, number, number] | null;
}

export interface ViewDistances {
  readonly view: string;
  /** By kind of pair. */
  readonly distances: { readonly [kind in PairKind]: DistanceSummary };
  /** Shares of pairs by distance, in 20 bins from 0 to 2. */
  readonly histograms: { readonly [kind in PairKind]: readonly number[] };
}

export const histogramBins = 20;

export function viewDistances({ name, users, items }: View, pairs: LabelledPairs): ViewDistances {
  const found: { [kind in PairKind]: number[] } = { "10": [], "01": [], "11": [] };
  for (let row = 0; row < pairs.users.length; row++) {
    const kind = kindOf(pairs, row);
    if (kind === undefined) continue;
    const distance = cosineDistance(users, pairs.users[row], items, pairs.items[row]);
    if (distance !== undefined) found[kind].push(distance);
  }
  const each = <T>(make: (distances: number[]) => T): { [kind in PairKind]: T } => ({
    "10": make(found["10"]),
    "01": make(found["01"]),
    "11": make(found["11"]),
  });
  return { view: name, distances: each(summary), histograms: each(histogram) };
}

/**
 * How far a view's distances of contradictory pairs move against another's: of pairs that only the first task likes and
 * pairs that only the second likes, the mean distance in view `a` minus that in view `b`. Where `a` is the first task's
 * view and `b` the second's and each holds its own task's taste, the first shift is negative and the second positive.
 */
export interface ViewShift {
  readonly a: string;
  readonly b: string;
  readonly shift: { readonly [kind in "10" | "01"]: number | null };
  /** The second shift minus the first: 0 where both views hold one taste. */
  readonly separation: number | null;
}

export function viewShifts(views: readonly ViewDistances[]): ViewShift[] {
  return views.flatMap((a, i) =>
    views.slice(i + 1).map((b) => {
      const between = (kind: "10" | "01"): number | null => {
        const [x, y] = [a.distances[kind].mean, b.distances[kind].mean];
        return x === null || y === null ? null : x - y;
      };
      const shift = { "10": between("10"), "01": between("01") };
      const separation = shift["10"] === null || shift["01"] === null ? null : shift["01"] - shift["10"];
      return { a: a.view, b: b.view, shift, separation };
    }),
  );
}

export interface PairPicture {
  readonly view: string;
  readonly kind: PairKind;
  /** In the plane of the two first principal components of all vectors shown. */
  readonly pairs: readonly {
    readonly user: readonly [x: number, y: number];
    readonly item: readonly [x: number, y: number];
  }[];
  /** Share of the variance that the plane holds. */
  readonly share: number;
}

/** Users and items of the first pairs of a kind, their vectors at unit length, seen in a plane. */
export function pairPicture(
  { name, users, items }: View,
  pairs: LabelledPairs,
  { kind, most = 150 }: { readonly kind: PairKind; readonly most?: number },
): PairPicture {
  const rows: number[] = [];
  for (let row = 0; row < pairs.users.length && rows.length < most; row++) {
    if (
      kindOf(pairs, row) === kind &&
      cosineDistance(users, pairs.users[row], items, pairs.items[row]) !== undefined
    )
      rows.push(row);
  }
  const { columns } = users;
  const data = new Float64Array(2 * rows.length * columns);
  for (const [k, row] of rows.entries()) {
    data.set(unit(users, pairs.users[row]), 2 * k * columns);
    data.set(unit(items, pairs.items[row]), (2 * k + 1) * columns);
  }
  if (rows.length === 0) return { view: name, kind, pairs: [], share: 0 };
  const { coordinates, shares } = principalComponents({ data, rows: 2 * rows.length, columns }, 2);
  const width = shares.length;
  const point = (row: number): [number, number] => [
    coordinates[row * width],
    width > 1 ? coordinates[row * width + 1] : 0,
  ];
  return {
    view: name,
    kind,
    pairs: rows.map((_, k) => ({ user: point(2 * k), item: point(2 * k + 1) })),
    share: shares.reduce((sum, share) => sum + share, 0),
  };
}

function kindOf({ first, second }: LabelledPairs, row: number): PairKind | undefined {
  const kind = `${first[row] > 0 ? 1 : 0}${second[row] > 0 ? 1 : 0}`;
  return pairKinds.find((known) => known === kind);
}

/** Undefined where a vector is zero. */
function cosineDistance(a: NamedMatrix, rowA: number, b: NamedMatrix, rowB: number): number | undefined {
  let [ab, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.columns; k++) {
    const [x, y] = [a.data[rowA * a.columns + k], b.data[rowB * b.columns + k]];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? undefined : 1 - ab / Math.sqrt(aa * bb);
}

function unit({ columns, data }: NamedMatrix, row: number): Float64Array {
  const vector = Float64Array.from(data.subarray(row * columns, (row + 1) * columns));
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}

function summary(distances: number[]): DistanceSummary {
  const pairs = distances.length;
  if (pairs === 0) return { pairs, mean: null, quartiles: null };
  const sorted = Float64Array.from(distances).sort();
  const at = (share: number): number => sorted[Math.min(pairs - 1, Math.floor(share * pairs))];
  return {
    pairs,
    mean: distances.reduce((sum, value) => sum + value, 0) / pairs,
    quartiles: [at(0.25), at(0.5), at(0.75)],
  };
}

function histogram(distances: number[]): number[] {
  const shares = new Array<number>(histogramBins).fill(0);
  for (const distance of distances) {
    const bin = Math.min(histogramBins - 1, Math.max(0, Math.floor((distance / 2) * histogramBins)));
    shares[bin] += 1 / distances.length;
  }
  return shares;
}
