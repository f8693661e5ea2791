/** What the equations of the collapsed-and-entangled-world ranker's parts say about each other, in float64. */
import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import { GroupedPairs, TemporalInterest, type TemporalInterestOptions } from "../../src/layers/index.ts";
import {
  AME,
  FM,
  GwPFM,
  HMoEME,
  MMoE,
  SharedBottom,
  STEMAL,
  type STEMALOptions,
  TIN,
} from "../../src/models/index.ts";
import type { Model, Module } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyKind, everyTask } from "./every-kind.ts";
import { exact, expectSame, filled, sharedWith } from "./expect-same.ts";
import { allLogitsOf, randomArrays } from "./forward.ts";
import { expectNear, type NamedArrays } from "./named-arrays.ts";
import { reach } from "./reach.ts";

const random = new CounterRandom(5, "layers");
const draw = (count: number, stream: number): number[] =>
  Array.from({ length: count }, (_, k) => Math.fround(random.normal(1000 * stream + k)));

/** A layer's parameters, drawn (or all `value`). */
function parametersOf(layer: Module, value?: number): [Tensor, ReturnType<typeof hostTensor>][] {
  return [...layer.namedParameters().values()].map((leaf, k) => {
    const count = leaf.shape.reduce((product, size) => product * size, 1);
    const data = value === undefined ? draw(count, 50 + k) : Array.from({ length: count }, () => value);
    return [leaf, hostTensor("float32", leaf.shape, data)];
  });
}

describe("temporal interest module", () => {
  const [batch, length, dim] = [4, 3, 2];
  const target = input("target", ["batch", dim]);
  const history = input("history", ["batch", length, dim]);
  const mask = input("mask", ["batch", length]);
  const ages = input("ages", ["batch", length]);
  const lengths = [3, 1, 0, 2];
  const given = {
    target: draw(batch * dim, 1),
    history: draw(batch * length * dim, 2),
    mask: lengths.flatMap((n) => Array.from({ length }, (_, k) => Number(k < n))),
    ages: [5000, 300, 7, 64, 0, 0, 0, 0, 0, 2 ** 20, 1, 0],
  };

  async function pooled(
    options: Omit<TemporalInterestOptions, "length">,
    values: typeof given = given,
    parameter?: number,
  ): Promise<number[][]> {
    const layer = new TemporalInterest(dim, { length, ...options });
    const leaves = new Map([
      ...parametersOf(layer, parameter),
      [target, hostTensor("float32", [batch, dim], values.target)] as const,
      [history, hostTensor("float32", [batch, length, dim], values.history)] as const,
      [mask, hostTensor("float32", [batch, length], values.mask)] as const,
      [ages, hostTensor("float32", [batch, length], values.ages)] as const,
    ]);
    const { u } = await runGraph(judge, { u: layer.forward({ target, history, mask, ages }) }, leaves);
    const data = Array.from(u.data as Float64Array);
    return Array.from({ length: batch }, (_, row) => data.slice(row * dim, (row + 1) * dim));
  }

  test("without time it is attention by inner products, with the product as value", async () => {
    for (const encoding of ["none", "both"] as const) {
      // A table of zeros is no table.
      const u = await pooled({ encoding }, given, 0);
      for (const [row, n] of lengths.entries()) {
        const v = given.target.slice(row * dim, (row + 1) * dim);
        const events = Array.from({ length: n }, (_, k) =>
          given.history.slice((row * length + k) * dim, (row * length + k + 1) * dim),
        );
        const scores = events.map((e) => Math.exp((e[0] * v[0] + e[1] * v[1]) / Math.sqrt(dim)));
        const total = scores.reduce((sum, score) => sum + score, 0);
        const expected = v.map((x, d) =>
          events.reduce((sum, e, k) => sum + (scores[k] / total) * e[d] * x, 0),
        );
        // 1/√d is a float32 of the graph.
        expectNear(u[row], expected, 1e-7, `row ${row}`);
      }
    }
  });

  test("events and their times together may come in any order", async () => {
    const order = [2, 0, 1];
    const moved = (values: readonly number[], width: number): number[] =>
      Array.from({ length: values.length / width }, (_, place) => {
        const [row, k] = [Math.floor(place / length), place % length];
        const from = row === 0 ? order[k] : k;
        return values.slice((row * length + from) * width, (row * length + from + 1) * width);
      }).flat();
    const turned = { ...given, history: moved(given.history, dim), ages: moved(given.ages, 1) };
    expectNear(
      (await pooled({ encoding: "gap" }, turned)).flat(),
      (await pooled({ encoding: "gap" })).flat(),
      exact,
      "u",
    );
    // Places are the order: with them it matters.
    const [a, b] = [await pooled({ encoding: "position" }, turned), await pooled({ encoding: "position" })];
    expect(Math.abs(a[0][0] - b[0][0])).toBeGreaterThan(1e-3);
  });

  test("one event: u = ẽ ⊙ ṽ", async () => {
    const layer = new TemporalInterest(dim, { length });
    const [[, { data }]] = parametersOf(layer);
    const places = Array.from(data as Float32Array);
    const u = await pooled({});
    // Row 1 has one event, the most recent; places hold the candidate's vector and then this event's.
    const expected = Array.from({ length: dim }, (_, d) => {
      const [e, v] = [given.history[length * dim + d], given.target[dim + d]];
      return (e + places[dim + d]) * (v + places[d]);
    });
    expectNear(u[1], expected, exact, "u");
    expectNear(u[2], [0, 0], 0, "no event");
  });

  test("a model whose places are zeros is one without time", async () => {
    const model = new TIN(everyKind, { embeddingDim: 2, hiddenUnits: [4] });
    const plain = new TIN(everyKind, { embeddingDim: 2, hiddenUnits: [4], temporalEncoding: "none" });
    const arrays = randomArrays(model);
    const path = "interests.0.position.weight";
    await expectSame(
      [model, { ...arrays, [path]: filled(arrays[path], 0) }],
      [plain, sharedWith(plain, arrays)],
    );
  });
});

