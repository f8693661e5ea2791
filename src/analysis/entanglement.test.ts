import { expect, test } from "vitest";
import { type LabelledPairs, pairPicture, type View, viewDistances, viewShifts } from "./entanglement.ts";

const matrix = (name: string, columns: number, data: readonly number[]) => ({
  name,
  rows: data.length / columns,
  columns,
  data: Float64Array.from(data),
});

/** Two users, two items. Item 0 is liked for the first task alone, item 1 for the second alone, by both. */
const pairs: LabelledPairs = {
  users: [0, 0, 1, 1, 1],
  items: [0, 1, 0, 1, 1],
  first: [1, 0, 1, 0, 0],
  second: [0, 1, 0, 1, 0],
};
const users = matrix("users", 2, [1, 0, 2, 0]);
/** The first task's view puts item 0 beside the users and item 1 across, the second's the other way round. */
const ofFirst: View = { name: "own.0", users, items: matrix("items", 2, [3, 0, 0, 1]) };
const ofSecond: View = { name: "own.1", users, items: matrix("items", 2, [0, 1, 3, 0]) };

test("distances of contradictory pairs in one view", () => {
  const { distances, histograms } = viewDistances(ofFirst, pairs);
  expect(distances).toEqual({
    "10": { pairs: 2, mean: 0, quartiles: [0, 0, 0] },
    "01": { pairs: 2, mean: 1, quartiles: [1, 1, 1] },
    "11": { pairs: 0, mean: null, quartiles: null },
  });
  expect(histograms["10"][0]).toBe(1);
  expect(histograms["01"][10]).toBe(1);
});

test("views that hold a task each part the pairs; one view against itself does not", () => {
  const [first, second] = [ofFirst, ofSecond].map((view) => viewDistances(view, pairs));
  expect(viewShifts([first, second])).toEqual([
    { a: "own.0", b: "own.1", shift: { "10": -1, "01": 1 }, separation: 2 },
  ]);
  expect(viewShifts([first, { ...first, view: "again" }])[0].separation).toBe(0);
});

test("a picture keeps angles of unit vectors in a plane", () => {
  const { pairs: drawn, share } = pairPicture(ofFirst, pairs, { kind: "01" });
  expect(drawn.length).toBe(2);
  expect(share).toBeCloseTo(1, 12);
  const [{ user, item }] = drawn;
  // Two unit vectors at a right angle are √2 apart.
  expect(Math.hypot(user[0] - item[0], user[1] - item[1])).toBeCloseTo(Math.SQRT2, 12);
});

test("zero vectors have no direction and are left out", () => {
  const { distances } = viewDistances({ ...ofFirst, items: matrix("items", 2, [0, 0, 0, 1]) }, pairs);
  expect(distances["10"].pairs).toBe(0);
});
