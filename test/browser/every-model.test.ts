/**
 * Every model of the catalogue can be a bundle: with nothing and with all of it trainable, WASM gives the
 * trainer's probabilities, and the training graph gives a finite loss with the gradients of all that may move.
 */
import { beforeAll, expect, test } from "vitest";
import { loadBundle, Ranker } from "../../src/browser/index.ts";
import { feedsFor } from "../../src/browser/live-values.ts";
import { createEngine, type Engine, type HostTensor } from "../../src/engine/index.ts";
import { models } from "../../src/models/index.ts";
import { deviceBundleParts, encodeDeviceBundle } from "../../src/training/device/index.ts";
import { drawRows, schemaOf } from "../models/every-kind.ts";
import { makeLearner, weightSource } from "../models/learner.ts";
import { severalSets } from "../models/several-sets.ts";

const TOLERANCE = 1e-5;
const engines: { native: Engine; wasm: Engine } = {} as never;
beforeAll(async () => {
  engines.native = await createEngine("native");
  engines.wasm = await createEngine("wasm");
});

test.each([...models, ...severalSets])("$name", async (description) => {
  const schema = schemaOf(description);
  const model = description.create(schema, description.example);
  const rows = drawRows(schema, 9, 4);
  const learner = await makeLearner(model, schema, { engine: engines.native, batchSize: 9 });
  await learner.step(rows);
  const expected = await learner.predict(rows);
  const weights = weightSource(learner);
  const parts = [...model.namedParameters().keys(), ...model.namedTables().keys()];
  for (const trainable of [[], parts]) {
    const { bytes } = await encodeDeviceBundle({ model, schema, weights, trainable });
    const bundle = await loadBundle(bytes);
    const ranker = await Ranker.create(bundle, { engine: engines.wasm });
    const given = await ranker.predict(rows);
    expect(Object.keys(given)).toEqual(Object.keys(expected));
    for (const [label, values] of Object.entries(expected)) {
      for (const [row, value] of values.entries()) {
        expect(Math.abs(given[label][row] - value), `${label} of row ${row}`).toBeLessThanOrEqual(TOLERANCE);
      }
    }
    if (trainable.length > 0) {
      const session = await engines.wasm.load(bundle.part(deviceBundleParts.training), {
        externalData: bundle.sharedFiles(),
      });
      const even: HostTensor = { dtype: "float32", dims: [9], data: new Float32Array(9).fill(1 / 9) };
      const shares = Object.fromEntries(bundle.labels.map((label) => [`@share:${label}`, even]));
      const results = await session.run(
        feedsFor(session, { bundle, values: ranker.values, batch: rows }, shares),
      );
      const { rows: fed, parameters } = bundle.manifest;
      expect(Object.keys(results).sort()).toEqual(
        ["@loss", ...[...fed, ...parameters].map(({ input }) => `@gradient:${input}`)].sort(),
      );
      for (const [name, { data }] of Object.entries(results)) {
        expect((data as Float32Array).every(Number.isFinite), name).toBe(true);
      }
      await session.release();
    }
    await ranker.release();
  }
  await learner.release();
});
