/** What the equations of multi-task and multi-domain models say about each other, in float64. */
import { describe, expect, test } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import { BatchNorm, crossExpertCovariance, PartitionedNorm } from "../../src/layers/index.ts";
import {
  AdaSparse,
  type AdaSparseOptions,
  AITM,
  Crocodile,
  CrossStitch,
  ESMM,
  HiNet,
  MMoE,
  PEPNet,
  PLE,
  SharedBottom,
  STAR,
  STEM,
} from "../../src/models/index.ts";
import { type Model, Trace, withTrace } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { add, mul } from "../../src/ops/index.ts";
import type { EncodedBatch } from "../../src/schema/index.ts";
import { constant, input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { drawRows, everyTask } from "./every-kind.ts";
import { exact, filled } from "./expect-same.ts";
import { allLogitsOf, randomArrays, traceModel, zeroed } from "./forward.ts";
import { makeLearner } from "./learner.ts";
import { expectNear, type NamedArrays, readArrays } from "./named-arrays.ts";
import { reach as reachOf } from "./reach.ts";

const rows = drawRows(everyTask, 24, 21);
const domains = Array.from(rows.columns["@domain"]);
const bottom = { embeddingDim: 2, bottomHiddenUnits: [4, 3], towerHiddenUnits: [3] };
const gated = { embeddingDim: 2, expertHiddenUnits: [4, 3], gateHiddenUnits: [3], towerHiddenUnits: [3] };

const reach = (model: Model, label: string, seen: EncodedBatch = rows): ReturnType<typeof reachOf> =>
  reachOf(model, everyTask, label, seen);

type Logits = { readonly [label: string]: number[] };
const logitsOf = (model: Model, arrays: NamedArrays, batch: EncodedBatch = rows): Promise<Logits> =>
  allLogitsOf(model, everyTask, arrays, batch);

/** Arrays under other paths: the first pattern that matches a path rewrites it. */
function renamed(arrays: NamedArrays, ...rules: readonly (readonly [RegExp, string])[]): NamedArrays {
  const rename = (path: string): string => {
    const [pattern, to] = rules.find(([from]) => from.test(path)) ?? [/^$/, ""];
    return path.replace(pattern, to);
  };
  return Object.fromEntries(Object.entries(arrays).map(([path, array]) => [rename(path), array]));
}

/** The paths of a model, taken from other arrays. */
function only(model: Model, arrays: NamedArrays): NamedArrays {
  return Object.fromEntries(Object.keys(randomArrays(model)).map((path) => [path, arrays[path]]));
}

/** With other random numbers where a path matches. */
function redrawn(model: Model, arrays: NamedArrays, pattern: RegExp): NamedArrays {
  const others = randomArrays(model, 99);
  return Object.fromEntries(
    Object.entries(arrays).map(([path, array]) => [path, pattern.test(path) ? others[path] : array]),
  );
}

function expectLogits(received: Logits, expected: Logits, tolerance = exact): void {
  expect(Object.keys(received)).toEqual(Object.keys(expected));
  for (const [label, logits] of Object.entries(expected)) {
    expectNear(received[label], logits, tolerance, label);
    expect(new Set(logits.map((value) => value.toFixed(9))).size).toBeGreaterThan(9);
  }
}

/** What a model shows of its inside. */
async function observed(
  model: Model,
  arrays: NamedArrays,
  batch: EncodedBatch = rows,
): Promise<{ [name: string]: number[] }> {
  const { observed: shown, values } = traceModel(model, everyTask, arrays);
  const results = await runGraph(judge, Object.fromEntries(shown), values(batch));
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float64Array)]),
  );
}

