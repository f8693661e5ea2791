/** Keys kept, events searched, those found represented: what the whole model says, on every engine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine, type HostTensor } from "../../src/engine/index.ts";
import { DARE, type DAREOptions, DIN } from "../../src/models/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { batchLayout, type EncodedBatch } from "../../src/schema/index.ts";
import { type Learner, type SearchStages, searchStages, type StageGraph } from "../../src/training/index.ts";
import { drawRows, everyKind, sliceRows } from "./every-kind.ts";
import { makeLearner, weightSource } from "./learner.ts";
import { expectNear } from "./named-arrays.ts";

const rows = drawRows(everyKind, 23, 8);
const engines: { native: Engine; wasm: Engine } = {} as never;
beforeAll(async () => {
  engines.native = await createEngine("native");
  engines.wasm = await createEngine("wasm");
});

type Feeds = { readonly [name: string]: HostTensor };

function columnsOf(graph: StageGraph, batch: EncodedBatch): Feeds {
  const layout = batchLayout(everyKind).filter(({ name }) => graph.columns.includes(name));
  return Object.fromEntries(
    layout.map(({ name, dtype, width }) => {
      const dims = width === 1 ? [batch.size] : [batch.size, width];
      return [name, hostTensor(dtype, dims, batch.columns[name])];
    }),
  );
}

async function run(engine: Engine, graph: StageGraph, feeds: Feeds): Promise<Feeds> {
  const session = await engine.load(graph.model, { threads: 1 });
  const results = await session.run(feeds);
  await session.release();
  return results;
}

/** One user's history for several candidates, as a server would do it. */
async function served(engine: Engine, { histories, represent }: SearchStages, user: EncodedBatch) {
  const found: { [name: string]: HostTensor } = {};
  for (const { name, sequences, length, keyWidth, k, keys, search } of histories) {
    const count = user.columns[`${name}.length`][0];
    const events = Object.fromEntries(
      sequences.map((each) => [
        each,
        hostTensor("int32", [count], user.columns[each].slice(0, count) as Int32Array),
      ]),
    );
    const kept = new Float32Array(length * keyWidth);
    if (count > 0) kept.set((await run(engine, keys, events)).keys.data as Float32Array);
    const results = await run(engine, search, {
      ...columnsOf(search, user),
      keys: hostTensor("float32", [length, keyWidth], kept),
      length: hostTensor("int32", [1], Int32Array.of(count)),
    });
    const index = Array.from(results.index.data as BigInt64Array, Number);
    for (const each of sequences) {
      const ids = Int32Array.from(index, (at) => user.columns[each][at]);
      found[each] = hostTensor("int32", [user.size, k], ids);
    }
    found[`weights:${name}`] = results.weights;
    found[`distances:${name}`] = results.distances;
  }
  const context = columnsOf(represent, user);
  return (await run(engine, represent, { ...context, ...found })).probability.data as Float32Array;
}

/** The rows with the first one's history everywhere: one user, many candidates. */
function oneHistory(batch: EncodedBatch): EncodedBatch {
  const columns = { ...batch.columns };
  for (const name of ["history", "historyCategory"]) {
    columns[name] = Int32Array.from({ length: batch.size * 6 }, (_, i) => batch.columns[name][i % 6]);
    columns[`${name}.length`] = new Int32Array(batch.size).fill(batch.columns[`${name}.length`][0]);
  }
  return { size: batch.size, columns };
}

const variants: readonly DAREOptions[] = [
  { attentionDim: 3 },
  { tables: "shared" },
  { tables: "projected" },
  { tables: "four", attentionDim: 2 },
  { k: 50, targetAware: false, inputNorm: false },
];

describe.each(variants)("%o", (options) => {
  let learner: Learner;
  let stages: SearchStages;
  beforeAll(async () => {
    const small = { embeddingDim: 4, embeddingStd: 0.5, k: 2, hiddenUnits: [6], searchHiddenUnits: [5] };
    const model = new DARE(everyKind, { ...small, ...options });
    learner = await makeLearner(model, everyKind, { engine: engines.native, batchSize: 23 });
    for (let step = 0; step < 3; step++) await learner.step(rows);
    stages = searchStages({ model, schema: everyKind, weights: weightSource(learner), tables: "stored" });
  });
  afterAll(() => learner.release());

  test.each(["native", "wasm"] as const)("the stages are the model, %s", async (name) => {
    for (const from of [0, 7, 14]) {
      const user = oneHistory(sliceRows(everyKind, rows, from, from + 7));
      const expected = (await learner.predict(user)).click;
      expectNear(await served(engines[name], stages, user), expected, 1e-6, `history of row ${from}`);
    }
  });

  test("an empty history is served, too", async () => {
    const empty = Array.from(rows.columns["history.length"]).indexOf(0);
    const user = oneHistory(sliceRows(everyKind, rows, empty, empty + 1));
    const expected = (await learner.predict(user)).click;
    expectNear(await served(engines.native, stages, user), expected, 1e-6, "no events");
  });

  test("the search tier holds attention's tables alone", () => {
    const { keys, search } = stages.histories[0];
    const searching = new Set([...keys.tables, ...search.tables]);
    if (options.tables === "shared" || options.tables === "projected") {
      expect([...searching].every((path) => path.startsWith("representation."))).toBe(true);
      return;
    }
    expect([...searching].every((path) => /^(attention|candidateAttention)\./.test(path))).toBe(true);
    expect(stages.represent.tables.some((path) => /ttention/.test(path))).toBe(false);
    if (options.tables === "four") expect(keys.tables).not.toEqual(search.tables);
  });
});

test("models without a search of their own are refused", async () => {
  const model = new DIN(everyKind, { embeddingDim: 2, hiddenUnits: [3] });
  const nothing = (): Float32Array => new Float32Array();
  const weights = { table: nothing, parameter: nothing, state: nothing };
  expect(() => searchStages({ model, schema: everyKind, weights, tables: "fed" })).toThrow(
    "DIN has no search stage that could be served apart",
  );
});
