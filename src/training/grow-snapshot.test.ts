import { afterEach, beforeAll, expect, test } from "vitest";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { makeLearner } from "../../test/models/learner.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { DCNv2 } from "../models/index.ts";
import { type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { growSnapshot } from "./grow-snapshot.ts";
import { type Learner, takeSnapshot } from "./index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const learners: Learner[] = [];
afterEach(async () => {
  for (const learner of learners.splice(0)) await learner.release();
});

/** A model that keeps running statistics and momentum, on a map. */
async function make(map: FeatureMap): Promise<Learner> {
  const model = new DCNv2(map, { embeddingDim: 3, embeddingStd: 0.2, hiddenUnits: [6], batchNorm: true });
  const learner = await makeLearner(model, map, { engine, batchSize: 16 });
  learners.push(learner);
  return learner;
}

/** The map with more values in the vocabularies of users. */
function grown(map: FeatureMap, added: readonly string[], encoder = "user"): FeatureMap {
  const { vocabulary, ...rest } = map.encoders[encoder];
  if (vocabulary.type !== "list") throw new Error("a list grows");
  const values = [...vocabulary.values, ...added];
  const size = FIRST_VALUE_ID + values.length;
  return {
    ...map,
    encoders: { ...map.encoders, [encoder]: { ...rest, vocabulary: { ...vocabulary, values }, size } },
  };
}

const batch = drawRows(everyKind, 16, 4);

test("old ids go on as if nothing had grown, new rows start as a new model's", async () => {
  const old = await make(everyKind);
  for (let step = 0; step < 4; step++) await old.step(batch);
  const map = grown(everyKind, ["new a", "new b"]);
  const longer = await make(map);
  const [fresh] = [...longer.weights.placement.tables.values()].filter(({ path }) =>
    path.endsWith("tables.user"),
  );
  const initial = longer.weights.table(fresh.table);
  growSnapshot(longer.weights, takeSnapshot(old.weights), { from: everyKind, to: map });
  longer.steps = old.steps;

  expect(await longer.predict(batch)).toEqual(await old.predict(batch));
  const kept = everyKind.encoders.user.size * fresh.table.dim;
  const table = longer.weights.table(fresh.table);
  expect(table.subarray(kept)).toEqual(initial.subarray(kept));
  expect(table.subarray(kept).some((value) => value !== 0)).toBe(true);
  // Momentum of rows and parameters and the running statistics came along.
  for (let step = 0; step < 3; step++) expect(await longer.step(batch)).toBe(await old.step(batch));
  expect(await longer.predict(batch)).toEqual(await old.predict(batch));

  const users = Int32Array.from(batch.columns.user).fill(everyKind.encoders.user.size + 1);
  const before = longer.weights.table(fresh.table).slice(-fresh.table.dim);
  await longer.step({ ...batch, columns: { ...batch.columns, user: users } });
  expect(longer.weights.table(fresh.table).slice(-fresh.table.dim)).not.toEqual(before);
});

test("a vocabulary that does not begin with the old one, and another model, are refused", async () => {
  const old = await make(everyKind);
  const snapshot = takeSnapshot(old.weights);
  const map = grown(everyKind, ["new"]);
  const longer = await make(map);
  const { vocabulary } = everyKind.encoders.user;
  const values = vocabulary.type === "list" ? vocabulary.values : [];
  const other = grown(everyKind, ["new"]);
  const moved = {
    ...other.encoders.user,
    vocabulary: { ...vocabulary, type: "list" as const, values: ["new", ...values], minCount: 1 },
  };
  expect(() =>
    growSnapshot(longer.weights, snapshot, {
      from: everyKind,
      to: { ...other, encoders: { ...other.encoders, user: moved } },
    }),
  ).toThrow(`vocabulary user is no grown one: value 1 is "new", it was ${JSON.stringify(values[0])}`);
  expect(() => growSnapshot(old.weights, takeSnapshot(longer.weights), { from: map, to: map })).toThrow(
    'the saved weights do not fit the grown model at "rows/embedding.tables.user/0"',
  );
});
