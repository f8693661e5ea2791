/** What the early-stage ranker's equations say about each other, and about the plain model inside. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyTask, sliceRows } from "../../test/models/every-kind.ts";
import { hashOf, makeLearner } from "../../test/models/learner.ts";
import { judge, runGraph } from "../../test/graph/run.ts";
import { ConfigError } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { Linear, MLP } from "../layers/index.ts";
import { type Batch, Model, Module, normalInit } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { add, mul, slice, squeeze, sum } from "../ops/index.ts";
import type { EncodedBatch, FeatureMap, Label } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import type { Learner } from "../training/index.ts";
import { candidateListLoss, EarlyStageMTL, type EarlyStageMTLOptions } from "./early-stage-mtl.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});
const learners: Learner[] = [];
afterAll(() => Promise.all(learners.map((learner) => learner.release())));

const real = (name: string): Label => ({
  name,
  column: name,
  threshold: undefined,
  positive: undefined,
  kind: "real",
});
/** Impressions and candidates in one table, as the model's list term reads them. */
const funnel: FeatureMap = {
  ...everyTask,
  labels: [...everyTask.labels, real("soft_click"), real("soft_buy"), real("bid")],
  weight: "impression",
  group: "request",
};
const items = ["item", "category", "tags", "price", "image"];
const small: EarlyStageMTLOptions = {
  itemFeatures: items,
  embeddingDim: 4,
  embeddingStd: 0.3,
  hiddenUnits: [8],
  headDim: 4,
};
const distilled = [
  { task: "click", label: "soft_click" },
  { task: "buy", label: "soft_buy" },
];
const list = {
  weight: 0.5,
  terms: [
    { task: "buy", by: "bid" },
    { task: "click", factor: -0.3 },
  ],
};

/** Four requests of six rows: two impressions, four candidates. */
function funnelRows(seed = 5): EncodedBatch {
  const size = 24;
  const { columns } = drawRows(funnel, size, seed);
  const unit = (values: ArrayLike<number>): Float32Array =>
    Float32Array.from(values, (x) => 1 / (1 + Math.exp(-x)));
  const of = (value: (k: number) => number): Float32Array =>
    Float32Array.from({ length: size }, (_, k) => value(k));
  return {
    size,
    columns: {
      ...columns,
      "@weight": of((k) => Number(k % 6 < 2)),
      "@group": Int32Array.from({ length: size }, (_, k) => 10 + Math.floor(k / 6)),
      soft_click: unit(columns.soft_click),
      soft_buy: unit(columns.soft_buy),
      bid: of((k) => 1 + (k % 5)),
    },
  };
}

async function learner(
  options: Partial<EarlyStageMTLOptions>,
  schema = funnel,
  model?: Model,
): Promise<Learner> {
  const made = await makeLearner(model ?? new EarlyStageMTL(schema, { ...small, ...options }), schema, {
    engine,
    batchSize: 24,
    optimizer: { learningRate: 0.02 },
  });
  learners.push(made);
  return made;
}

/** Two towers and a bias, nothing else. */
class PlainTower extends Module {
  readonly fields: FieldEmbedding;
  readonly network: MLP;
  readonly outputs: readonly Linear[];

  constructor(
    schema: FeatureMap,
    include: readonly string[],
    width: number,
    shared?: FieldEmbedding["tables"],
  ) {
    super();
    this.fields = new FieldEmbedding(schema, { dim: 4, include, init: normalInit(0.3), shared });
    this.network = new MLP(this.fields.width, [8]);
    this.outputs = [new Linear(8, width)];
  }

  forward(batch: Batch): Tensor {
    return this.outputs[0].forward(this.network.forward(this.fields.forwardFlat(batch)));
  }
}

class PlainTwoTower extends Model {
  readonly user: PlainTower;
  readonly item: PlainTower;

  constructor(schema: FeatureMap) {
    super();
    const users = schema.features.flatMap(({ name }) => (items.includes(name) ? [] : [name]));
    this.item = new PlainTower(schema, items, 5);
    this.user = new PlainTower(schema, users, 4, this.item.fields.tables);
  }

  forward(batch: Batch): { readonly click: Tensor } {
    const [u, a] = [this.user.forward(batch), this.item.forward(batch)];
    const product = sum(mul(u, slice(a, { axis: 1, start: 0, end: 4 })), { axis: 1 });
    return { click: add(product, squeeze(slice(a, { axis: 1, start: 4, end: 5 }), 1)) };
  }
}

