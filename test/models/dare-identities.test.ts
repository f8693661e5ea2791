/** What the equations of DARE and its baselines say about each other, in float64. */
import { describe, expect, test } from "vitest";
import { grad, reaches } from "../../src/autodiff/index.ts";
import { ConfigError } from "../../src/core/index.ts";
import { binaryCrossEntropy } from "../../src/losses/index.ts";
import { DARE, type DAREOptions } from "../../src/models/index.ts";
import type { EncodedBatch, FeatureMap } from "../../src/schema/index.ts";
import { add, sum } from "../../src/ops/index.ts";
import { placeTables } from "../../src/training/table-placement.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { exact, rows } from "./expect-same.ts";
import { logitsOf, randomArrays, traceModel, type TracedModel, zeroed } from "./forward.ts";
import { expectNear, type NamedArrays } from "./named-arrays.ts";

const small: DAREOptions = { embeddingDim: 3, k: 3, hiddenUnits: [4], searchHiddenUnits: [4] };
const make = (options: DAREOptions): DARE => new DARE(everyKind, { ...small, ...options });
const logits = (model: DARE, arrays: NamedArrays, batch: EncodedBatch = rows): Promise<number[]> =>
  logitsOf(model, everyKind, arrays, batch);

/** The shared model's arrays for a model whose roles are apart, both starting from the one table. */
function untied(arrays: NamedArrays, apart: DARE): NamedArrays {
  return Object.fromEntries(
    Object.keys(randomArrays(apart)).map((path) => [
      path,
      arrays[path.replace(/^(attention|candidateAttention|candidateRepresentation)\./, "representation.")],
    ]),
  );
}

const lossOf = ({ logits: z, auxiliary, batch }: TracedModel) =>
  auxiliary.reduce((total, loss) => add(total, loss), binaryCrossEntropy(z, batch.scalar("click")));

/** Gradients of the whole loss by path: places and tables of every role. */
async function roleGradients(model: DARE, arrays: NamedArrays): Promise<{ [path: string]: number[] }> {
  const traced = traceModel(model, everyKind, arrays, { training: true });
  const places = [...model.namedParameters()].filter(([path]) => path.includes(".places."));
  const { tables } = placeTables(model.namedTables());
  const gradients = grad(lossOf(traced), [...places.map(([, leaf]) => leaf), ...traced.batch.arenas]);
  const outputs = Object.fromEntries(gradients.map((tensor, k) => [`g${k}`, tensor]));
  const results = await runGraph(judge, outputs, traced.values(rows));
  const all = gradients.map((_, k) => Array.from(results[`g${k}`].data as Float64Array));
  const found = Object.fromEntries(places.map(([path], k) => [path, all[k]]));
  for (const { path, table, arena, first } of tables.values()) {
    const arenaGradient = all[places.length + arena];
    found[path] = arenaGradient.slice(first * table.dim, (first + table.rows) * table.dim);
  }
  return found;
}

describe("one table, two, four", () => {
  const shared = make({ tables: "shared" });
  const arrays = randomArrays(shared);

  test.each(["decoupled", "four"] as const)("%s of equal tables is TWIN, bit by bit", async (tables) => {
    const apart = make({ tables });
    expect(await logits(apart, untied(arrays, apart))).toEqual(await logits(shared, arrays));
  });

  test.each(["decoupled", "four"] as const)("the gradient of TWIN is the sum of %s's", async (tables) => {
    const apart = make({ tables });
    const one = await roleGradients(shared, arrays);
    const parts = await roleGradients(apart, untied(arrays, apart));
    for (const name of ["tables.item", "tables.category", "places.0.weight"]) {
      const own = Object.entries(parts).filter(([path]) => path.endsWith(`.${name}`));
      expect(own.map(([path]) => path.split(".")[0]).length).toBe(tables === "four" ? 4 : 2);
      const total = own[0][1].map((_, i) => own.reduce((all, [, values]) => all + values[i], 0));
      expectNear(total, one[`representation.${name}`], exact, name);
      for (const [path, values] of own) expect(Math.max(...values.map(Math.abs)), path).toBeGreaterThan(1e-6);
    }
  });

  test("projections that are identities are TWIN", async () => {
    const projected = make({ tables: "projected" });
    const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const own = Object.fromEntries(
      Object.entries(randomArrays(projected)).map(([path, array]) => [
        path,
        /Maps\./.test(path) ? { ...array, data: identity } : arrays[path],
      ]),
    );
    expectNear(await logits(projected, own), await logits(shared, arrays), exact, "logits");
  });

  test("one table has one width", () => {
    for (const tables of ["shared", "projected"] as const) {
      expect(() => make({ tables, attentionDim: 2 })).toThrow(ConfigError);
      expect(() => make({ tables, attentionDim: 2 })).toThrow(
        `tables: ${tables} attends by the rows that represent, which have one width`,
      );
      make({ tables, attentionDim: 3 });
    }
  });
});

