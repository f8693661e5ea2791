/** How far the loss of one label reaches: which tables and parameters of a model get gradients from it. */
import { expect } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { binaryCrossEntropy } from "../../src/losses/index.ts";
import type { Model } from "../../src/module/index.ts";
import type { EncodedBatch, FeatureMap } from "../../src/schema/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { randomArrays, traceModel } from "./forward.ts";

/** Gradients of one label's loss: of tables (as arenas' look-ups) and parameters, largest absolute value by path. */
export async function reach(
  model: Model,
  schema: FeatureMap,
  label: string,
  seen: EncodedBatch,
): Promise<(path: RegExp) => number> {
  const { byLabel, batch, values } = traceModel(model, schema, randomArrays(model), { training: true });
  const loss = binaryCrossEntropy(byLabel[label], batch.scalar(label));
  const parameters = [...model.namedParameters()];
  const paths = new Map([...model.namedTables()].map(([path, table]) => [table, path]));
  const leaves = [...parameters.map(([, leaf]) => leaf), ...batch.lookups.map(({ rows: leaf }) => leaf)];
  const names = [
    ...parameters.map(([path]) => path),
    ...batch.lookups.map(({ slots }) => slots.map(({ table }) => paths.get(table)).join(" ")),
  ];
  const gradients = grad(loss, leaves);
  const outputs = Object.fromEntries(gradients.map((gradient, k) => [`g${k}`, gradient]));
  const results = await runGraph(judge, outputs, values(seen));
  const largest = names.map((_, k) =>
    Math.max(...Array.from(results[`g${k}`].data as Float64Array, Math.abs)),
  );
  return (path) => {
    const matching = largest.filter((_, k) => path.test(names[k]));
    expect(matching.length, String(path)).toBeGreaterThan(0);
    return Math.max(...matching);
  };
}