describe("tasks", () => {
  test("MMoE with one expert is shared-bottom with the expert as bottom", async () => {
    const [mmoe, shared] = [
      new MMoE(everyTask, { ...gated, experts: 1 }),
      new SharedBottom(everyTask, bottom),
    ];
    const arrays = randomArrays(mmoe);
    const same = only(shared, renamed(arrays, [/^mixture\.shared\.0\./, "bottom."]));
    expectLogits(await logitsOf(mmoe, arrays), await logitsOf(shared, same));
  });

  test("MMoE with one gate is MMoE whose tasks have the same gate", async () => {
    const [one, each] = [
      new MMoE(everyTask, { ...gated, experts: 3, gates: "one" }),
      new MMoE(everyTask, { ...gated, experts: 3 }),
    ];
    const arrays = randomArrays(one);
    const same = { ...arrays };
    for (const [path, values] of Object.entries(arrays)) {
      const [, rest] = path.split("mixture.gates.0.");
      for (let task = 1; rest !== undefined && task < everyTask.labels.length; task++)
        same[`mixture.gates.${task}.${rest}`] = values;
    }
    expect(Object.keys(same).length).toBeGreaterThan(Object.keys(arrays).length);
    expectLogits(await logitsOf(one, arrays), await logitsOf(each, same));
  });

  test("CrossStitch whose stitches are the identity is a model for each task; of equal weights, one for all", async () => {
    const stitched = new CrossStitch(everyTask, bottom);
    const arrays = randomArrays(stitched);
    const stitches = (weights: number[]): NamedArrays => {
      const array = { shape: [2, 2], data: weights };
      return { "stitches.0.weights": array, "stitches.1.weights": array };
    };
    const apart = { ...arrays, ...stitches([1, 0, 0, 1]) };
    const all = await logitsOf(stitched, apart);
    for (const [t, task] of ["click", "buy"].entries()) {
      const single = new SharedBottom(everyTask, { ...bottom, tasks: [task] });
      const to = "bottom.deep.layers.$1";
      const own = only(single, renamed(apart, [new RegExp(`^layers\\.(\\d)\\.${t}\\.layers\\.0`), to]));
      expectLogits({ [task]: all[task] }, await logitsOf(single, own));
    }
    const together: { [path: string]: NamedArrays[string] } = {
      ...arrays,
      ...stitches([0.5, 0.5, 0.5, 0.5]),
    };
    for (const path of Object.keys(arrays)) {
      if (path.startsWith("heads.towers.buy")) together[path] = together[path.replace("buy", "click")];
    }
    const { click, buy } = await logitsOf(stitched, together);
    expectNear(click, buy, exact, "equal stitches");
  });

  test("PLE of one level without specific experts is MMoE", async () => {
    const ple = new PLE(everyTask, { ...gated, specificExperts: 0, sharedExperts: 3 });
    const mmoe = new MMoE(everyTask, { ...gated, experts: 3 });
    const arrays = randomArrays(ple);
    expectLogits(
      await logitsOf(ple, arrays),
      await logitsOf(mmoe, renamed(arrays, [/^levels\.0\./, "mixture."])),
    );
  });

  test("PLE without shared experts is a model for each task on shared embeddings", async () => {
    const ple = new PLE(everyTask, { ...gated, specificExperts: 1, sharedExperts: 0 });
    const arrays = randomArrays(ple);
    const all = await logitsOf(ple, arrays);
    for (const [t, task] of ["click", "buy"].entries()) {
      const single = new SharedBottom(everyTask, { ...bottom, tasks: [task] });
      const own = only(single, renamed(arrays, [new RegExp(`^levels\\.0\\.own\\.${t}\\.0\\.`), "bottom."]));
      expectLogits({ [task]: all[task] }, await logitsOf(single, own));
    }
  });

  test("the order of tasks changes nothing but the order of outputs", async () => {
    const given = { ...gated, sharedExperts: 2 };
    for (const create of [PLE, STEM] as const) {
      const [model, turned] = [undefined, ["buy", "click"]].map(
        (tasks) => new create(everyTask, { ...given, tasks }),
      );
      const arrays = randomArrays(model);
      // Task 0 of one is task 1 of the other; gates list task 0's experts first.
      const swap = (path: string): string =>
        path.replace(/^(levels\.0\.own|levels\.0\.gates|own)\.([01])/, (_, part, t) => `${part}.${1 - t}`);
      const swapped = Object.fromEntries(
        Object.entries(arrays).map(([path, array]) => {
          const gateHead = create === STEM && /gates\.\d\.head/.test(path);
          const width = array.shape[array.shape.length - 1];
          const data = gateHead
            ? array.data.map((_, i) => array.data[i % width < 2 ? i + (i % width === 0 ? 1 : -1) : i])
            : array.data;
          return [swap(path), { ...array, data }];
        }),
      );
      const { click, buy } = await logitsOf(model, arrays);
      expectLogits(await logitsOf(turned, swapped), { buy, click });
    }
  });

  test("labels are named, known and once", () => {
    expect(() => new SharedBottom(everyTask, { tasks: ["clik"] })).toThrow(
      "tasks: the data have no label clik",
    );
    expect(() => new SharedBottom(everyTask, { tasks: ["buy", "buy"] })).toThrow("tasks: buy comes twice");
    for (const create of [ESMM, AITM]) {
      expect(() => new create(everyTask, { tasks: ["click"] })).toThrow("needs two or more binary labels");
    }
  });
});

