import { expect, test } from "vitest";
import { drawPoints, settingsGrid } from "./index.ts";

test("all combinations, the last key fastest; brackets and quotes hold values together", () => {
  expect(settingsGrid(["a.b=1,2", "c=[64,32],[128]", "d='x,y'"])).toEqual([
    ["a.b=1", "c=[64,32]", "d='x,y'"],
    ["a.b=1", "c=[128]", "d='x,y'"],
    ["a.b=2", "c=[64,32]", "d='x,y'"],
    ["a.b=2", "c=[128]", "d='x,y'"],
  ]);
});

test.each(["a", "=1", "a=", "a=1,,2"])("%s is no axis", (axis) => {
  expect(() => settingsGrid([axis])).toThrow(`a grid's axis is key=value,value,…, not "${axis}"`);
});

test("a key comes once", () => {
  expect(() => settingsGrid(["a=1", "a=2"])).toThrow("the grid has a twice");
});

test("a draw is by the seed, without repetition, in the grid's order", () => {
  const points = settingsGrid(["a=1,2,3,4", "b=1,2,3"]);
  const drawn = drawPoints(points, 5, 1);
  expect(drawn).toHaveLength(5);
  expect(new Set(drawn.map((point) => point.join())).size).toBe(5);
  expect(drawn).toEqual(points.filter((point) => drawn.includes(point)));
  expect(drawPoints(points, 5, 1)).toEqual(drawn);
  expect(drawPoints(points, 5, 2)).not.toEqual(drawn);
  expect(drawPoints(points, 50, 1)).toEqual(points);
});
