/** CrossDistil's losses in float64 on a backbone whose logits are plain sums, worked out by hand. */
import { describe, expect, test } from "vitest";
import { judge } from "../../test/graph/run.ts";
import { drawRows } from "../../test/models/every-kind.ts";
import { leafValues } from "../../test/models/leaf-values.ts";
import { clickAndLike } from "../../test/models/shared-bottom.ts";
import type { NamedArrays } from "../../test/models/named-arrays.ts";
import { type Batch, Model, Parameter } from "../module/index.ts";
import { type HostTensor, hostTensor } from "../onnx/index.ts";
import { add, mul, reshape, slice, squeeze } from "../ops/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { defaultObjective, trainingGraph } from "../training/index.ts";
import { CrossDistil, type CrossDistilOptions, teacherOf } from "./cross-distil.ts";

/** logit of label l = a_l · price + b · age, with b shared by all labels. */
class Sums extends Model {
  readonly own: { readonly [label: string]: Parameter };
  readonly shared = new Parameter([1]);

  constructor(schema: FeatureMap) {
    super();
    this.own = Object.fromEntries(schema.labels.map(({ name }) => [name, new Parameter([1])]));
  }

  forward(batch: Batch): { [label: string]: Tensor } {
    const numbers = batch.numbers(["price", "age"]);
    const [price, age] = [0, 1].map((k) => squeeze(slice(numbers, { axis: 1, start: k, end: k + 1 }), 1));
    return Object.fromEntries(
      Object.entries(this.own).map(([name, weight]) => [
        name,
        add(mul(price, reshape(weight, [])), mul(age, reshape(this.shared, []))),
      ]),
    );
  }
}

const ROWS = 24;
const rows = drawRows(clickAndLike, ROWS, 3);
const weights: { readonly [path: string]: number } = {
  "backbone.own.click": 0.7,
  "backbone.own.like": -0.4,
  [`backbone.own.${teacherOf("click")}`]: 1.3,
  [`backbone.own.${teacherOf("like")}`]: 0.2,
  "backbone.shared": 0.5,
};
const calibration = [0.03, 0.02, 0.08, -0.05];