describe("routes of the gradient", () => {
  test("scores reach attention's rows alone", () => {
    const model = make({ attentionDim: 2 });
    const { observed, batch, logits: z } = traceModel(model, everyKind, randomArrays(model));
    const scores = sum(observed.get("scores.history")!);
    const [representation, attention] = [3, 2].map((dim) => batch.arenas.find((a) => a.shape[1] === dim)!);
    expect([reaches(scores, attention), reaches(scores, representation)]).toEqual([true, false]);
    expect([reaches(sum(z), attention), reaches(sum(z), representation)]).toEqual([true, true]);
    const [ofAttention, ofRepresentation] = [model.attention, model.representation].map(
      ({ places }) => places[0],
    );
    expect(reaches(scores, ofAttention.weight)).toBe(true);
    expect(reaches(scores, ofRepresentation.weight)).toBe(false);
  });

  test("with its weights fixed, what is found teaches attention exactly nothing", async () => {
    // The softmax over one event is 1, whatever its score.
    const model = make({ k: 1, searchLossWeight: 0 });
    const gradients = await roleGradients(model, randomArrays(model));
    for (const [path, values] of Object.entries(gradients)) {
      if (path.startsWith("attention."))
        expect(
          values.every((value) => value === 0),
          path,
        ).toBe(true);
      if (path.startsWith("representation.tables")) expect(values.some((value) => value !== 0)).toBe(true);
    }
  });
});

