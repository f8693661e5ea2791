/** A model's pass over a batch with given weights, traced and run by the judge in float64. */
import { CounterRandom } from "../../src/core/index.ts";
import type { HostTensor } from "../../src/engine/index.ts";
import { type Model, Trace, withTrace } from "../../src/module/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../../src/schema/index.ts";
import { constant, type Tensor } from "../../src/tensor/index.ts";
import { forward, type Logits } from "../../src/training/graphs.ts";
import { SymbolicBatch } from "../../src/training/symbolic-batch.ts";
import { placeTables } from "../../src/training/table-placement.ts";
import { judge, runGraph } from "../graph/run.ts";
import { leafValues } from "./leaf-values.ts";
import type { NamedArray, NamedArrays } from "./named-arrays.ts";

export interface TracedModel {
  /** Of the first label. */
  readonly logits: Tensor;
  readonly byLabel: Logits;
  /** What the model asked for beside the objective; in training. */
  readonly auxiliary: readonly Tensor[];
  /** What it shows of its inside. */
  readonly observed: ReadonlyMap<string, Tensor>;
  readonly batch: SymbolicBatch;
  values(encoded: EncodedBatch): Map<Tensor, HostTensor>;
}

export function traceModel(
  model: Model,
  schema: FeatureMap,
  arrays: NamedArrays,
  { training = false }: { training?: boolean } = {},
): TracedModel {
  const batch = new SymbolicBatch(schema, batchLayout(schema), placeTables(model.namedTables()));
  const key = constant(12345, { dtype: "uint32" });
  const trace = new Trace({ training, key, label: (name) => batch.scalar(name), observing: true });
  const byLabel = withTrace(trace, () => forward(model, schema, batch));
  return {
    logits: Object.values(byLabel)[0],
    byLabel,
    auxiliary: [...trace.auxiliaryLosses.values()],
    observed: trace.observed ?? new Map(),
    batch,
    values: (encoded) => leafValues(model, batch, arrays, encoded),
  };
}

/** Every label's logits in evaluation. */
export async function allLogitsOf(
  model: Model,
  schema: FeatureMap,
  arrays: NamedArrays,
  encoded: EncodedBatch,
): Promise<{ [label: string]: number[] }> {
  const { byLabel, values } = traceModel(model, schema, arrays);
  const results = await runGraph(judge, byLabel, values(encoded));
  return Object.fromEntries(
    Object.entries(results).map(([label, { data }]) => [label, Array.from(data as Float64Array)]),
  );
}

/** Logits in evaluation. */
export async function logitsOf(
  model: Model,
  schema: FeatureMap,
  arrays: NamedArrays,
  encoded: EncodedBatch,
): Promise<number[]> {
  const { logits, values } = traceModel(model, schema, arrays);
  const { y } = await runGraph(judge, { y: logits }, values(encoded));
  return Array.from(y.data as Float64Array);
}

/** Random float32 weights for everything a model keeps, by path; padding rows are zeros. */
export function randomArrays(model: Model, seed = 1, std = 0.3): { [path: string]: NamedArray } {
  const draw = (path: string, shape: readonly number[]): NamedArray => {
    const random = new CounterRandom(seed, "weights", path);
    const count = shape.reduce((product, dim) => product * dim, 1);
    const positive = path.endsWith("runningVariance");
    const data = Array.from({ length: count }, (_, i) =>
      Math.fround(positive ? 0.5 + random.uniform(i) : std * random.normal(i)),
    );
    return { shape, data };
  };
  return Object.fromEntries([
    ...[...model.namedParameters(), ...model.namedStates()].map(([path, { shape }]) => [
      path,
      draw(path, shape),
    ]),
    ...[...model.namedTables()].map(([path, { rows, dim, padding }]) => {
      const { data } = draw(path, [rows, dim]);
      return [path, { shape: [rows, dim], data: data.map((value, i) => (padding && i < dim ? 0 : value)) }];
    }),
  ]);
}

/** An array of zeros in place of those whose path matches. */
export function zeroed(arrays: NamedArrays, pattern: RegExp): NamedArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([path, array]) => [
      path,
      pattern.test(path) ? { ...array, data: array.data.map(() => 0) } : array,
    ]),
  );
}