describe("GwPFM", () => {
  const [batch, fields, width] = [3, 5, 2];

  /** The layer, and the same pair by pair. */
  async function both(groups: readonly (readonly number[])[]): Promise<[number[], number[]]> {
    const layer = new GroupedPairs(groups, { width });
    const e = input("e", ["batch", fields, groups.length * width]);
    const values = draw(batch * fields * groups.length * width, 3);
    const [[leaf, r]] = parametersOf(layer);
    const leaves = new Map([
      [leaf, r],
      [e, hostTensor("float32", [batch, fields, groups.length * width], values)],
    ]);
    const { o } = await runGraph(judge, { o: layer.forward(e) }, leaves);
    const groupOf = (field: number): number => groups.findIndex((group) => group.includes(field));
    const pairs: string[] = [];
    for (let a = 0; a < groups.length; a++) for (let b = a; b < groups.length; b++) pairs.push(`${a} ${b}`);
    const part = (row: number, field: number, group: number, d: number): number =>
      values[((row * fields + field) * groups.length + group) * width + d];
    const expected: number[] = [];
    for (let row = 0; row < batch; row++) {
      for (let d = 0; d < width; d++) {
        let total = 0;
        for (let i = 0; i < fields; i++) {
          for (let j = i + 1; j < fields; j++) {
            const [a, b] = [groupOf(i), groupOf(j)];
            const weight = (r.data as Float32Array)[pairs.indexOf(`${Math.min(a, b)} ${Math.max(a, b)}`)];
            total += weight * part(row, i, b, d) * part(row, j, a, d);
          }
        }
        expected.push(total);
      }
    }
    return [Array.from(o.data as Float64Array), expected];
  }

  test("is the weighted sum over pairs, whatever the groups", async () => {
    for (const groups of [
      [[0, 1, 2, 3, 4]],
      [
        [3, 0],
        [1, 4, 2],
      ],
      // A group for each field: a field-weighted FFM.
      [[0], [1], [2], [3], [4]],
    ]) {
      const [received, expected] = await both(groups);
      expectNear(received, expected, 1e-10, JSON.stringify(groups));
    }
  });

  test("with one group and weight 1 is FM", async () => {
    const all = everyKind.features.map(({ name }) => name);
    const [gwpfm, fm] = [
      new GwPFM(everyKind, { embeddingDim: 3, groups: [all] }),
      new FM(everyKind, { embeddingDim: 3 }),
    ];
    const arrays = randomArrays(gwpfm);
    await expectSame(
      [gwpfm, { ...arrays, "pairs.weight": { shape: [1], data: [1] } }],
      [fm, sharedWith(fm, arrays)],
    );
  });

  test("refuses a feature in two groups, and one that is not there", () => {
    const make = (groups: string[][]) => () => new GwPFM(everyKind, { groups });
    expect(make([["user"], ["item", "user"]])).toThrow("groups: the feature user stands in two groups");
    expect(make([["usr"]])).toThrow('the model names the feature "usr"');
  });
});

