/** A split graph is the plain one, whatever columns are whose, for every model of the catalogue. */
import { beforeAll, describe, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import { createEngine, type Engine, type HostTensor, type Session } from "../../src/engine/index.ts";
import { type ModelDescription, models } from "../../src/models/index.ts";
import { batchLayout, type ColumnData, type EncodedBatch, type FeatureMap } from "../../src/schema/index.ts";
import { type SplitGraph, splitGraph } from "../../src/serving/split/split-graph.ts";
import { type GraphFacts, valueFacts } from "../../src/serving/split/value-facts.ts";
import {
  type InferenceGraph,
  inferenceGraph,
  ModelWeights,
  type WeightSource,
} from "../../src/training/index.ts";
import { drawRows, schemaOf } from "../models/every-kind.ts";
import { severalSets } from "../models/several-sets.ts";

const CANDIDATES = 9;

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

/** Whose each feature is: `r`equest, `i`tem or `m`ixed. */
type Assignment = (feature: string) => "request" | "item" | "mixed";

const ofItem = new Set(["price", "item", "tags", "category", "image"]);
const assignments: { [name: string]: Assignment } = {
  "as a shop has it": (feature) => (ofItem.has(feature) ? "item" : "request"),
  "with some of both": (feature) =>
    feature === "tags" || feature === "hour" ? "mixed" : ofItem.has(feature) ? "item" : "request",
  "the user's id alone": (feature) => (feature === "user" ? "request" : "item"),
};
{
  const random = new CounterRandom(1, "sides");
  const drawn = new Map<string, "request" | "item" | "mixed">();
  assignments["by chance"] = (feature) => {
    if (!drawn.has(feature)) {
      drawn.set(
        feature,
        (["request", "item", "item", "request", "mixed"] as const)[random.integer(drawn.size, 5)],
      );
    }
    return drawn.get(feature) as "request";
  };
}

describe.each([...models, ...severalSets])("$name", (description) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await Subject.open(description);
  });
  test.each(Object.entries(assignments))("split %s equals the plain graph", async (name, sideOf) => {
    for (const products of [true, false]) {
      const split = await subject.compare(sideOf, products);
      if (products && name === "as a shop has it") expect(split?.products).not.toEqual([]);
    }
  });
});

class Subject {
  readonly #schema: FeatureMap;
  readonly #graph: InferenceGraph;
  readonly #tables: { readonly [name: string]: HostTensor };
  readonly #facts: GraphFacts;
  readonly #plain: Session;

  private constructor(
    schema: FeatureMap,
    graph: InferenceGraph,
    tables: { readonly [name: string]: HostTensor },
    facts: GraphFacts,
    plain: Session,
  ) {
    this.#schema = schema;
    this.#graph = graph;
    this.#tables = tables;
    this.#facts = facts;
    this.#plain = plain;
  }

  static async open(description: ModelDescription): Promise<Subject> {
    const schema = schemaOf(description);
    const model = description.create(schema, description.example);
    const named = model.namedTables();
    const weights = new ModelWeights(model, { seed: 3, positions: [...named].map(() => 1) });
    const source = randomWeights(weights, model);
    const graph = inferenceGraph({ model, schema, tables: "fed", weights: source });
    const tables = Object.fromEntries(
      graph.tables.map((path): [string, HostTensor] => {
        const { rows, dim } = named.get(path) as { rows: number; dim: number };
        return [
          `table:${path}`,
          { dtype: "float32", dims: [rows, dim], data: source.table(path) as Float32Array },
        ];
      }),
    );
    const facts = await valueFacts(graph.model, new Set(Object.keys(tables)), engine);
    if (facts === undefined) throw new Error(`values of ${description.name} cannot be shown`);
    return new Subject(schema, graph, tables, facts, await engine.load(graph.model, { threads: 1 }));
  }

  async compare(sideOf: Assignment, products: boolean): Promise<SplitGraph | undefined> {
    const columns = { request: new Set<string>(), item: new Set<string>() };
    for (const { name } of batchLayout(this.#schema)) {
      const side = sideOf(name.replace(/\.\w+$/, ""));
      if (side !== "mixed") columns[side].add(name);
    }
    const tables = new Set(Object.keys(this.#tables));
    const split = splitGraph(this.#graph.model, {
      facts: this.#facts,
      tables,
      columns,
      products,
      worthKeeping: 1,
    });
    if (split === undefined) return undefined; // nothing would be saved
    const rows = drawRows(this.#schema, CANDIDATES, 5);
    const request: { [name: string]: ColumnData } = {};
    const shared: { [name: string]: ColumnData } = {};
    for (const [name, data] of Object.entries(rows.columns)) {
      const width = data.length / CANDIDATES;
      if (!columns.request.has(name)) continue;
      request[name] = data.slice(0, width);
      const copy = data.slice();
      for (let k = 0; k < CANDIDATES; k++) copy.set(data.subarray(0, width), k * width);
      shared[name] = copy;
    }
    const batch: EncodedBatch = { size: CANDIDATES, columns: { ...rows.columns, ...shared } };
    const plain = await this.#run(this.#plain, batch.columns);
    let fed: { [name: string]: ColumnData } = { ...batch.columns, ...request };
    if (split.items !== undefined) {
      const made = await this.#runOnce(split.items, rows.columns);
      fed = { ...fed, ...(made as { [name: string]: Float32Array }) };
      expect(Object.keys(made)).toEqual(split.products.map(({ name }) => name));
    }
    const answer = await this.#runOnce(split.model, fed);
    for (const name of Object.values(this.#graph.predictions)) {
      expect(answer[name]).toHaveLength(plain[name].length);
      for (let k = 0; k < plain[name].length; k++)
        expect(Math.abs(answer[name][k] - plain[name][k])).toBeLessThan(2e-6);
    }
    return split;
  }

  async #runOnce(
    model: Uint8Array,
    columns: { readonly [name: string]: ColumnData },
  ): Promise<{ [name: string]: Float32Array }> {
    const session = await engine.load(model, { threads: 1 });
    try {
      return await this.#run(session, columns);
    } finally {
      await session.release();
    }
  }

  async #run(
    session: Session,
    columns: { readonly [name: string]: ColumnData },
  ): Promise<{ [name: string]: Float32Array }> {
    const feeds: { [name: string]: HostTensor } = {};
    for (const { name, dtype, shape } of session.inputs) {
      const table = this.#tables[name];
      const data = columns[name] as Float32Array;
      const width = shape.slice(1).reduce<number>((product, dim) => product * Number(dim), 1);
      feeds[name] = table ?? { dtype, dims: [data.length / width, ...shape.slice(1).map(Number)], data };
    }
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]),
    );
  }
}

/** Large enough that every part of the model shows in its predictions. */
function randomWeights(weights: ModelWeights, model: ReturnType<ModelDescription["create"]>): WeightSource {
  const spread = (path: string, values: ArrayLike<number>): Float32Array => {
    const random = new CounterRandom(4, "weights", path);
    return Float32Array.from(values, (value, k) =>
      path.endsWith("runningVariance") ? value : 0.3 * random.normal(k),
    );
  };
  const at = <T>(leaves: ReadonlyMap<string, T>, path: string): T => leaves.get(path) as T;
  return {
    table: (path) => spread(path, weights.table(at(model.namedTables(), path))),
    parameter: (path) => spread(path, weights.parameter(at(model.namedParameters(), path))),
    state: (path) => spread(path, weights.state(at(model.namedStates(), path))),
  };
}
