/** Two models that are one by algebra: their logits on the same rows, in float64. */
import { expect } from "vitest";
import type { Model } from "../../src/module/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { logitsOf, randomArrays } from "./forward.ts";
import { expectNear, type NamedArray, type NamedArrays } from "./named-arrays.ts";

export const rows = drawRows(everyKind, 9, 21);
/** Roundings of float64. */
export const exact = 1e-12;

/** The arrays of `model` taken from another's, whose paths they share. */
export function sharedWith(model: Model, arrays: NamedArrays): NamedArrays {
  const own = randomArrays(model);
  return Object.fromEntries(Object.keys(own).map((path) => [path, arrays[path] ?? own[path]]));
}

/** Asserts that two models with these weights give every row the same logit, and different rows different ones. */
export async function expectSame(
  [a, arraysA]: readonly [Model, NamedArrays],
  [b, arraysB]: readonly [Model, NamedArrays],
  schema: FeatureMap = everyKind,
): Promise<void> {
  const first = await logitsOf(a, schema, arraysA, rows);
  const second = await logitsOf(b, schema, arraysB, rows);
  expectNear(first, second, exact, "logits");
  expect(new Set(first.map((value) => value.toFixed(9))).size).toBe(rows.size);
}

/** The array with one value everywhere. */
export function filled(array: NamedArray, value: number): NamedArray {
  return { ...array, data: array.data.map(() => value) };
}
