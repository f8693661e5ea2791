/** What the equations of models over histories say about each other, in float64. */
import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import type { HostTensor } from "../../src/engine/index.ts";
import {
  eventDistances,
  GRU,
  type GRUKind,
  HSTULayer,
  MultiHeadAttention,
  MultiHeadTargetAttention,
  RelativeBias,
  SetPooling,
  SimHash,
  selectRecent,
  selectTopK,
  takeEvents,
  TargetAttention,
} from "../../src/layers/index.ts";
import { DIEN, ETA, HSTU, SDIM, SIM, TWIN } from "../../src/models/index.ts";
import type { Model, Module } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import type { EncodedBatch, FeatureMap } from "../../src/schema/index.ts";
import { constant, input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { logitsOf, randomArrays } from "./forward.ts";
import { expectNear, type NamedArrays } from "./named-arrays.ts";

const exact = 1e-12;

function drawn(name: string, dims: readonly number[]): HostTensor {
  const random = new CounterRandom(5, name);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return hostTensor(
    "float32",
    dims,
    Float32Array.from({ length: count }, (_, i) => random.normal(i)),
  );
}

/** Runs tensors of a layer with random weights; inputs by leaf. */
async function values<Name extends string>(
  outputs: { readonly [name in Name]: Tensor },
  inputs: readonly (readonly [Tensor, HostTensor])[],
  module?: Module,
): Promise<{ [name in Name]: number[] }> {
  const leaves = new Map(inputs);
  for (const [path, leaf] of module?.namedParameters() ?? []) leaves.set(leaf, drawn(path, leaf.shape));
  const results = await runGraph(judge, outputs, leaves);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float64Array, Number)]),
  ) as { [name in Name]: number[] };
}

const events = input("events", ["batch", 4, 6]);
const target = input("target", ["batch", 6]);
const mask = input("mask", ["batch", 4]);
const someEvents = drawn("events", [3, 4, 6]);
const given = [
  [events, someEvents],
  [target, drawn("target", [3, 6])],
  [mask, hostTensor("float32", [3, 4], [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1])],
] as const;

/** The same inputs with entries of the length axis exchanged, mask and all. */
function permuted(order: readonly number[]): (readonly [Tensor, HostTensor])[] {
  return given.map(([leaf, { dims, data, dtype }]) => {
    if (leaf === target) return [leaf, hostTensor(dtype, dims, data)];
    const inner = data.length / 12;
    const moved = Array.from({ length: data.length }, (_, i) => {
      const [row, at, k] = [Math.floor(i / (4 * inner)), Math.floor(i / inner) % 4, i % inner];
      return Number(data[(row * 4 + order[at]) * inner + k]);
    });
    return [leaf, hostTensor("float32", dims, moved)];
  });
}

describe("selections", () => {
  const scores = input("scores", ["batch", 4]);

  test("the best first, ties in order, padding never before an event however low its score", async () => {
    const chosen = selectTopK(scores, mask, 3);
    const { index, left } = await values({ index: chosen.index, left: chosen.mask }, [
      [scores, hostTensor("float32", [3, 4], [-1e38, 2, -1e30, 9, 0, 0, 0, 0, 5, 7, 5, 5])],
      given[2],
    ]);
    expect(index.slice(0, 3)).toEqual([1, 2, 0]);
    expect(index.slice(6)).toEqual([1, 0, 2]);
    expect(left).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1]);
  });

  test("the last ones, and how far back each lies", async () => {
    const last = selectRecent(mask, 2);
    const outputs = { index: last.index, left: last.mask, distance: eventDistances(mask) };
    expect(await values(outputs, [given[2]])).toEqual({
      index: [2, 1, 0, 0, 3, 2],
      left: [1, 1, 0, 0, 1, 1],
      distance: [3, 2, 1, 0, 0, 0, 0, 0, 4, 3, 2, 1],
    });
  });

  test("take the events they name", async () => {
    const index = constant(Int32Array.of(2, 0, 1, 1, 3, 2), { shape: [3, 2], dtype: "int32" });
    const fixed = input("fixed", [3, 4, 6]);
    const { y } = await values({ y: takeEvents(fixed, index) }, [[fixed, someEvents]]);
    const rows = [2, 0, 5, 5, 11, 10];
    expect(y).toEqual(rows.flatMap((row) => Array.from(someEvents.data.slice(row * 6, row * 6 + 6), Number)));
  });
});