/** Outputs of the training graph at fixed weights, in float64. */
async function outputs(
  model: Model,
  {
    schema = clickAndLike,
    batch = rows,
    key = 5,
  }: { schema?: FeatureMap; batch?: EncodedBatch; key?: number } = {},
): Promise<{ readonly [name: string]: number | readonly number[] }> {
  const graph = trainingGraph({
    model,
    schema,
    layout: batchLayout(schema),
    objective: defaultObjective(schema),
  });
  const arrays: NamedArrays = Object.fromEntries([
    ...[...model.namedParameters()].map(([path, { shape }]) => {
      const at = path.startsWith("backbone") || path === "calibration" ? path : `backbone.${path}`;
      return [path, { shape, data: at === "calibration" ? calibration : [weights[at]] }];
    }),
    ...[...model.namedStates()].map(([path, { shape }]) => [path, { shape, data: [2] }]),
  ]);
  const named = new Map<string, HostTensor>([["randomKey", hostTensor("uint32", [], [key])]]);
  const paths = new Map<unknown, string>([
    ...[...model.namedParameters()].map(([path, leaf]) => [leaf, `parameter:${path}`] as const),
    ...[...model.namedStates()].map(([path, leaf]) => [leaf, `state:${path}`] as const),
  ]);
  for (const [leaf, value] of leafValues(model, graph.batch, arrays, batch))
    named.set(paths.get(leaf) ?? (leaf.attributes as { name: string }).name, value);
  const session = await judge.load(graph.model);
  const feeds = Object.fromEntries(graph.inputs.map((name) => [name, named.get(name) as HostTensor]));
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => {
      const values = Array.from(data as Float64Array, Number);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

const model = (options: CrossDistilOptions): CrossDistil =>
  new CrossDistil(clickAndLike, (schema) => new Sums(schema), options);

const column = (name: string): number[] => Array.from(rows.columns[name], Number);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const logits = (name: string): number[] =>
  column("price").map((price, i) => weights[`backbone.own.${name}`] * price + 0.5 * column("age")[i]);
const cell = (task: number, k: number): number => calibration[2 * task + k];
/** r̃ of a task's teacher. */
const calibrated = (name: string, task: number): number[] =>
  logits(teacherOf(name)).map((r) => 10 * softplus(10 * cell(task, 0)) * 0.1 * r + 10 * cell(task, 1));

describe("without teaching", () => {
  test("losses and gradients are the backbone's", async () => {
    const plain = await outputs(new Sums(clickAndLike));
    const taught = await outputs(model({ alpha: 0, teacherWeight: 0 }));
    expect(taught.loss).toBe(plain.loss);
    for (const path of ["own.click", "own.like", "shared"])
      expect(taught[`gradient:backbone.${path}`]).toBe(plain[`gradient:${path}`]);
  });
});

describe("distillation", () => {
  const options = { alpha: 0.4, temperature: 2, margin: 0.3, teacherWeight: 0 };
  const targets = (name: string, task: number): number[] =>
    calibrated(name, task).map((r, i) => {
      const corrected = column(name)[i] === 1 ? Math.max(0.3, r) : Math.min(-0.3, r);
      return sigmoid(corrected / 2);
    });

  test("moves a student by (σ(r/T) - target) / T, with its share of the label's loss", async () => {
    const found = await outputs(model(options));
    for (const [task, name] of ["click", "like"].entries()) {
      const target = targets(name, task);
      const slope = logits(name).map((r, i) => {
        const taught = (sigmoid(r / 2) - target[i]) / 2;
        return (0.6 * (sigmoid(r) - column(name)[i]) + 0.4 * taught) * column("price")[i];
      });
      expect(found[`gradient:backbone.own.${name}`]).toBeCloseTo(mean(slope), 6);
    }
  });

  test("sends nothing into the teachers; calibration moves P and Q alone", async () => {
    const found = await outputs(model(options));
    for (const name of ["click", "like"]) expect(found[`gradient:backbone.own.${teacherOf(name)}`]).toBe(0);
    const gradients = found["gradient:calibration"] as readonly number[];
    for (const [task, name] of ["click", "like"].entries()) {
      const errors = calibrated(name, task).map((r, i) => sigmoid(r) - column(name)[i]);
      const unit = 100 * sigmoid(10 * cell(task, 0)) * 0.1;
      expect(gradients[2 * task]).toBeCloseTo(
        mean(errors.map((e, i) => e * logits(teacherOf(name))[i] * unit * 10)) / 10,
        6,
      );
      expect(gradients[2 * task + 1]).toBeCloseTo(mean(errors.map((e) => 10 * e)), 6);
    }
  });

  test("of all weight leaves the label out of the student's loss", async () => {
    const found = await outputs(model({ ...options, alpha: 1 }));
    const target = targets("click", 0);
    const slope = logits("click").map((r, i) => ((sigmoid(r / 2) - target[i]) / 2) * column("price")[i]);
    expect(found["gradient:backbone.own.click"]).toBeCloseTo(mean(slope), 6);
  });

  test("grows over the first steps where asked", async () => {
    const warm = await outputs(model({ ...options, warmupSteps: 4 }));
    const half = await outputs(model({ ...options, alpha: 0.2 }));
    expect(warm["gradient:backbone.own.click"]).toBeCloseTo(half["gradient:backbone.own.click"] as number, 6);
    expect(warm["state:0"]).toBe(3);
  });

  test("from the other task's own predictions needs no towers", async () => {
    const simple = model({ ...options, teacher: "other-task", calibrate: false, margin: null });
    expect([...simple.namedParameters().keys()].some((path) => path.includes("teacher"))).toBe(false);
    const found = await outputs(simple);
    const slope = logits("click").map((r, i) => {
      const taught = (sigmoid(r / 2) - sigmoid(logits("like")[i] / 2)) / 2;
      return (0.6 * (sigmoid(r) - column("click")[i]) + 0.4 * taught) * column("price")[i];
    });
    expect(found["gradient:backbone.own.click"]).toBeCloseTo(mean(slope), 6);
  });
});

describe("ranking teachers", () => {
  /** Mean of softplus(-(r_i - r_j)) over all pairs from two parts of the batch. */
  const allPairs = (
    r: readonly number[],
    upper: (i: number) => boolean,
    lower: (i: number) => boolean,
  ): number => {
    const part = (keep: (i: number) => boolean): number[] => r.filter((_, i) => keep(i));
    const pairs = part(upper).flatMap((a) => part(lower).map((b) => softplus(b - a)));
    return pairs.length === 0 ? 0 : mean(pairs);
  };
  const is =
    (name: string, value: number) =>
    (i: number): boolean =>
      column(name)[i] === value;
  const many = { alpha: 0, pairs: 4000 };

  test("with no weight on the fine order learn the plain pairwise loss", async () => {
    const found = await outputs(model({ ...many, fineWeights: [0, 0] }));
    const expected = ["click", "like"].map((name) =>
      allPairs(logits(teacherOf(name)), is(name, 1), is(name, 0)),
    );
    expect(Math.abs((found["loss:teachers"] as number) - expected[0] - expected[1])).toBeLessThan(0.08);
  });

  test("order rows of one label by the other's, on either side", async () => {
    const found = await outputs(model({ ...many, fineWeights: [2, 3] }));
    const expected = [
      ["click", "like"],
      ["like", "click"],
    ].map(([name, other]) => {
      const r = logits(teacherOf(name));
      const both = (own: number, second: number) => (i: number) => is(name, own)(i) && is(other, second)(i);
      return (
        allPairs(r, is(name, 1), is(name, 0)) +
        2 * allPairs(r, both(1, 1), both(1, 0)) +
        3 * allPairs(r, both(0, 1), both(0, 0))
      );
    });
    expect(Math.abs((found["loss:teachers"] as number) - expected[0] - expected[1])).toBeLessThan(0.25);
  });

  test("a flipped label ranks its positives below", async () => {
    const found = await outputs(model({ ...many, fineWeights: [1, 0], flipped: ["like"] }));
    const r = logits(teacherOf("click"));
    const fine = allPairs(
      r,
      (i) => is("click", 1)(i) && is("like", 0)(i),
      (i) => is("click", 1)(i) && is("like", 1)(i),
    );
    const unflipped = await outputs(model({ ...many, fineWeights: [1, 0] }));
    const plain = allPairs(
      r,
      (i) => is("click", 1)(i) && is("like", 1)(i),
      (i) => is("click", 1)(i) && is("like", 0)(i),
    );
    const change = (found["loss:teachers"] as number) - (unflipped["loss:teachers"] as number);
    expect(Math.abs(change - (fine - plain))).toBeLessThan(0.25);
  });

  test("draw other pairs with another key, the same with the same", async () => {
    const at = async (key: number) =>
      (await outputs(model({ alpha: 0, pairs: 8 }), { key }))["loss:teachers"];
    expect(await at(1)).toBe(await at(1));
    expect(await at(1)).not.toBe(await at(2));
  });

  test("leave out what an empty part would need", async () => {
    const none = { ...rows, columns: { ...rows.columns, like: new Float32Array(ROWS) } };
    const found = await outputs(model({ ...many, fineWeights: [1, 1] }), { batch: none });
    const expected = allPairs(logits(teacherOf("click")), is("click", 1), is("click", 0));
    const likes = allPairs(logits(teacherOf("like")), is("click", 1), is("click", 0));
    // Of the teachers' orders only clicks over non-clicks remain, and, below like, the same among non-likes.
    expect(Math.abs((found["loss:teachers"] as number) - expected - likes)).toBeLessThan(0.1);
  });
});

test("starts with P = 1 and Q = 0", () => {
  const { init, shape } = model({}).calibration;
  const values = new Float32Array(4);
  init(values, shape, undefined as never);
  expect(Math.log1p(Math.exp(10 * values[0]))).toBeCloseTo(1, 6);
  expect([values[1], values[3]]).toEqual([0, 0]);
});

test("needs two binary labels, and a tower for each", () => {
  const one = { ...clickAndLike, labels: clickAndLike.labels.slice(0, 1) };
  expect(() => new CrossDistil(one, (schema) => new Sums(schema))).toThrow(
    "CrossDistil needs two binary labels or more",
  );
});