test("one task, nothing distilled, no list: the plain two-tower model, step by step", async () => {
  const rows = drawRows(everyTask, 24, 8);
  const early = await learner({ tasks: ["click"] }, everyTask);
  const plain = await learner({}, everyTask, new PlainTwoTower(everyTask));
  for (let step = 0; step < 5; step++) {
    const [a, b] = [await early.step(rows), await plain.step(rows)];
    expect(a).toBeCloseTo(b, 6);
  }
  const [own, other] = [await early.predict(rows), await plain.predict(rows)];
  for (const [k, p] of own.click.entries()) expect(p).toBeCloseTo(other.click[k], 5);
});

describe("relations", () => {
  test("with products along the chain a purchase is never likelier than its click, in both kinds of heads", async () => {
    const rows = funnelRows();
    const made = await learner({ chain: ["click", "buy"], distilled });
    for (let step = 0; step < 10; step++) await made.step(rows);
    const { click, buy, soft_click, soft_buy } = await made.predict(rows);
    for (const [k, p] of click.entries()) {
      expect(buy[k]).toBeLessThanOrEqual(p);
      expect(soft_buy[k]).toBeLessThanOrEqual(soft_click[k]);
    }
  });

  test("each tower keeps to its side, transfers and experts included", async () => {
    const made = await learner({
      bottom: "ple",
      experts: 2,
      chain: ["click", "buy"],
      transfers: [{ from: "click", to: "buy" }],
      distilled,
    });
    const rows = funnelRows();
    const { options } = made;
    const model = options.model as EarlyStageMTL;
    expect(model.userWidth).toBe(4 * 4);
    expect(model.itemWidth).toBe(4 * 5);
    // Row k's item with row 0's user: predicted from the vectors of either, whatever row they came from.
    const users = everyTask.features.flatMap(({ name }) => (items.includes(name) ? [] : [name]));
    const mixed = { ...rows.columns };
    for (const name of Object.keys(mixed)) {
      const feature = name.split(".")[0];
      if (!users.includes(feature)) continue;
      const width = mixed[name].length / rows.size;
      const column = mixed[name].slice();
      for (let k = 1; k < rows.size; k++) column.copyWithin(k * width, 0, width);
      mixed[name] = column;
    }
    const one = await made.predict({ size: rows.size, columns: mixed });
    const again = await made.predict(sliceRows(funnel, { size: rows.size, columns: mixed }, 3, 4));
    expect(again.soft_buy[0]).toBeCloseTo(one.soft_buy[3], 6);
  });
});

describe("what is learned from", () => {
  test("labels of candidates, which nobody saw, teach nothing", async () => {
    const rows = funnelRows();
    const click = rows.columns.click.map((value, k) => (k % 6 < 2 ? value : 1 - value));
    const hashes = [];
    for (const columns of [rows.columns, { ...rows.columns, click }]) {
      const made = await learner({ distilled, list });
      for (let step = 0; step < 3; step++) await made.step({ size: rows.size, columns });
      hashes.push(hashOf(made));
    }
    expect(hashes[0]).toBe(hashes[1]);
  });

  test("soft labels of candidates do, unless their weight is 0", async () => {
    const rows = funnelRows();
    const soft_click = rows.columns.soft_click.map((value, k) => (k % 6 < 2 ? value : 1 - value));
    const hashesOf = async (weight: number): Promise<string[]> => {
      const hashes = [];
      for (const columns of [rows.columns, { ...rows.columns, soft_click }]) {
        const made = await learner({ distilled: [{ ...distilled[0], weight }] });
        await made.step({ size: rows.size, columns });
        hashes.push(hashOf(made));
      }
      return hashes;
    };
    const [taught, others] = [await hashesOf(1), await hashesOf(0)];
    expect(taught[0]).not.toBe(taught[1]);
    expect(others[0]).toBe(others[1]);
  });

  test("the loss is the sum of its parts", async () => {
    const made = await learner({ distilled, list });
    expect(made.graph.losses).toEqual([
      "click",
      "buy",
      "distillation:soft_click",
      "distillation:soft_buy",
      "list",
    ]);
    const rows = funnelRows();
    const before = await made.predict(rows);
    const loss = await made.step(rows);
    const weight = rows.columns["@weight"];
    const entropy = (label: string, p: Float32Array, weights: ArrayLike<number>): number => {
      let [total, mass] = [0, 0];
      for (const [k, q] of p.entries()) {
        const y = rows.columns[label][k];
        total -= weights[k] * (y * Math.log(q) + (1 - y) * Math.log(1 - q));
        mass += weights[k];
      }
      return total / mass;
    };
    const ones = weight.map(() => 1);
    const bids = rows.columns.bid;
    const value = (c: ArrayLike<number>, b: ArrayLike<number>): number[] =>
      Array.from(bids, (bid, k) => bid * b[k] - 0.3 * c[k]);
    const expected =
      entropy("click", before.click, weight) +
      entropy("buy", before.buy, weight) +
      entropy("soft_click", before.soft_click, ones) +
      entropy("soft_buy", before.soft_buy, ones) +
      0.5 *
        listLoss(
          value(before.soft_click, before.soft_buy),
          value(rows.columns.soft_click, rows.columns.soft_buy),
          Array.from(rows.columns["@group"]),
          Array.from(weight, (w) => w === 0),
        );
    expect(loss).toBeCloseTo(expected, 4);
  });
});