describe("attention", () => {
  test("of k events or more is attention to all", async () => {
    const attention = new MultiHeadTargetAttention(6, { width: 4, heads: 2 });
    const full = attention.forward(target, events, mask);
    const outputs = { full, same: attention.forward(target, events, mask, { k: 4 }) };
    const { full: a, same } = await values(outputs, given, attention);
    expect(same).toEqual(a);
    expect(a.slice(6, 12)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("with as many as there are events gives the same through the search", async () => {
    const attention = new MultiHeadTargetAttention(6, { width: 4, heads: 2 });
    const three = hostTensor("float32", [3, 4], [1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
    const outputs = {
      full: attention.forward(target, events, mask),
      found: attention.forward(target, events, mask, { k: 3 }),
    };
    const { full, found } = await values(outputs, [given[0], given[1], [mask, three]], attention);
    expectNear(found, full, exact, "found");
  });

  test("softmax of a history of one returns it", async () => {
    const unit = new TargetAttention(6, { hidden: [3], activation: "relu", softmax: true });
    const one = hostTensor("float32", [3, 4], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    const { y } = await values(
      { y: unit.forward(target, events, mask) },
      [given[0], given[1], [mask, one]],
      unit,
    );
    const firsts = [0, 4, 8].flatMap((row) =>
      Array.from(someEvents.data.slice(row * 6, row * 6 + 6), Number),
    );
    expectNear(y, firsts, exact, "first events");
  });

  const single = new MultiHeadTargetAttention(6, { width: 4 });
  const pooling = new SetPooling(6, { seeds: 2, heads: 3 });

  test.each([
    ["target attention", single, single.forward(target, events, mask)],
    ["its search", single, single.forward(target, events, mask, { k: 2 })],
    ["set pooling", pooling, pooling.forward(events, mask)],
  ] as const)("%s does not know the order of events", async (_, module, y) => {
    const before = await values({ y }, given, module);
    const after = await values({ y }, permuted([2, 0, 3, 1]), module);
    expectNear(after.y, before.y, exact, "pooled");
  });
});

describe("causality", () => {
  const changed = [
    [
      events,
      hostTensor(
        "float32",
        [3, 4, 6],
        Array.from(someEvents.data as Float32Array, (x, i) => x + ((i / 6) % 4 >= 2 ? 1 : 0)),
      ),
    ],
    given[1],
    given[2],
  ] as const;
  const lower = constant(
    Float32Array.from({ length: 16 }, (_, i) => (i % 4 <= Math.floor(i / 4) ? 1 : 0)),
    { shape: [1, 4, 4] },
  );
  const attention = new MultiHeadAttention(6, { heads: 2, causal: true });
  const hstu = new HSTULayer(6, { normalizer: 4, heads: 2 });
  const gru = new GRU(6, 3);
  const all = [
    ["attention", attention, attention.forward(events)],
    ["HSTU", hstu, hstu.forward(events, lower)],
    ["GRU", gru, gru.forward(events)],
  ] as const;

  test.each(all)("%s: later events change nothing before", async (_, module, y) => {
    const before = (await values({ y }, given, module)).y;
    const after = (await values({ y }, changed, module)).y;
    const width = before.length / 12;
    for (let row = 0; row < 3; row++) {
      const at = row * 4 * width;
      expect(after.slice(at, at + 2 * width)).toEqual(before.slice(at, at + 2 * width));
      expect(after.slice(at + 2 * width, at + 3 * width)).not.toEqual(
        before.slice(at + 2 * width, at + 3 * width),
      );
    }
  });

  test("HSTU: what is not allowed contributes exactly 0", async () => {
    const allowed = constant([1, 1, 0, 0], { shape: [1, 1, 4] });
    const bias = input("bias", ["batch", 4, 4]);
    const y = hstu.forward(events, allowed, bias);
    const noise = [bias, drawn("bias", [3, 4, 4])] as const;
    const before = (await values({ y }, [...given, noise], hstu)).y;
    const after = (await values({ y }, [...changed, noise], hstu)).y;
    for (let row = 0; row < 3; row++) {
      expect(after.slice(row * 24, row * 24 + 12)).toEqual(before.slice(row * 24, row * 24 + 12));
    }
  });
});

describe("GRU led by attention", () => {
  const scores = input("scores", ["batch", 4]);
  const ones = [
    scores,
    hostTensor(
      "float32",
      [3, 4],
      Array.from({ length: 12 }, () => 1),
    ),
  ] as const;
  const zeros = [scores, hostTensor("float32", [3, 4], new Float32Array(12))] as const;
  const plain = new GRU(6, 3);
  const run = async (kind: GRUKind, led: readonly [Tensor, HostTensor]): Promise<number[]> => {
    const gru = new GRU(6, 3, { kind });
    const y = gru.forward(events, { mask, scores: kind === "GRU" ? undefined : scores });
    return (await values({ y }, [...given, led], gru)).y;
  };

  test("is the plain one where all scores are 1", async () => {
    const expected = await run("GRU", ones);
    expect(await run("AUGRU", ones)).toEqual(expected);
    expect(await run("AIGRU", ones)).toEqual(expected);
  });

  test("keeps its state where scores are 0", async () => {
    const nothing = Array.from({ length: 36 }, () => 0);
    expect(await run("AUGRU", zeros)).toEqual(nothing);
    expect(await run("AGRU", zeros)).toEqual(nothing);
  });

  test("keeps its state at masked steps", async () => {
    const y = (await values({ y: plain.forward(events, { mask }) }, given, plain)).y;
    expect(y.slice(9, 12)).toEqual(y.slice(6, 9));
    expect(y.slice(12, 24)).toEqual(Array.from({ length: 12 }, () => 0));
    const last = (await values({ y: plain.last(events, { mask }) }, given, plain)).y;
    expect(last.slice(0, 3)).toEqual(y.slice(6, 9));
  });
});

test("SimHash: scale changes nothing, the opposite differs in every bit", async () => {
  const hash = new SimHash(6, 16);
  const x = drawn("x", [3, 6]);
  const stacked = hostTensor(
    "float32",
    [3, 4, 6],
    Array.from({ length: 72 }, (_, i) => {
      const factor = [1, 1e-3, -2, 100][Math.floor(i / 6) % 4];
      return factor * Number(x.data[Math.floor(i / 24) * 6 + (i % 6)]);
    }),
  );
  const outputs = { distance: hash.distances(target, events), met: hash.collisions(target, events, 4) };
  const { distance, met } = await values(
    outputs,
    [
      [target, x],
      [events, stacked],
    ],
    hash,
  );
  expect(distance).toEqual([0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 16, 0]);
  const row = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1];
  expect(met).toEqual([...row, ...row, ...row]);
});

test("relative bias by hand: the last event and the candidate look from the time of the request", async () => {
  const bias = new RelativeBias(2, { times: true });
  const two = input("two", ["batch", 2]);
  const ages = input("ages", ["batch", 2]);
  const time = Float32Array.from({ length: 129 }, (_, i) => 1000 * i);
  const leaves = new Map<Tensor, HostTensor>([
    [two, hostTensor("float32", [2, 2], [1, 1, 1, 0])],
    [ages, hostTensor("float32", [2, 2], [100, 10, 5, 0])],
    [bias.position, hostTensor("float32", [3], [1, 2, 3])],
    [bias.time as Tensor, hostTensor("float32", [129], time)],
  ]);
  const { y } = await runGraph(judge, { y: bias.forward(two, ages) }, leaves);
  const bucket = (seconds: number): number => 1000 * Math.floor(Math.log(Math.max(1, seconds)) / 0.301);
  const at = (row: number, i: number, j: number): number => Number(y.data[row * 9 + i * 3 + j]);
  expect(at(0, 0, 0)).toBe(1 + bucket(90));
  expect([at(0, 1, 0), at(0, 1, 1)]).toEqual([2 + bucket(100), 1 + bucket(10)]);
  expect([at(0, 2, 0), at(0, 2, 1), at(0, 2, 2)]).toEqual([3 + bucket(100), 2 + bucket(10), 1 + bucket(0)]);
  // One event only: the candidate stands right behind it, though a place is empty between.
  expect([at(1, 0, 0), at(1, 2, 0), at(1, 2, 2)]).toEqual([1 + bucket(5), 2 + bucket(5), 1]);
});

describe("models", () => {
  const rows = drawRows(everyKind, 9, 21);
  const shared = {
    embeddingDim: 2,
    hiddenUnits: [4],
    hiddenActivation: "tanh" as const,
    attentionWidth: 4,
    shortLength: 2,
  };
  const found = { ...shared, k: 6 };

  /** Arrays under the other model's names. */
  const renamed = (model: Model, arrays: NamedArrays, rename: (path: string) => string): NamedArrays =>
    Object.fromEntries(Object.keys(randomArrays(model)).map((path) => [path, arrays[rename(path)]]));

  test("SIM, ETA and TWIN that find everything attend to everything: one model", async () => {
    const [sim, eta, twin] = [
      new SIM(everyKind, found),
      new ETA(everyKind, found),
      new TWIN(everyKind, found),
    ];
    const arrays = { ...randomArrays(sim), ...randomArrays(eta) };
    const expected = await logitsOf(eta, everyKind, arrays, rows);
    expectNear(await logitsOf(sim, everyKind, arrays, rows), expected, exact, "SIM");
    const own = renamed(twin, arrays, (path) => path.replace(/^searches\.0\.(recent|found)\./, "$1.0."));
    expectNear(await logitsOf(twin, everyKind, own, rows), expected, exact, "TWIN");
    const fewer = new ETA(everyKind, { ...found, k: 1 });
    expect(await logitsOf(fewer, everyKind, arrays, rows)).not.toEqual(expected);
  });

  test("SIM's hard search sees the candidate's category alone", async () => {
    const sim = new SIM(everyKind, { ...shared, search: "hard", k: 1, shortLength: 1 });
    const arrays = randomArrays(sim);
    const withHistory = (history: number[], categories: number[]): EncodedBatch => ({
      size: 1,
      columns: {
        ...drawRows(everyKind, 1, 3).columns,
        category: Int32Array.of(4),
        history: Int32Array.from([...history, 0, 0, 0]),
        historyCategory: Int32Array.from([...categories, 0, 0, 0]),
        "history.length": Int32Array.of(3),
        "historyCategory.length": Int32Array.of(3),
      },
    });
    const logit = async (history: number[], categories: number[]): Promise<number[]> =>
      logitsOf(sim, everyKind, arrays, withHistory(history, categories));
    const base = await logit([5, 6, 7], [4, 5, 5]);
    expect(await logit([5, 9, 7], [4, 5, 5])).toEqual(base);
    expect(await logit([9, 6, 7], [4, 5, 5])).not.toEqual(base);
    // Of two in the category the most recent is found.
    expect(await logit([9, 6, 7], [4, 4, 5])).toEqual(await logit([5, 6, 7], [4, 4, 5]));
  });

  test("SIM's hard search needs categories", () => {
    const plain = {
      ...everyKind,
      features: everyKind.features.filter(({ name }) => name !== "historyCategory"),
    };
    expect(() => new SIM(plain, { search: "hard" })).toThrow("needs a sequence of categories aligned");
    expect(() => new SIM(everyKind, { search: "hard", categorySequence: "tags" })).toThrow("aligned");
    new SIM(plain, {});
  });

  test("SDIM of a history of candidates is the candidate at length 1", async () => {
    const schema: FeatureMap = everyKind;
    const one = { ...rows, columns: { ...rows.columns } };
    const several = { ...rows, columns: { ...rows.columns } };
    for (const [name, from] of [
      ["history", "item"],
      ["historyCategory", "category"],
    ]) {
      for (const [batch, length] of [
        [one, 1],
        [several, 4],
      ] as const) {
        batch.columns[name] = Int32Array.from({ length: 54 }, (_, i) =>
          i % 6 < length ? rows.columns[from][Math.floor(i / 6)] : 0,
        );
        batch.columns[`${name}.length`] = new Int32Array(9).fill(length);
      }
    }
    const sdim = new SDIM(schema, { ...shared, shortLength: 1 });
    const arrays = randomArrays(sdim);
    expectNear(
      await logitsOf(sdim, schema, arrays, several),
      await logitsOf(sdim, schema, arrays, one),
      1e-9,
      "logits",
    );
  });

  test("DIEN in evaluation does not depend on its auxiliary network", async () => {
    const [plain, taught] = [0, 0.5].map(
      (auxiliaryWeight) => new DIEN(everyKind, { embeddingDim: 2, hiddenUnits: [4], auxiliaryWeight }),
    );
    const arrays = randomArrays(taught);
    expect(await logitsOf(plain, everyKind, arrays, rows)).toEqual(
      await logitsOf(taught, everyKind, arrays, rows),
    );
  });

  test("HSTU reads times where the history has them", async () => {
    const timed: FeatureMap = {
      ...everyKind,
      features: everyKind.features.map((feature) =>
        feature.name === "history" && feature.kind === "sequence"
          ? { ...feature, timesColumn: "times" }
          : feature,
      ),
    };
    const options = { embeddingDim: 2, hiddenUnits: [4] };
    const [hstu, blind] = [new HSTU(timed, options), new HSTU(everyKind, options)];
    const arrays = randomArrays(hstu);
    const ages = (scale: number): EncodedBatch => ({
      ...rows,
      columns: {
        ...rows.columns,
        "history.age": Float32Array.from({ length: 54 }, (_, i) =>
          i % 6 < rows.columns["history.length"][Math.floor(i / 6)] ? scale * (6 - (i % 6)) : 0,
        ),
      },
    });
    const near = await logitsOf(hstu, timed, arrays, ages(1));
    expect(await logitsOf(hstu, timed, arrays, ages(3600))).not.toEqual(near);
    const untaught = Object.fromEntries(
      Object.entries(arrays).map(([path, array]) => [
        path,
        path.endsWith(".time") ? { ...array, data: array.data.map(() => 0) } : array,
      ]),
    );
    expect(await logitsOf(hstu, timed, untaught, ages(3600))).toEqual(
      await logitsOf(blind, everyKind, arrays, rows),
    );
  });
});