describe("ESMM", () => {
  const esmm = new ESMM(everyTask, { embeddingDim: 2, hiddenUnits: [3] });
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

  test("buys with the product of probabilities, never more than clicks", async () => {
    const arrays = randomArrays(esmm);
    const { click, buy } = await logitsOf(esmm, arrays);
    // The purchase's own network alone: of a model in whose chain it comes first.
    const own = new ESMM(everyTask, { embeddingDim: 2, hiddenUnits: [3], tasks: ["buy", "click"] });
    const alone = (await logitsOf(own, arrays)).buy;
    for (const [i, logit] of buy.entries()) {
      expect(sigmoid(logit)).toBeCloseTo(sigmoid(click[i]) * sigmoid(alone[i]), 12);
      expect(logit).toBeLessThanOrEqual(click[i]);
    }
  });

  test("neither overflows nor loses digits far out", async () => {
    for (const bias of [-300, 300]) {
      const arrays = randomArrays(esmm);
      const path = "towers.click.head.bias";
      const { click, buy } = await logitsOf(esmm, { ...arrays, [path]: filled(arrays[path], bias) });
      expect([...click, ...buy].every(Number.isFinite)).toBe(true);
      const far = buy.map((logit, i) => Math.abs(logit - click[i]));
      if (bias < 0) expect(Math.max(...far)).toBeLessThan(10);
    }
  });

  test("the purchase's network learns from all impressions, those without a click too", async () => {
    const unclicked = {
      ...rows,
      columns: { ...rows.columns, click: new Float32Array(24), buy: new Float32Array(24) },
    };
    const reached = await reach(esmm, "buy", unclicked);
    expect(reached(/^towers\.buy/)).toBeGreaterThan(1e-3);
    expect((await reach(esmm, "click", unclicked))(/^towers\.buy/)).toBe(0);
  });
});

describe("AITM", () => {
  const aitm = new AITM(everyTask, { ...bottom, calibration: 0.6 });

  test("without scores both weigh half", async () => {
    const arrays = randomArrays(aitm);
    const first = await logitsOf(aitm, zeroed(arrays, /transfers\.0\.query/));
    expectLogits(first, await logitsOf(aitm, zeroed(arrays, /transfers\.0\.key/)));
    // Half of what each alone gives, before the (here linear) tower.
    const linear = new AITM(everyTask, { ...bottom, towerHiddenUnits: [] });
    const half = zeroed(randomArrays(linear), /transfers\.0\.query|heads\.towers\.buy\.0\.head\.bias/);
    const both = (await logitsOf(linear, half)).buy;
    const passed = (await logitsOf(linear, zeroed(half, /^bottoms\.1\./))).buy;
    const own = (await logitsOf(linear, zeroed(half, /transfers\.0\.pass/))).buy;
    expectNear(
      both,
      passed.map((value, i) => value + own[i]),
      exact,
      "halves",
    );
  });

  test("the penalty is on purchases predicted more often than clicks", async () => {
    const penalty = async (bias: number): Promise<number> => {
      const arrays = randomArrays(aitm);
      const path = "heads.towers.buy.0.head.bias";
      const moved = { ...arrays, [path]: filled(arrays[path], bias) };
      const { auxiliary, values } = traceModel(aitm, everyTask, moved, { training: true });
      const { y } = await runGraph(judge, { y: auxiliary[0] }, values(rows));
      return y.data[0] as number;
    };
    expect(await penalty(-60)).toBe(0);
    const { click } = await logitsOf(aitm, randomArrays(aitm));
    const free = click.map((z) => 1 - 1 / (1 + Math.exp(-z)));
    expect(await penalty(60)).toBeCloseTo((0.6 * free.reduce((a, b) => a + b)) / 24, 7);
  });
});

