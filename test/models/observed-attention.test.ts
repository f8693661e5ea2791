/** What attention over a history shows to analyses: weights that are none at padding and add up where they should. */
import { expect, test } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import { DIN, din, TWIN, twin } from "../../src/models/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { batchLayout } from "../../src/schema/index.ts";
import { inferenceGraph } from "../../src/training/index.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { makeLearner, weightSource } from "./learner.ts";

const ROWS = 12;

/** What a model shows of itself on drawn rows. */
async function shown(model: DIN | TWIN) {
  const engine = await createEngine("native");
  const learner = await makeLearner(model, everyKind, { engine, batchSize: ROWS });
  const graph = inferenceGraph({
    model,
    schema: everyKind,
    weights: weightSource(learner),
    tables: "stored",
    observing: true,
  });
  const session = await engine.load(graph.model);
  const rows = drawRows(everyKind, ROWS, 3);
  const layout = new Map(batchLayout(everyKind).map((column) => [column.name, column]));
  const feeds = Object.fromEntries(
    graph.columns.map((name) => {
      const { dtype = "int32", width = 1 } = layout.get(name) ?? {};
      return [name, hostTensor(dtype, width === 1 ? [ROWS] : [ROWS, width], rows.columns[name])];
    }),
  );
  const results = await session.run(feeds);
  await session.release();
  await learner.release();
  return Object.fromEntries(
    Object.entries(graph.observed).map(([name, output]) => [
      name,
      { dims: results[output].dims, data: Array.from(results[output].data as Float32Array) },
    ]),
  );
}

test("DIN: a weight for each event of each history", async () => {
  const found = await shown(new DIN(everyKind, din.example));
  const weights = found["weights of events"];
  expect(weights.dims).toHaveLength(2);
  expect(weights.dims[0]).toBe(ROWS);
  expect(new Set(weights.data).size).toBeGreaterThan(5);
  expect(weights.data).toContain(0);
});

test("TWIN: scores of all events by head, weights of recent and found ones, each head's adding up to one or none", async () => {
  const found = await shown(new TWIN(everyKind, twin.example));
  expect(Object.keys(found)).toEqual(
    expect.arrayContaining(["scores of events", "weights of events", "weights of found events"]),
  );
  const [, heads, length] = found["scores of events"].dims;
  expect([heads, length].every((size) => size > 0)).toBe(true);
  for (const name of ["weights of events", "weights of found events"]) {
    const { dims, data } = found[name];
    const width = dims.at(-1) as number;
    for (let at = 0; at < data.length; at += width) {
      const sum = data.slice(at, at + width).reduce((total, weight) => total + weight, 0);
      expect(Math.min(Math.abs(sum), Math.abs(sum - 1)), `${name} at ${at}`).toBeLessThan(1e-5);
    }
  }
});
