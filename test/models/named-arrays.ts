/** A model's weights as fixtures hold them, by path, and how they get into a model and out of it. */
import { expect } from "vitest";
import { type HostTensor, hostTensor } from "../../src/onnx/index.ts";
import type { Model } from "../../src/module/index.ts";
import type { EncodedBatch, FeatureMap } from "../../src/schema/index.ts";
import { batchLayout } from "../../src/schema/index.ts";
import type { ModelWeights } from "../../src/training/index.ts";

export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type NamedArrays = { readonly [path: string]: NamedArray };

/** Shapes of everything a model keeps: parameters, running states, tables. */
function shapesOf(model: Model): Map<string, readonly number[]> {
  return new Map([
    ...[...model.namedParameters()].map(([path, { shape }]) => [path, shape] as const),
    ...[...model.namedStates()].map(([path, { shape }]) => [path, shape] as const),
    ...[...model.namedTables()].map(([path, { rows, dim }]) => [path, [rows, dim]] as const),
  ]);
}

/** Asserts that arrays have exactly the model's paths and shapes. */
export function expectSamePaths(model: Model, arrays: NamedArrays): void {
  const shapes = Object.fromEntries(Object.entries(arrays).map(([path, { shape }]) => [path, shape]));
  expect(shapes).toEqual(Object.fromEntries(shapesOf(model)));
}

/** Writes arrays over a model's weights; optimizer state is left alone. */
export function loadArrays(model: Model, weights: ModelWeights, arrays: NamedArrays): void {
  expectSamePaths(model, arrays);
  for (const [path, parameter] of model.namedParameters())
    weights.parameter(parameter).set(arrays[path].data);
  for (const [path, state] of model.namedStates())
    weights.stateValues.set(state, Float32Array.from(arrays[path].data));
  for (const [path, table] of model.namedTables()) {
    const { arena, first } = weights.placed(table);
    weights.arenas[arena].writeWeights({ first, count: table.rows }, Float32Array.from(arrays[path].data));
  }
}

/** A model's weights now. */
export function readArrays(model: Model, weights: ModelWeights): { [path: string]: Float32Array } {
  return Object.fromEntries([
    ...[...model.namedParameters()].map(([path, leaf]) => [path, weights.parameter(leaf).slice()] as const),
    ...[...model.namedStates()].map(([path, leaf]) => [path, weights.state(leaf).slice()] as const),
    ...[...model.namedTables()].map(([path, table]) => [path, weights.table(table)] as const),
  ]);
}

/** Asserts that numbers agree within `tolerance`, relative where they are larger than 1. */
export function expectNear(
  received: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(received.length, `${what}: length`).toBe(expected.length);
  const far = Array.from(expected, (value, i) => [i, received[i], value] as const).filter(
    ([, a, b]) => !(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))),
  );
  expect(far, `${what}: [position, received, expected]`).toEqual([]);
}

/** Columns of a fixture in the dtypes of an encoded batch. */
export function encodedFrom(schema: FeatureMap, columns: NamedArrays): EncodedBatch {
  const encoded: { [name: string]: Float32Array | Int32Array | Float64Array } = {};
  for (const { name, dtype } of batchLayout(schema)) {
    const { data } = columns[name];
    encoded[name] = dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data);
  }
  return { size: columns[schema.labels[0].name].data.length, columns: encoded };
}

export function hostArray({ shape, data }: NamedArray): HostTensor {
  return hostTensor("float32", shape, data);
}
