/**
 * How a user's positive feedback is divided between two tasks, each task's count taken relative to the mean
 * user's, so that a common kind of feedback does not hide a rare one:
 *
 *     r_u = a_u / (a_u + b_u),   a_u = n_A(u) / mean n_A,   b_u = n_B(u) / mean n_B
 *
 * Users near 1/2 are *comparable*: both tasks tell about them. STEM (Su et al., AAAI 2024, arXiv:2308.13537)
 * shows there that shared embeddings lose against single-task models; its own bounds are not published,
 * [0.4, 0.6] is our choice. Users without any positive feedback have no r.
 */
import type { NumericArray } from "./scored-rows.ts";

/** What is counted: rows with a user and the labels of both tasks. */
export interface FeedbackRows {
  /** Integer id of each row's user. */
  readonly users: NumericArray;
  readonly first: NumericArray;
  readonly second: NumericArray;
}

/** r by user, of the first task. */
export function feedbackBalance({ users, first, second }: FeedbackRows): Map<number, number> {
  const counts = new Map<number, [first: number, second: number]>();
  const totals: [number, number] = [0, 0];
  for (let row = 0; row < users.length; row++) {
    let count = counts.get(users[row]);
    if (count === undefined) {
      count = [0, 0];
      counts.set(users[row], count);
    }
    for (const [task, labels] of [first, second].entries()) {
      count[task] += labels[row];
      totals[task] += labels[row];
    }
  }
  const balance = new Map<number, number>();
  for (const [user, [a, b]] of counts) {
    // Divided by totals instead of means: the number of users cancels.
    const [x, y] = [a / Math.max(totals[0], 1), b / Math.max(totals[1], 1)];
    if (x + y > 0) balance.set(user, x / (x + y));
  }
  return balance;
}

/** Bounds of r; the last one includes 1. */
export const feedbackBins: readonly (readonly [from: number, to: number])[] = [
  [0, 0.2],
  [0.2, 0.4],
  [0.4, 0.6],
  [0.6, 0.8],
  [0.8, 1],
];

/** Row numbers whose user's r lies in a bin, `[from, to)`. */
export function rowsInBin(
  users: NumericArray,
  balance: ReadonlyMap<number, number>,
  [from, to]: readonly [number, number],
): number[] {
  const rows: number[] = [];
  for (let row = 0; row < users.length; row++) {
    const r = balance.get(users[row]);
    if (r !== undefined && r >= from && (r < to || (to === 1 && r === 1))) rows.push(row);
  }
  return rows;
}