/** The definition, request by request. */
function listLoss(own: number[], taught: number[], groups: number[], takesPart: boolean[]): number {
  const kept = own.flatMap((_, k) => (takesPart[k] ? [k] : []));
  const mean = kept.reduce((total, k) => total + taught[k], 0) / kept.length;
  const tau = Math.sqrt(kept.reduce((total, k) => total + (taught[k] - mean) ** 2, 0) / kept.length);
  const requests = [...new Set(kept.map((k) => groups[k]))];
  const softmax = (values: number[]): number[] => {
    const total = values.reduce((sum, value) => sum + Math.exp(value / tau), 0);
    return values.map((value) => Math.exp(value / tau) / total);
  };
  let total = 0;
  for (const request of requests) {
    const members = kept.filter((k) => groups[k] === request);
    const [f, e] = [taught, own].map((values) => softmax(members.map((k) => values[k])));
    total -= f.reduce((sum, share, i) => sum + share * Math.log(e[i]), 0);
  }
  return total / requests.length;
}

describe("the list term", () => {
  const [own, taught, takesPart] = ["own", "taught", "takesPart"].map((name) => input(name, ["batch"]));
  const groups = input("groups", ["batch"], "int32");
  const loss = candidateListLoss(own, taught, groups, takesPart);

  async function computed(e: number[], f: number[], g: number[], c: boolean[]): Promise<number> {
    const size = [e.length];
    const values = new Map([
      [own, hostTensor("float32", size, e)],
      [taught, hostTensor("float32", size, f)],
      [groups, hostTensor("int32", size, g)],
      [takesPart, hostTensor("float32", size, c.map(Number))],
    ]);
    return ((await runGraph(judge, { loss }, values)).loss.data as Float64Array)[0];
  }

  test("is the definition, rows that take no part left out", async () => {
    const e = [0.5, 2, -1, 0.25, 9, 3, 1, 0];
    const f = [1, 0.5, 0, -2, 50, 2, 4, 1];
    const g = [7, 7, 7, 2, 2, 2, 5, 5];
    const c = [true, true, true, true, false, true, false, false];
    expect(await computed(e, f, g, c)).toBeCloseTo(listLoss(e, f, g, c), 6);
  });

  test("is smallest where the early values are the final ones", async () => {
    const f = [1, 0.5, 0, -2, 2, 3];
    const g = [7, 7, 7, 2, 2, 2];
    const all = f.map(() => true);
    const best = await computed(f, f, g, all);
    for (const k of f.keys()) {
      const other = f.map((value, i) => (i === k ? value + 0.2 : value));
      expect(await computed(other, f, g, all)).toBeGreaterThan(best);
    }
  });

  test("without candidates, or with equal values, it is finite", async () => {
    expect(await computed([1, 2], [3, 4], [1, 1], [false, false])).toBe(0);
    expect(await computed([1, 1], [3, 3], [1, 1], [true, true])).toBeCloseTo(Math.log(2), 5);
  });
});

test.each([
  [{ itemFeatures: ["itm"] }, 'names the feature "itm"'],
  [{ itemFeatures: everyTask.features.map(({ name }) => name) }, "no feature is left for the user"],
  [{ distilled: [{ task: "click", label: "buy" }] }, 'no real label "buy"'],
  [{ distilled: [{ task: "like", label: "soft_click" }] }, '"like" is no task of the model'],
  [{ tasks: ["bid"] }, '"bid" is a real label'],
  [{ chain: ["click", "sale"] }, 'chain: "sale" is no task'],
  [{ list }, '"buy" is no task'],
  [{ distilled, list: { terms: [{ task: "buy", by: "price" }] } }, 'no real label "price"'],
])("%j is refused", (options, message) => {
  const make = (): EarlyStageMTL => new EarlyStageMTL(funnel, { ...small, ...options });
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});

test("lists need to know requests and candidates", () => {
  const without = { ...funnel, group: undefined };
  expect(() => new EarlyStageMTL(without, { ...small, distilled, list })).toThrow("no group or no weight");
});
