import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectNear } from "../../../test/models/named-arrays.ts";
import { compile, type LeafBinding } from "../../compile/index.ts";
import { ConfigError } from "../../core/index.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { initialValues } from "../../module/index.ts";
import { type HostTensor, hostTensor } from "../../onnx/index.ts";
import { batchLayout, type EncodedBatch, FIRST_VALUE_ID } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { ColumnBatch } from "../../training/index.ts";
import { idCatalogue } from "../catalogue.ts";
import { interactionSchema } from "../interaction-schema.ts";
import { ItemLists } from "../item-lists.ts";
import { userRows } from "../list-pairs.ts";
import { packedBatches, packedColumns } from "../packed-batches.ts";
import { LiveTowers } from "../towers.ts";
import { retrievalModelNamed, retrievalModels } from "./catalogue.ts";

const keys = Array.from({ length: 9 }, (_, n) => `i${n}`);
const length = 6;
const schema = interactionSchema({ users: ["a", "b", "c"], items: keys }, { historyLength: length });
const sequences = retrievalModels.filter(({ training }) => training === "sequences").map(({ name }) => name);

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("auto");
});

/** Towers on initial values made larger, so that differences would show. */
function towersOf(name: string): Promise<LiveTowers> {
  const { create, example } = retrievalModelNamed(name);
  const model = create(schema, { ...example, embeddingStd: 0.5 });
  const [tables, parameters] = [model.namedTables(), model.namedParameters()];
  const enlarged = (...given: Parameters<typeof initialValues>): Float32Array =>
    initialValues(...given).map((x) => 3 * x);
  const weights = {
    table(path: string): Float32Array {
      const table = tables.get(path);
      return table === undefined
        ? new Float32Array(0)
        : enlarged(table.init, [table.rows, table.dim], 3, path);
    },
    parameter(path: string): Float32Array {
      const parameter = parameters.get(path);
      return parameter === undefined
        ? new Float32Array(0)
        : enlarged(parameter.init, parameter.shape, 3, path);
    },
    state: () => new Float32Array(0),
  };
  return LiveTowers.create(model, { schema, engine, weights });
}

const history = (items: number[]): EncodedBatch =>
  userRows(Int32Array.of(0), ItemLists.from([items]), length);

/** The queries of a packed batch, `[rows · length, dim]`. */
async function queriesOf(
  { model, values }: LiveTowers,
  layout: ReturnType<typeof packedBatches>["layout"],
  { size, columns }: EncodedBatch,
): Promise<Float32Array> {
  const tables = new Map([...model.namedTables()].map(([path, table]) => [table, path]));
  const batch = new ColumnBatch(schema, tables, [...batchLayout(schema), ...layout]);
  const { users } = model.queries(batch);
  const leaves = new Map<Tensor, LeafBinding>();
  const feeds: { [name: string]: HostTensor } = { ...values };
  for (const [column, tensor] of batch.inputs.used) {
    leaves.set(tensor, { name: column });
    const dtype = tensor.dtype === "int32" ? "int32" : "float32";
    feeds[column] = hostTensor(dtype, [size, length], columns[column]);
  }
  for (const [path, tensor] of batch.tables) leaves.set(tensor, { name: `table:${path}` });
  for (const [path, tensor] of model.namedParameters()) leaves.set(tensor, { name: path });
  const graph = compile({ outputs: { users }, leaves });
  const session = await engine.load(graph.model);
  const used = Object.entries(feeds).filter(([name]) => graph.inputs.includes(name));
  const results = await session.run(Object.fromEntries(used));
  await session.release();
  return results.users.data as Float32Array;
}

describe.each(sequences)("%s", (name) => {
  let towers: LiveTowers;
  beforeAll(async () => {
    towers = await towersOf(name);
  });
  afterAll(() => towers.release());

  test("reads the last items of a history, in their order", async () => {
    const of = (items: number[]): Promise<Float32Array> => towers.user.encode(history(items));
    expect(await of([7, 8, 1, 2, 3, 4, 5, 6])).toEqual(await of([1, 2, 3, 4, 5, 6]));
    expect(await of([1, 2, 3])).not.toEqual(await of([2, 1, 3]));
    expect(await of([1, 2, 3])).not.toEqual(await of([1, 2, 4]));
  });

  test("gives a user without history zeros, and does not see what stands in the padding", async () => {
    const nobody = await towers.user.encode(history([]));
    expect([...nobody].every((x) => x === 0)).toBe(true);
    const one = history([4]);
    const expected = await towers.user.encode(one);
    one.columns.history.fill(FIRST_VALUE_ID + 2, 3);
    expect(await towers.user.encode(one)).toEqual(expected);
  });

  test("asks in packed rows what a request with that prefix asks: nothing later, nothing of a neighbour", async () => {
    const lists = ItemLists.from([
      [1, 2, 3, 0],
      [4, 5, 6],
      [7, 1, 8, 2, 6, 0, 3],
    ]);
    const negatives = { count: 1, shared: false, distribution: "uniform" } as const;
    const batches = packedBatches({ lists, catalogue: idCatalogue(keys), negatives, length, batchSize: 3 });
    const [batch] = [...batches.epoch({ seed: 1, epoch: 0 })];
    const queries = await queriesOf(towers, batches.layout, batch);
    const dim = towers.model.userShape[0];
    const { items, segment, position } = packedColumns;
    let compared = 0;
    for (let at = 0; at < batch.size * length; at++) {
      if (batch.columns[segment][at] === 0) continue;
      const first = at - batch.columns[position][at];
      const prefix = Array.from(batch.columns[items].subarray(first, at + 1), (id) => id - FIRST_VALUE_ID);
      const alone = await towers.user.encode(history(prefix));
      expectNear(queries.subarray(at * dim, (at + 1) * dim), alone, 1e-3, `prefix ${prefix}`);
      compared++;
    }
    expect(compared).toBe(3 + 2 + 6);
  });
});

test("a history must be made of the item's values", () => {
  const { create } = retrievalModelNamed("SASRec");
  expect(() => create(schema, { historyFeature: "user" })).toThrow(ConfigError);
  expect(() => create(schema, { itemFeature: "history" })).toThrow('"history" must be one id a row');
  expect(() => retrievalModelNamed("SASRek")).toThrow('there is no retrieval model "SASRek"');
});

test.each(["SASRec", "HSTU"])("%s normalises states, which one number does not survive", (name) => {
  const { create } = retrievalModelNamed(name);
  expect(() => create(schema, { embeddingDim: 1, heads: 1 })).toThrow(
    `${name}: layer normalisation over embedding_dim 1 makes every value a constant`,
  );
});