const gated = {
  embeddingDim: 2,
  expertHiddenUnits: [4, 3],
  gateHiddenUnits: [3],
  towerHiddenUnits: [3],
  hiddenActivation: "tanh" as const,
};
const rows = drawRows(everyTask, 24, 21);
const logitsOf = (model: Model, arrays: NamedArrays, schema: FeatureMap = everyTask) =>
  allLogitsOf(model, schema, arrays, rows);

/** The arrays of a model by the paths of another, the first pattern that matches rewriting a path. */
function taken(
  model: Model,
  from: NamedArrays,
  ...rules: readonly (readonly [RegExp, string])[]
): NamedArrays {
  return Object.fromEntries(
    Object.keys(randomArrays(model)).map((path) => {
      const [pattern, to] = rules.find(([own]) => own.test(path)) ?? [/^$/, ""];
      const source = from[path.replace(pattern, to)];
      expect(source, path).toBeDefined();
      return [path, source];
    }),
  );
}

async function expectEqualLogits(
  [a, arraysA]: readonly [Model, NamedArrays],
  [b, arraysB]: readonly [Model, NamedArrays],
): Promise<void> {
  const [first, second] = [await logitsOf(a, arraysA), await logitsOf(b, arraysB)];
  for (const [label, logits] of Object.entries(second)) {
    expectNear(first[label], logits, exact, label);
    expect(new Set(logits.map((value) => value.toFixed(9))).size).toBeGreaterThan(9);
  }
}

describe("table sets", () => {
  const one = { ...gated, historyPooling: "mean" as const };

  test("one expert of HMoE-ME is its host", async () => {
    const host = new SharedBottom(everyTask, {
      embeddingDim: 2,
      bottomHiddenUnits: [4, 3],
      towerHiddenUnits: [3],
      hiddenActivation: "tanh",
      interaction: "cross",
    });
    const model = new HMoEME(everyTask, { ...one, experts: ["cross"] });
    const arrays = randomArrays(model);
    const own = taken(host, arrays, [/^embedding/, "mixture.sets.0"], [/^bottom/, "mixture.experts.0.0"]);
    await expectEqualLogits([model, arrays], [host, own]);
  });

  test("sets and experts that are all equal are one", async () => {
    const model = new HMoEME(everyTask, { ...one, experts: ["cross", "cross", "cross"] });
    const single = new HMoEME(everyTask, { ...one, experts: ["cross"] });
    const arrays = randomArrays(single);
    const wide = randomArrays(model);
    const equal = Object.fromEntries(
      Object.keys(wide).map((path) => {
        const source = path.replace(/^mixture\.(sets|experts)\.\d/, "mixture.$1.0");
        // Whatever the gates say: what they weigh is the same.
        return [path, path.startsWith("mixture.gates") ? wide[path] : arrays[source]];
      }),
    );
    await expectEqualLogits([model, equal], [single, arrays]);
  });

  test("an expert sees its own set alone", async () => {
    const model = new HMoEME(everyTask, { ...one, experts: ["none", "cross"], aggregation: "weights" });
    const arrays = randomArrays(model);
    // With all weight on one expert, the other's tables say nothing.
    const weights = { shape: [2], data: [0, -1e9] };
    const first = { ...arrays, "mixture.weights.0": weights, "mixture.weights.1": weights };
    const others = randomArrays(model, 77);
    const changed = Object.fromEntries(
      Object.keys(first).map((path) => [
        path,
        path.startsWith("mixture.sets.1") ? others[path] : (first as NamedArrays)[path],
      ]),
    );
    await expectEqualLogits([model, first], [model, changed]);
  });

  test("AME with one set is MMoE", async () => {
    const { embeddingDim, ...rest } = gated;
    const model = new AME(everyTask, { ...rest, embeddingDims: [embeddingDim], expertsPerSet: 3 });
    const mmoe = new MMoE(everyTask, { ...gated, experts: 3 });
    const arrays = randomArrays(model);
    const own = taken(
      mmoe,
      arrays,
      [/^embedding/, "mixture.sets.0"],
      [/^mixture\.shared/, "mixture.experts.0"],
    );
    await expectEqualLogits([model, arrays], [mmoe, own]);
  });

  test("a GwPFM expert needs a width that the groups divide", () => {
    const make = () =>
      new HMoEME(everyTask, { experts: ["gwpfm"], embeddingDim: 5, groups: [["user"], ["item"]] });
    expect(make).toThrow("needs an embedding width that its 3 groups divide; it is 5");
  });
});