describe("search and pooling", () => {
  test("of k events or more is attention to all: both networks read the same", async () => {
    const model = make({ k: 6, inputNorm: false });
    const arrays = randomArrays(model);
    const equal = Object.fromEntries(
      Object.entries(arrays).map(([path, array]) => [
        path,
        arrays[path.replace(/^searchDeep\./, "deep.")] ?? array,
      ]),
    );
    const losses = async (k: number): Promise<[number, number]> => {
      const traced = traceModel(make({ k, inputNorm: false }), everyKind, equal, { training: true });
      const main = binaryCrossEntropy(traced.logits, traced.batch.scalar("click"));
      const { a, b } = await runGraph(judge, { a: main, b: traced.auxiliary[0] }, traced.values(rows));
      return [Number(a.data[0]), Number(b.data[0])];
    };
    const [main, whole] = await losses(6);
    expect(main).toBeCloseTo(whole, 12);
    expect((await losses(50))[0]).toBe(main);
    expect((await losses(1))[0]).not.toBeCloseTo(main, 6);
    expect((await losses(1))[1]).toBeCloseTo(whole, 12);
  });

  test("attention of zeros is a mean of all", async () => {
    const model = make({ k: 6 });
    const traced = traceModel(model, everyKind, zeroed(randomArrays(model), /^attention\./));
    const { w } = await runGraph(judge, { w: traced.observed.get("weights.history")! }, traced.values(rows));
    const lengths = rows.columns["history.length"];
    expect(Array.from(w.data, Number)).toEqual(
      Array.from({ length: rows.size * 6 }, (_, i) => {
        const length = lengths[Math.floor(i / 6)];
        return i % 6 < length ? expect.closeTo(1 / length, 12) : 0;
      }),
    );
  });

  test("padding is never found: weights of fewer than k events add up to one", async () => {
    const model = make({ k: 5 });
    const traced = traceModel(model, everyKind, randomArrays(model, 1, 3));
    const { w } = await runGraph(judge, { w: traced.observed.get("weights.history")! }, traced.values(rows));
    for (let row = 0; row < rows.size; row++) {
      const weights = Array.from(w.data, Number).slice(row * 6, row * 6 + 6);
      const length = rows.columns["history.length"][row];
      expect(weights.slice(length).every((weight) => weight === 0)).toBe(true);
      const total = weights.reduce((all, weight) => all + weight, 0);
      expect(total).toBeCloseTo(length > 0 ? 1 : 0, 12);
      expect(weights.filter((weight) => weight > 0).length).toBe(Math.min(length, 5));
    }
  });

  test("events exchanged together with their places change nothing", async () => {
    const model = make({});
    const arrays = randomArrays(model);
    const full = fullHistories(everyKind);
    const order = [3, 0, 5, 1, 4, 2];
    const columns = { ...full.columns };
    for (const name of ["history", "historyCategory"]) {
      columns[name] = Int32Array.from(
        full.columns[name],
        (_, i) => full.columns[name][i - (i % 6) + order[i % 6]],
      );
    }
    const moved: EncodedBatch = { size: full.size, columns };
    // The event at position t of six lies 6 - t steps back.
    const places = Object.fromEntries(
      Object.entries(arrays).map(([path, array]) => {
        if (!path.includes(".places.")) return [path, array];
        const data = [...array.data];
        for (const [t, from] of order.entries())
          for (let d = 0; d < 3; d++) data[(6 - t) * 3 + d] = array.data[(6 - from) * 3 + d];
        return [path, { ...array, data }];
      }),
    );
    const expected = await logits(model, arrays, full);
    expectNear(await logits(model, places, moved), expected, exact, "logits");
    expect(await logits(model, arrays, moved)).not.toEqual(expected);
  });

  test("the product with the candidate may be taken event by event", async () => {
    const model = make({ hiddenUnits: [], inputNorm: false });
    const arrays = randomArrays(model);
    // A linear network that reads p ⊙ v alone.
    const weight = arrays["deep.head.weight"];
    const width = 9;
    const from = weight.data.length - width;
    const reading: NamedArrays = {
      ...arrays,
      "deep.head.weight": { ...weight, data: weight.data.map((value, i) => (i < from ? 0 : value)) },
    };
    const traced = traceModel(model, everyKind, reading);
    const { w, z } = await runGraph(
      judge,
      { w: traced.observed.get("weights.history")!, z: traced.logits },
      traced.values(rows),
    );
    const row = (path: string, at: number): readonly number[] => reading[path].data.slice(at * 3, at * 3 + 3);
    const vectorOf = (item: number, category: number, place: number): number[] => [
      ...row("representation.tables.item", item),
      ...row("representation.tables.category", category),
      ...row("representation.places.0.weight", place),
    ];
    const { columns } = rows;
    for (let b = 0; b < rows.size; b++) {
      const v = vectorOf(columns.item[b], columns.category[b], 0);
      let logit = reading["deep.head.bias"].data[0];
      for (let t = 0; t < columns["history.length"][b]; t++) {
        const e = vectorOf(
          columns.history[b * 6 + t],
          columns.historyCategory[b * 6 + t],
          columns["history.length"][b] - t,
        );
        for (let d = 0; d < width; d++)
          logit += Number(w.data[b * 6 + t]) * weight.data[from + d] * e[d] * v[d];
      }
      expect(Number(z.data[b])).toBeCloseTo(logit, 11);
    }
  });
});

test("a history without anything else is a model, too", async () => {
  const bare: FeatureMap = {
    ...everyKind,
    features: everyKind.features.filter(({ name }) =>
      ["item", "category", "history", "historyCategory"].includes(name),
    ),
  };
  const model = new DARE(bare, small);
  expect(model.embedding.width).toBe(0);
  const found = await logitsOf(model, bare, randomArrays(model), drawRows(bare, 9, 21));
  expect(new Set(found).size).toBeGreaterThan(5);
});

/** Rows whose histories are all of the full length. */
function fullHistories(schema: FeatureMap): EncodedBatch {
  const drawn = drawRows(schema, 7, 31);
  const columns = { ...drawn.columns };
  for (const [name, size] of [
    ["history", 30],
    ["historyCategory", 9],
  ] as const) {
    columns[name] = Int32Array.from({ length: 42 }, (_, i) => 1 + ((i * 7 + (i % 5)) % (size - 1)));
    columns[`${name}.length`] = new Int32Array(7).fill(6);
  }
  return { size: 7, columns };
}