describe("STEM", () => {
  const given = { ...gated, specificExperts: 1, sharedExperts: 2 };
  const create = (more: object = {}): STEM => new STEM(everyTask, { ...given, ...more });

  test.each([1, 2])("a task's loss reaches no table or expert of the other, %s levels", async (levels) => {
    const model = create({ levels });
    for (const [t, task] of ["click", "buy"].entries()) {
      const reached = await reach(model, task);
      const other = 1 - t;
      const foreign = [`own\\.${other}`, `levels\\.0\\.own\\.${other}`, `levels\\.0\\.gates\\.${other}`];
      // A second level's shared path mixes all experts and trains them: stop-gradient is the tasks' gates'.
      if (levels === 1) for (const path of foreign) expect(reached(new RegExp(`^${path}`)), path).toBe(0);
      const own = [
        `own\\.${t}`,
        `levels\\.0\\.own\\.${t}`,
        `levels\\.0\\.gates\\.${t}`,
        "shared",
        "levels\\.0\\.shared",
      ];
      for (const path of own) expect(reached(new RegExp(`^${path}`)), path).toBeGreaterThan(1e-6);
    }
  });

  test("by domains, a row trains the tables of its own domain alone", async () => {
    const model = create({ branches: "domain" });
    const first = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(3) } };
    const reached = await reach(model, "click", first);
    expect(reached(/^own\.0/)).toBeGreaterThan(1e-6);
    for (const other of [1, 2]) expect(reached(new RegExp(`^own\\.${other}`))).toBe(0);
  });

  test("stop-gradient changes no output, and other tasks' tables are read", async () => {
    const arrays = randomArrays(create());
    const own = await logitsOf(create(), arrays);
    expectLogits(await logitsOf(create({ otherExperts: "trained" }), arrays), own);
    const { click } = await logitsOf(create(), redrawn(create(), arrays, /^own\.1\./));
    expect(Math.max(...click.map((value, i) => Math.abs(value - own.click[i])))).toBeGreaterThan(1e-4);
  });

  test("a task that reads no others and has no shared experts is alone", async () => {
    const model = create({ otherExperts: "none", sharedExperts: 0, gateInput: "own" });
    expect([...model.namedTables().keys()].some((path) => path.startsWith("shared"))).toBe(false);
    const arrays = randomArrays(model);
    const { click } = await logitsOf(model, arrays);
    const single = new SharedBottom(everyTask, { ...bottom, tasks: ["click"] });
    const own = renamed(arrays, [/^own\.0\./, "embedding."], [/^levels\.0\.own\.0\.0\./, "bottom."]);
    expectLogits({ click }, await logitsOf(single, only(single, own)));
  });

  test("without specific experts, and task tables of zeros, it is MMoE on the shared tables", async () => {
    const model = create({ specificExperts: 0 });
    const arrays = zeroed(randomArrays(model), /^own\./);
    const mmoe = new MMoE(everyTask, { ...gated, experts: 2 });
    const same = only(mmoe, renamed(arrays, [/^shared\./, "embedding."], [/^levels\.0\./, "mixture."]));
    expectLogits(await logitsOf(model, arrays), await logitsOf(mmoe, same));
  });

  test("gates weigh all experts of all tasks, in sum 1; one level has no gate of the shared path", async () => {
    const shown = await observed(create(), randomArrays(create()));
    for (const name of ["gates.0", "gates.1"]) {
      expect(shown[name].length).toBe(24 * 4);
      for (let row = 0; row < 24; row++) {
        const weights = shown[name].slice(row * 4, row * 4 + 4);
        expect(weights.every((weight) => weight > 0)).toBe(true);
        expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }
    }
    expect(Object.keys(shown)).toContain("experts.shared.1");
    expect([...create().namedParameters().keys()].filter((path) => /sharedGate/.test(path))).toEqual([]);
  });
});