describe("STEM-AL", () => {
  const create = (options: STEMALOptions = {}): STEMAL => new STEMAL(everyTask, { ...gated, ...options });

  test("with its gate fixed to the own expert, the main task is a single-task model", async () => {
    const model = create();
    const single = new SharedBottom(everyTask, {
      embeddingDim: 2,
      bottomHiddenUnits: [4, 3],
      towerHiddenUnits: [3],
      hiddenActivation: "tanh",
      tasks: ["click"],
    });
    const arrays = randomArrays(model);
    const fixed = {
      ...arrays,
      "gates.0.head.weight": filled(arrays["gates.0.head.weight"], 0),
      "gates.0.head.bias": { shape: [2], data: [0, -1e9] },
    };
    const own = taken(single, arrays, [/^embedding/, "own.0"], [/^bottom/, "experts.0"]);
    const [both, alone] = [await logitsOf(model, fixed), await logitsOf(single, own)];
    expectNear(both.click, alone.click, exact, "click");
  });

  test("losses reach their own tables; the main one reads the other's and trains them only if it may", async () => {
    const main = await reach(create(), everyTask, "click", rows);
    expect(main(/^own\.0\./)).toBeGreaterThan(0);
    expect(main(/^own\.1\./)).toBe(0);
    expect(main(/^experts\.1\./)).toBe(0);
    const auxiliary = await reach(create(), everyTask, "buy", rows);
    expect(auxiliary(/^own\.1\./)).toBeGreaterThan(0);
    expect(auxiliary(/^(own|experts|gates)\.0\./)).toBe(0);
    const trained = await reach(create({ auxiliaryExperts: "trained" }), everyTask, "click", rows);
    expect(trained(/^own\.1\./)).toBeGreaterThan(0);
  });

  test("stop-gradient changes no prediction, and other experts are read", async () => {
    const arrays = randomArrays(create());
    await expectEqualLogits([create(), arrays], [create({ auxiliaryExperts: "trained" }), arrays]);
    const others = randomArrays(create(), 77);
    const changed = Object.fromEntries(
      Object.keys(arrays).map((path) => [path, path.startsWith("own.1") ? others[path] : arrays[path]]),
    );
    const [before, after] = [await logitsOf(create(), arrays), await logitsOf(create(), changed)];
    expect(before.click.some((logit, k) => Math.abs(logit - after.click[k]) > 1e-6)).toBe(true);
  });

  test("refuses a main task that is none", () => {
    expect(() => create({ mainTasks: ["like"] })).toThrow("main_tasks: like is none of the tasks");
  });
});
