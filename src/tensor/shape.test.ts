import { describe, expect, test } from "vitest";
import { ShapeError } from "../core/index.ts";
import { broadcastShapes, dimFactors, dimProduct, dimQuotient, normalizeAxis, sameShape } from "./shape.ts";

describe("products of dimensions", () => {
  test("numbers come first, names are sorted", () => {
    expect(dimProduct([2, "time", 3, "batch"])).toBe("6*batch*time");
    expect(dimProduct(["batch"])).toBe("batch");
    expect(dimProduct(["6*batch", "batch"])).toBe("6*batch*batch");
    expect(dimProduct([2, 3])).toBe(6);
    expect(dimProduct([])).toBe(1);
    expect(dimProduct(["batch", 0])).toBe(0);
  });

  test("factors undo products", () => {
    expect(dimFactors("6*batch*time")).toEqual({ constant: 6, names: ["batch", "time"] });
    expect(dimFactors(4)).toEqual({ constant: 4, names: [] });
    expect(dimFactors("batch")).toEqual({ constant: 1, names: ["batch"] });
  });

  test("quotients are exact or undefined", () => {
    expect(dimQuotient("6*batch*time", "2*time")).toBe("3*batch");
    expect(dimQuotient("batch", "batch")).toBe(1);
    expect(dimQuotient(12, 4)).toBe(3);
    expect(dimQuotient(12, 5)).toBeUndefined();
    expect(dimQuotient("batch", "time")).toBeUndefined();
    expect(dimQuotient("batch", 2)).toBeUndefined();
    expect(dimQuotient("batch", 0)).toBeUndefined();
  });
});

describe("broadcasting", () => {
  test("follows NumPy", () => {
    expect(broadcastShapes("f", ["batch", 1, 3], [4, 1])).toEqual(["batch", 4, 3]);
    expect(broadcastShapes("f", [], ["batch"])).toEqual(["batch"]);
    expect(broadcastShapes("f", [0], [1])).toEqual([0]);
  });

  test("a name broadcasts against itself and 1 only", () => {
    expect(() => broadcastShapes("add", ["batch", 3], ["time", 3])).toThrow(ShapeError);
    expect(() => broadcastShapes("add", ["batch", 3], ["time", 3])).toThrow(
      "add: shapes do not broadcast; a is [batch, 3], b is [time, 3]",
    );
    expect(() => broadcastShapes("add", ["batch"], [4])).toThrow("a is [batch], b is [4]");
  });
});

test("axes count from either end", () => {
  expect(normalizeAxis("f", -1, 3)).toBe(2);
  expect(normalizeAxis("f", 0, 3)).toBe(0);
  expect(() => normalizeAxis("sum", 3, 3)).toThrow("sum: axis out of range; axis is 3, rank is 3");
  expect(() => normalizeAxis("sum", -4, 3)).toThrow("sum: axis out of range; axis is -4, rank is 3");
  expect(() => normalizeAxis("sum", 0.5, 3)).toThrow("sum: axis out of range");
  expect(() => normalizeAxis("sum", 0, 0)).toThrow("sum: axis out of range; axis is 0, rank is 0");
});

test("shapes are the same when rank and every dimension are", () => {
  expect(sameShape(["batch", 2], ["batch", 2])).toBe(true);
  expect(sameShape(["batch", 2], ["batch", 3])).toBe(false);
  expect(sameShape(["batch"], ["batch", 1])).toBe(false);
});