describe("domains", () => {
  test("a row is scored by its domain's tower; of no known domain, by the mean of all", async () => {
    const model = new SharedBottom(everyTask, { ...bottom, branches: "domain" });
    const arrays = randomArrays(model);
    const own = await logitsOf(model, arrays);
    const each: number[][] = [];
    for (const id of [3, 4, 5]) {
      const moved = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(id) } };
      each.push((await logitsOf(model, arrays, moved)).click);
    }
    const expected = domains.map((id, i) =>
      id < 3 ? (each[0][i] + each[1][i] + each[2][i]) / 3 : each[id - 3][i],
    );
    expect(new Set(domains)).toEqual(new Set([1, 2, 3, 4, 5]));
    expectNear(own.click, expected, 1e-7, "own towers");
    const changed = await logitsOf(model, redrawn(model, arrays, /towers\.click\.1\./));
    const moved = changed.click.flatMap((value, i) => (value === own.click[i] ? [] : [domains[i]]));
    expect(new Set(moved)).toEqual(new Set([1, 2, 4]));
  });

  test("they must be there", () => {
    const none = { ...everyTask, domain: undefined };
    for (const create of [STAR, PEPNet, HiNet, AdaSparse]) {
      expect(() => new create(none, {})).toThrow("the model tells domains apart, and the data have none");
    }
    expect(() => new SharedBottom(none, { branches: "domain" })).toThrow("tells domains apart");
    expect(() => new Crocodile(none, { branches: "task" })).toThrow("Crocodile's gate has nothing to read");
  });

  test("STAR begins as one network for all: weights of ones and biases of zeros say nothing of the domain", async () => {
    const model = new STAR(everyTask, { embeddingDim: 2, hiddenUnits: [4, 3], partitionedNorm: false });
    const random = zeroed(randomArrays(model), /domainBias|domainEmbedding/);
    const arrays = Object.fromEntries(
      Object.entries(random).map(([path, array]) => [
        path,
        path.endsWith("domainWeight") ? filled(array, 1) : array,
      ]),
    );
    const moved = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(4) } };
    // The mean over domains is made of float32 thirds.
    expectLogits(await logitsOf(model, arrays, moved), await logitsOf(model, arrays), 1e-7);
  });

  test("PEPNet whose gates say 0 lets all pass", async () => {
    const model = new PEPNet(everyTask, {
      embeddingDim: 2,
      hiddenUnits: [4],
      priorFeatures: ["user"],
      gateWidth: 3,
    });
    const arrays = zeroed(randomArrays(model), /Gate\.mlp\.head|gates\.0\.mlp\.head/);
    const ungated = new PEPNet(everyTask, { embeddingDim: 2, hiddenUnits: [4], gateWidth: 3 });
    expectLogits(await logitsOf(model, arrays), await logitsOf(ungated, only(ungated, arrays)));
    const moved = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(4) } };
    expectLogits(await logitsOf(model, arrays, moved), await logitsOf(model, arrays));
  });

  describe("HiNet", () => {
    const model = new HiNet(everyTask, {
      embeddingDim: 2,
      subExperts: 2,
      expertHiddenUnits: [6, 5],
      attentionHiddenUnits: [3],
      taskExpertHiddenUnits: [6],
      towerHiddenUnits: [5],
    });
    const arrays = randomArrays(model);

    test("no row attends to its own domain's expert", async () => {
      const { attention } = await observed(model, arrays);
      const known = domains.flatMap((id, i) => (id < 3 ? [] : [attention.slice(3 * i, 3 * i + 3)]));
      expect(known.map((weights) => weights.indexOf(0))).toEqual(
        domains.filter((id) => id >= 3).map((id) => id - 3),
      );
      for (const weights of known) {
        expect(weights.filter((weight) => weight > 0)).toHaveLength(2);
        expect(weights[0] + weights[1] + weights[2]).toBeLessThan(1);
      }
    });

    test("other domains' experts come through the attention alone", async () => {
      const others = /^experts\.[02]\./;
      const moved = async (start: NamedArrays): Promise<Set<number>> => {
        const [before, after] = [
          await logitsOf(model, start),
          await logitsOf(model, redrawn(model, start, others)),
        ];
        return new Set(after.click.flatMap((value, i) => (value === before.click[i] ? [] : [domains[i]])));
      };
      expect(await moved(arrays)).toContain(4);
      // What tasks read of the attention, the first of the three parts, times 0.
      const deaf = Object.fromEntries(
        Object.entries(arrays).map(([path, { shape, data }]) => {
          const reads = /^tasks\..*(layers\.0|head)\.weight$/.test(path) && shape[0] === 15;
          return [path, { shape, data: Array.from(data, (w, k) => (reads && k < 5 * shape[1] ? 0 : w)) }];
        }),
      );
      const without = await moved(deaf);
      expect(without).toContain(3);
      expect(without).toContain(5);
      expect(without).not.toContain(4);
    });
  });

  describe("AdaSparse", () => {
    const sizes = { embeddingDim: 2, hiddenUnits: [6, 5] };

    test("whose pruners say 0 is the plain network, in every domain", async () => {
      const model = new AdaSparse(everyTask, sizes);
      const arrays = zeroed(randomArrays(model), /^pruners/);
      const moved = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(4) } };
      const plain = await logitsOf(model, arrays);
      expectLogits(await logitsOf(model, arrays, moved), plain);
      const unpruned = new SharedBottom(everyTask, {
        embeddingDim: 2,
        bottomHiddenUnits: [6, 5],
        towerHiddenUnits: [],
      });
      const bottom = renamed(arrays, [/^layers\.(\d)\./, "bottom.deep.layers.$1."]);
      const { data: weight } = arrays["head.weight"];
      const { data: bias } = arrays["head.bias"];
      const heads = ["click", "buy"].map((task, t) => [
        [
          `heads.towers.${task}.0.head.weight`,
          { shape: [5, 1], data: Array.from(weight).filter((_, k) => k % 2 === t) },
        ],
        [`heads.towers.${task}.0.head.bias`, { shape: [1], data: [bias[t]] }],
      ]);
      const same = { ...bottom, ...Object.fromEntries(heads.flat()) };
      expectLogits(await logitsOf(unpruned, only(unpruned, same)), plain);
    });

    test.each([
      [{ threshold: 1 }, "factors begin at 1, and a threshold of 1 would prune every neuron"],
      [{ threshold: 0.5, factor: "binary" }, "factors begin at 0.5"],
      [{ sparsity: [0.4, 0.2] }, "the lower bound of sparsity comes first"],
      [{ steepness: 10 }, "steepness begins above its limit"],
      [{ sparsityWeight: 2 }, "the weight of the penalty begins above its limit"],
    ] as [AdaSparseOptions, string][])("%j is refused", (options, message) => {
      expect(() => new AdaSparse(everyTask, { ...sizes, ...options })).toThrow(message);
    });

    test.each(["fusion", "binary"] as const)(
      "its penalty holds the share of pruned neurons: %s",
      async (factor) => {
        const model = new AdaSparse(everyTask, {
          embeddingDim: 4,
          embeddingStd: 0.3,
          hiddenUnits: [16, 8],
          factor,
          steepness: 1,
          sparsityWeight: 20,
          sparsityWeightLimit: 20,
          sparsityWeightGrowth: 0,
        });
        const batch = drawRows(everyTask, 64, 2);
        const engine = await createEngine("native");
        const optimizer = { learningRate: 0.01 };
        const learner = await makeLearner(model, everyTask, { engine, batchSize: 64, optimizer });
        const shares = async (): Promise<number[]> => {
          const now = readArrays(model, learner.weights);
          const arrays = Object.entries(randomArrays(model)).map(([path, { shape }]) => [
            path,
            { shape, data: Array.from(now[path]) },
          ]);
          const shown = await observed(model, Object.fromEntries(arrays), batch);
          return Object.values(shown).map(
            (values) => values.filter((v) => Math.abs(v) < 1e-6).length / values.length,
          );
        };
        expect(Math.max(...(await shares()))).toBeLessThan(0.15);
        for (let step = 0; step < 300; step++) await learner.step(batch);
        const trained = await shares();
        expect(trained).toHaveLength(3);
        for (const share of trained) {
          expect(share).toBeGreaterThan(0.13);
          expect(share).toBeLessThan(0.27);
        }
        await learner.release();
      },
    );

    test("steeper sigmoids prune more, and domains prune differently", async () => {
      const model = new AdaSparse(everyTask, { ...sizes, threshold: 0.8 });
      const arrays = randomArrays(model);
      const zeros = async (steepness: number, batch: EncodedBatch = rows): Promise<boolean[]> => {
        const steep = { ...arrays, steepness: { shape: [1], data: [steepness] } };
        return (await observed(model, steep, batch))["pruning.2"].map((factor) => factor === 0);
      };
      const counts = await Promise.all(
        [0.01, 1, 5].map(async (steepness) => (await zeros(steepness)).filter(Boolean).length),
      );
      expect(counts[0]).toBe(0);
      expect(counts[2]).toBeGreaterThan(counts[1]);
      const moved = { ...rows, columns: { ...rows.columns, "@domain": new Int32Array(24).fill(4) } };
      expect(await zeros(5, moved)).not.toEqual(await zeros(5));
    });
  });

  test("partitioned norm of one domain is batch norm, running moments included", async () => {
    const x = input("x", [5, 2]);
    const values = hostTensor("float32", [5, 2], [1, 2, 3, 5, 2, 2, 7, 1, 0, 4]);
    const [own, plain] = [new PartitionedNorm(2, { domains: 1 }), new BatchNorm(2)];
    const trace = new Trace({ training: true });
    const [a, b] = withTrace(trace, () => [
      own.forward(x, constant([1, 1, 1, 1, 1], { shape: [5, 1] })),
      plain.forward(x),
    ]);
    const outputs = {
      a,
      b,
      ...Object.fromEntries([...trace.stateUpdates.values()].map((y, k) => [`s${k}`, y])),
    };
    const leaves = new Map<Tensor, ReturnType<typeof hostTensor>>([[x, values]]);
    for (const layer of [own, plain]) {
      for (const [path, leaf] of [...layer.namedParameters(), ...layer.namedStates()]) {
        const one = /[sS]cale|Variance/.test(path) ? 1 : 0;
        const count = leaf.shape.reduce((product, size) => product * size, 1);
        leaves.set(leaf, hostTensor("float32", leaf.shape, new Array(count).fill(one)));
      }
    }
    const results = await runGraph(judge, outputs, leaves);
    const of = (name: string): Float64Array => results[name].data as Float64Array;
    expectNear(of("a"), of("b"), 1e-7, "normalised");
    expectNear(of("s0"), of("s2"), 1e-7, "running mean");
    expectNear(of("s1"), of("s3"), 1e-7, "running variance");
  });
});

