/**
 * Every op with its first and second derivatives on an engine against the reference engine, the same
 * compiled graph at batches of 0, 1, 3 and 7 rows.
 */
import { beforeAll, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine, type Engine, referenceEngine } from "../../src/engine/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../engine/close.ts";
import { type LoadedGraph, loadGraph } from "../graph/run.ts";
import { drawInputs, type OpCase } from "./case.ts";
import { cases } from "./cases.ts";
import { directionalGradient, opGraph } from "./op-graph.ts";

/** A dozen roundings of float32; products and sums here have a dozen terms at most. */
const tolerance = 1e-5;
const all = Object.entries(cases).flatMap(([name, of]) =>
  of.map((opCase) => [name, opCase.about, opCase] as const),
);
const reference = referenceEngine({ floatOutputs: "declared" });

const hasBatch = ({ inputs }: OpCase): boolean => inputs.some(({ shape }) => shape.includes("batch"));

/** Declares the tests for one engine. */
export function engineEqualsReference(engineName: "native" | "wasm"): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(engineName);
  });

  test.each(all)("%s: %s", async (name, _, opCase) => {
    const { outputs: results, loss, floats, values } = await opGraph(opCase, name, 3);
    const outputs: { [output: string]: Tensor } = {};
    for (const [k, y] of results.entries()) outputs[`y${k}`] = y;
    if (loss !== undefined && floats.length > 0) {
      const slope = directionalGradient(loss, floats, values);
      for (const [k, g] of grad(loss, floats).entries()) outputs[`g${k}`] = g;
      for (const [k, h] of grad(slope, floats).entries()) outputs[`h${k}`] = h;
    }
    const ours = await loadGraph(engine, outputs, values.keys());
    const judge = await loadGraph(reference, outputs, values.keys());
    await compareRuns(ours, judge, values);
    await ours.release();
    await judge.release();
  });

  test.each(all.filter(([, , opCase]) => hasBatch(opCase)))("%s: %s, any batch", async (name, _, opCase) => {
    const { leaves } = drawInputs(opCase, name, 1);
    const built = opCase.build(...leaves);
    const outputs = Object.fromEntries((Array.isArray(built) ? built : [built]).map((y, k) => [`y${k}`, y]));
    const ours = await loadGraph(engine, outputs, leaves);
    const judge = await loadGraph(reference, outputs, leaves);
    for (const batch of opCase.batches ?? [0, 1, 3, 7]) {
      const drawn = [...drawInputs(opCase, name, batch).values.values()];
      await compareRuns(ours, judge, new Map(leaves.map((leaf, k) => [leaf, drawn[k]])));
    }
    await ours.release();
    await judge.release();
  });
}

async function compareRuns(
  ours: LoadedGraph,
  judge: LoadedGraph,
  values: Parameters<LoadedGraph["run"]>[0],
): Promise<void> {
  const expected = await judge.run(values);
  const received = await ours.run(values);
  expect(Object.keys(received)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) expectClose(received[name], tensor, tolerance);
}