describe("Crocodile", () => {
  const given = {
    embeddingDim: 2,
    expertHiddenUnits: [4, 3],
    towerHiddenUnits: [3],
    priorFeatures: ["user"],
    priorDim: 2,
  };

  test("one embedding set is shared-bottom with a tower for each domain, without penalty", async () => {
    const model = new Crocodile(everyTask, { ...given, embeddingSets: 1 });
    const arrays = randomArrays(model);
    const shared = new SharedBottom(everyTask, { ...bottom, branches: "domain" });
    const same = renamed(arrays, [/^sets\.0\./, "embedding."], [/^experts\.0\./, "bottom."]);
    expectLogits(await logitsOf(model, arrays), await logitsOf(shared, only(shared, same)));
    expect(traceModel(model, everyTask, arrays, { training: true }).auxiliary).toEqual([]);
  });

  test("the gate's weights sum to 1 over experts, in every dimension", async () => {
    const model = new Crocodile(everyTask, { ...given, embeddingSets: 4 });
    const { gates } = await observed(model, randomArrays(model)); // [24, 4, 3]
    for (let at = 0; at < 24 * 3; at++) {
      const [row, dim] = [Math.floor(at / 3), at % 3];
      const total = [0, 1, 2, 3].reduce((sum, m) => sum + gates[(row * 4 + m) * 3 + dim], 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  test("with a scalar gate, no penalty and equal sets it is a mixture of experts of one table", async () => {
    const model = new Crocodile(everyTask, {
      ...given,
      embeddingSets: 2,
      gate: "scalar",
      covarianceWeight: 0,
      branches: "task",
    });
    const arrays = zeroed(randomArrays(model), /^gate\.maps/);
    const equal = { ...arrays };
    for (const path of Object.keys(arrays)) {
      if (path.startsWith("sets.1.")) equal[path] = arrays[path.replace("sets.1.", "sets.0.")];
    }
    const mmoe = new MMoE(everyTask, { ...gated, experts: 2 });
    const named = renamed(equal, [/^sets\.0\./, "embedding."], [/^experts\./, "mixture.shared."]);
    const flat = { ...zeroed(randomArrays(mmoe), /^mixture\.gates/), ...named };
    expectLogits(await logitsOf(model, equal), await logitsOf(mmoe, only(mmoe, flat)));
  });

  describe("covariance between experts", () => {
    const names = ["a", "b"] as const;
    const leaves = Object.fromEntries(names.map((name) => [name, input(name, ["batch", 2])]));
    const a = [1, -1, 2, 0, -2, 3, 0, 1, 4, -3, 1, 1];
    const b = [0, 2, 1, 1, 3, -1, 2, 2, -1, 0, 1, 5];
    const covariance = async (
      build: (a: Tensor, b: Tensor) => readonly Tensor[],
      options: Parameters<typeof crossExpertCovariance>[1] = { normalize: "paper" },
      values: { a: number[]; b: number[] } = { a, b },
    ): Promise<number> => {
      const y = crossExpertCovariance(build(leaves.a, leaves.b), options);
      const fed = new Map(
        names.map((name) => [
          leaves[name],
          hostTensor("float32", [values[name].length / 2, 2], values[name]),
        ]),
      );
      const results = await runGraph(judge, { y: add(y, mul(leaves.a.sum().add(leaves.b.sum()), 0)) }, fed);
      return results.y.data[0] as number;
    };

    test("is 0 for constant or uncorrelated experts, and for one alone", async () => {
      expect(await covariance((x) => [x])).toBe(0);
      expect(await covariance((x, y) => [x, y], undefined, { a, b: new Array(12).fill(7) })).toBeCloseTo(
        0,
        9,
      );
      const orthogonal = { a: [1, 1, -1, -1, 1, 1, -1, -1], b: [1, 1, 1, 1, -1, -1, -1, -1] };
      expect(await covariance((x, y) => [x, y], undefined, orthogonal)).toBe(0);
    });

    test("of two equal experts is the entrywise sum of their scatter, over d²", async () => {
      const mean = [0, 1].map((k) => a.filter((_, i) => i % 2 === k).reduce((s, v) => s + v) / 6);
      let expected = 0;
      for (const j of [0, 1])
        for (const k of [0, 1]) {
          let total = 0;
          for (let row = 0; row < 6; row++) total += (a[row * 2 + j] - mean[j]) * (a[row * 2 + k] - mean[k]);
          expected += Math.abs(total) / 4;
        }
      expect(await covariance((x) => [x, x])).toBeCloseTo(expected, 9);
    });

    test("ignores shifts and order, scales with both, and with rows only as a sum", async () => {
      const one = await covariance((x, y) => [x, y]);
      expect(one).toBeGreaterThan(0.1);
      expect(await covariance((x, y) => [y, x])).toBeCloseTo(one, 9);
      expect(await covariance((x, y) => [add(x, 5), y])).toBeCloseTo(one, 6);
      expect(await covariance((x, y) => [mul(x, 2), mul(y, -3)])).toBeCloseTo(6 * one, 6);
      expect(await covariance((x, y) => [x, y, y])).toBeCloseTo(
        2 * one + (await covariance((_, y) => [y, y])),
        6,
      );
      const twice = { a: [...a, ...a], b: [...b, ...b] };
      expect(await covariance((x, y) => [x, y], undefined, twice)).toBeCloseTo(2 * one, 6);
      expect(await covariance((x, y) => [x, y], { normalize: "mean" }, twice)).toBeCloseTo(one / 6, 6);
    });

    test("looks at so many rows, evenly spread", async () => {
      // Rows 0 and 3 of six.
      const two = { a: [...a.slice(0, 2), ...a.slice(6, 8)], b: [...b.slice(0, 2), ...b.slice(6, 8)] };
      const expected = await covariance((x, y) => [x, y], undefined, two);
      expect(await covariance((x, y) => [x, y], { normalize: "paper", rows: 2 })).toBeCloseTo(expected, 9);
    });
  });
});
