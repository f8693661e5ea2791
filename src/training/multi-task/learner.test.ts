/** Several losses in one step, on real graphs and arenas: the identities of each method. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../../test/models/every-kind.ts";
import { hashOf, type LearnerChoices, makeLearner } from "../../../test/models/learner.ts";
import { expectNear, readArrays } from "../../../test/models/named-arrays.ts";
import { clickAndLike, SharedBottomModel } from "../../../test/models/shared-bottom.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { FM } from "../../models/index.ts";
import type { Model } from "../../module/index.ts";
import { add, mul, neg, sqrt } from "../../ops/index.ts";
import type { EncodedBatch, FeatureMap } from "../../schema/index.ts";
import {
  defaultObjective,
  estimateMemory,
  type Learner,
  type Objective,
  restoreSnapshot,
  takeSnapshot,
} from "../index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});
const learners: Learner[] = [];
afterEach(async () => {
  for (const learner of learners.splice(0)) await learner.release();
});

async function make(
  choices: Partial<LearnerChoices> = {},
  schema: FeatureMap = clickAndLike,
  model: Model = new SharedBottomModel(schema),
): Promise<Learner> {
  const learner = await makeLearner(model, schema, { engine, batchSize: 32, ...choices });
  learners.push(learner);
  return learner;
}

const rows = drawRows(clickAndLike, 32, 4);
const arraysOf = (learner: Learner) => readArrays(learner.options.model, learner.weights);

async function trained(steps: number, learner: Learner, batch: EncodedBatch = rows): Promise<Learner> {
  for (let k = 0; k < steps; k++) await learner.step(batch);
  return learner;
}

function expectClose(a: Learner, b: Learner, tolerance: number): void {
  const [received, expected] = [arraysOf(a), arraysOf(b)];
  for (const path of Object.keys(expected)) expectNear(received[path], expected[path], tolerance, path);
}

/** How far two learners' weights are apart at most. */
function distance(a: Learner, b: Learner): number {
  const [left, right] = [arraysOf(a), arraysOf(b)];
  return Math.max(
    ...Object.keys(left).map((path) =>
      left[path].reduce((most, x, i) => Math.max(most, Math.abs(x - right[path][i])), 0),
    ),
  );
}

describe("one bit for another", () => {
  test("options that ask for nothing, and factors of 1, change nothing", async () => {
    const plain = hashOf(await trained(3, await make()));
    expect(hashOf(await trained(3, await make({ multiTask: {} })))).toBe(plain);
    expect(hashOf(await trained(3, await make({ multiTask: { lossWeights: { like: 1 } } })))).toBe(plain);
  });

  test.each(["adam", "adagrad", "rmsprop"] as const)("AdaTask with one task is %s", async (optimizer) => {
    for (const embeddingUpdate of ["dense", "lazy"] as const) {
      const choices = { optimizer: { optimizer, embeddingUpdate, netRegularizer: 0.01 } };
      const plain = await trained(4, await make(choices, everyKind));
      const adaTask = await trained(
        4,
        await make({ ...choices, multiTask: { optimizerState: "per-task" } }, everyKind),
      );
      expect(hashOf(adaTask)).toBe(hashOf(plain));
    }
  });

  test("MTAdam with one task is Adam", async () => {
    for (const embeddingUpdate of ["dense", "lazy"] as const) {
      const optimizer = { embeddingUpdate, netRegularizer: 0.01, maxGradientNorm: 0.05 };
      const plain = await make({ optimizer }, everyKind);
      const own = await make({ optimizer, multiTask: { optimizerState: "mtadam" } }, everyKind);
      for (const learner of [plain, own]) await trained(4, learner);
      expect(arraysOf(own)).toEqual(arraysOf(plain));
    }
  });

  test.each(["ol-aux", "arml", "auto-lambda"] as const)(
    "%s with one task, or not yet moved, is the plain step",
    async (weighting) => {
      const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
      const plain = await trained(7, await make({}, everyKind, model));
      const alone = await trained(7, await make({ multiTask: { weighting } }, everyKind, model));
      expect(arraysOf(alone)).toEqual(arraysOf(plain));
      // The sum of two tasks' gradients is rounded in another place than the gradient of the sum.
      const both = await trained(1, await make({ multiTask: { weighting } }));
      expectClose(both, await trained(1, await make()), 1e-6);
    },
  );

  test.each(["pcgrad", "mgda", "cagrad", "imtl", "nash", "gcs"] as const)(
    "%s with one task is the plain step",
    async (gradients) => {
      const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
      const plain = await trained(3, await make({}, everyKind, model));
      const multiTask = { gradients, cagradC: 0 };
      expect(hashOf(await trained(3, await make({ multiTask }, everyKind, model)))).toBe(hashOf(plain));
    },
  );

  test("runs repeat", async () => {
    for (const multiTask of [
      { gradients: "pcgrad", optimizerState: "per-task" },
      { weighting: "gradnorm" },
      { weighting: "auto-lambda", optimizerState: "mtadam" },
    ] as const) {
      const runs = await Promise.all([make({ multiTask }), make({ multiTask })]);
      for (const learner of runs) await trained(3, learner);
      expect(hashOf(runs[0])).toBe(hashOf(runs[1]));
    }
  });
});

describe("AdaTask", () => {
  const adaTask = { optimizerState: "per-task" } as const;
  const still = { maxGradientNorm: null, epsilon: 1e-12 };

  test("does not care in which unit a task's loss is given; Adam does", async () => {
    const trajectory = async (multiTask: LearnerChoices["multiTask"]): Promise<Learner> =>
      trained(4, await make({ multiTask, optimizer: still }));
    const one = await trajectory({ ...adaTask, lossWeights: { like: 1 } });
    const thousand = await trajectory({ ...adaTask, lossWeights: { like: 1024 } });
    expect(distance(one, thousand)).toBeLessThan(1e-6);
    const adam = await trajectory({ lossWeights: { like: 1 } });
    const scaled = await trajectory({ lossWeights: { like: 1024 } });
    expect(distance(adam, scaled)).toBeGreaterThan(1e-3);
  });

  test("with all tasks identical and the mean of their steps is Adam on one", async () => {
    const objective = defaultObjective(everyKind);
    const twice: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { first: click, second: click };
    };
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const multiTask = { ...adaTask, stepScale: "mean" } as const;
    const both = await trained(
      5,
      await make({ objective: twice, multiTask, optimizer: still }, everyKind, model),
    );
    const one = await trained(5, await make({ optimizer: still }, everyKind, model));
    expectClose(both, one, 1e-5);
  });

  test("moves every touched weight by the rate for each task in its first step; opposed tasks cancel", async () => {
    const objective = defaultObjective(everyKind);
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    // The opposed task's gradient is ten thousand times as large, and still cancels exactly.
    const opposed: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { small: mul(click, 1e-3), large: neg(mul(click, 10)) };
    };
    const optimizer = { learningRate: 0.01, ...still };
    const learner = await make({ objective: opposed, multiTask: adaTask, optimizer }, everyKind, model);
    const before = arraysOf(learner);
    await learner.step(rows);
    const moved = arraysOf(learner);
    // Float32 squares of gradients as small as these have few digits left.
    for (const path of Object.keys(before)) expectNear(moved[path], before[path], 1e-5, path);
    const adam = await make({ objective: opposed, optimizer }, everyKind, model);
    await adam.step(rows);
    const bias = arraysOf(adam)["linear.bias"][0] - before["linear.bias"][0];
    expect(Math.abs(bias)).toBeCloseTo(0.01, 6);
  });

  test("on SGD is SGD: nothing adapts", async () => {
    const optimizer = {
      optimizer: "sgd",
      embeddingOptimizer: "sgd",
      learningRate: 0.1,
      maxGradientNorm: null,
    } as const;
    const apart = await trained(4, await make({ multiTask: adaTask, optimizer }));
    expectClose(apart, await trained(4, await make({ optimizer })), 1e-6);
  });

  test("a task's own weights follow plain Adam exactly", async () => {
    const frozen = (): SharedBottomModel => {
      const model = new SharedBottomModel(clickAndLike);
      for (const leaf of [
        ...model.embedding.namedParameters().values(),
        ...model.bottom.namedParameters().values(),
      ])
        leaf.trainable = false;
      for (const table of model.namedTables().values()) table.trainable = false;
      return model;
    };
    const choices = { optimizer: { netRegularizer: 0.02, maxGradientNorm: null } };
    const adam = await trained(5, await make(choices, clickAndLike, frozen()));
    const apart = await trained(5, await make({ ...choices, multiTask: adaTask }, clickAndLike, frozen()));
    expect(arraysOf(apart)).toEqual(arraysOf(adam));
  });

  test("its momenta add up to Adam's, its second moments do not", async () => {
    const optimizer = { maxGradientNorm: null };
    const [apart, adam] = [await make({ multiTask: adaTask, optimizer }), await make({ optimizer })];
    for (const learner of [apart, adam]) await learner.step(rows);
    const paths = [...apart.weights.parameters.keys()];
    const shared = paths.indexOf("bottom.layers.0.weight");
    const [m, v] = adam.weights.dense.state(shared);
    const [first, second] = [0, 1].map((task) => apart.weights.dense.state(shared, task));
    const sums = first[0].map((x, i) => x + second[0][i]);
    expectNear(sums, m, 1e-7, "momentum");
    expect(
      Math.max(...v.map((x, i) => Math.abs(x - first[1][i] - second[1][i]) / (x + 1e-12))),
    ).toBeGreaterThan(0.1);
  });

  test("a priority of 0 leaves a task out; priorities are not loss weights", async () => {
    const optimizer = still;
    const onlyClick: Objective = (logits, batch) => ({
      click: defaultObjective(clickAndLike)(logits, batch).click,
    });
    const multiTask = { ...adaTask, priorities: { like: 0 } };
    const apart = await trained(3, await make({ multiTask, optimizer }));
    expectClose(apart, await trained(3, await make({ objective: onlyClick, optimizer })), 1e-6);
  });

  test("takes surgery's gradients", async () => {
    const objective = defaultObjective(clickAndLike);
    const opposed: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { click, like: neg(click) };
    };
    const multiTask = { ...adaTask, gradients: "pcgrad" } as const;
    const learner = await make({ objective: opposed, multiTask });
    const before = arraysOf(learner);
    await trained(2, learner);
    // Click's tower is shared too, since both losses read it: nothing of the two opposed gradients is left.
    for (const [path, values] of Object.entries(arraysOf(learner)))
      expectNear(values, before[path], 2e-4, path);
  });
});

describe("MTAdam", () => {
  const mtAdam = { optimizerState: "mtadam" } as const;
  const still = { maxGradientNorm: null, epsilon: 1e-12 };

  test("does not care in which unit a task's loss is given", async () => {
    const [one, thousand] = await Promise.all(
      [1, 1024].map((like) => make({ multiTask: { ...mtAdam, lossWeights: { like } }, optimizer: still })),
    );
    for (const learner of [one, thousand]) await trained(4, learner);
    expect(distance(one, thousand)).toBeLessThan(1e-6);
  });

  test("with all tasks identical but in scale, and the mean of their steps, is Adam on one", async () => {
    const objective = defaultObjective(everyKind);
    const twice: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { first: click, second: mul(click, 8) };
    };
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const multiTask = { ...mtAdam, stepScale: "mean" } as const;
    const both = await make({ objective: twice, multiTask, optimizer: still }, everyKind, model);
    const one = await make({ optimizer: still }, everyKind, model);
    for (const learner of [both, one]) await trained(5, learner);
    expectClose(both, one, 1e-5);
  });

  test("is neither AdaTask nor Adam", async () => {
    const [own, adaTask, adam] = await Promise.all([
      make({ multiTask: mtAdam }),
      make({ multiTask: { optimizerState: "per-task" } }),
      make(),
    ]);
    for (const learner of [own, adaTask, adam]) await trained(3, learner);
    expect(distance(own, adaTask)).toBeGreaterThan(1e-4);
    expect(distance(own, adam)).toBeGreaterThan(1e-4);
  });

  test("is refused on other optimizers, and where it would be measured", async () => {
    await expect(make({ multiTask: mtAdam, optimizer: { optimizer: "adagrad" } })).rejects.toThrow(
      "mtadam is a form of Adam, not of adagrad",
    );
    await expect(make({ multiTask: { ...mtAdam, measure: true } })).rejects.toThrow("measure");
  });
});

describe("surgery on weights and rows together", () => {
  test("PCGrad without conflict is the sum", async () => {
    const objective = defaultObjective(everyKind);
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const agreeing: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { first: click, second: mul(click, 2) };
    };
    const optimizer = { optimizer: "sgd", embeddingOptimizer: "sgd", learningRate: 0.1 } as const;
    const surgery = await trained(
      3,
      await make({ objective: agreeing, multiTask: { gradients: "pcgrad" }, optimizer }, everyKind, model),
    );
    expectClose(
      surgery,
      await trained(3, await make({ objective: agreeing, optimizer }, everyKind, model)),
      1e-6,
    );
  });

  test("PCGrad of opposite gradients moves nothing", async () => {
    const objective = defaultObjective(everyKind);
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const opposed: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { first: click, second: neg(click) };
    };
    const optimizer = { optimizer: "sgd", embeddingOptimizer: "sgd", learningRate: 1 } as const;
    const learner = await make(
      { objective: opposed, multiTask: { gradients: "pcgrad" }, optimizer },
      everyKind,
      model,
    );
    const before = arraysOf(learner);
    await trained(2, learner);
    for (const [path, values] of Object.entries(arraysOf(learner)))
      expectNear(values, before[path], 1e-6, path);
  });

  test("MGDA finds no ascent for either task: no loss rises after a small step", async () => {
    const optimizer = { optimizer: "sgd", embeddingOptimizer: "sgd", learningRate: 0.01 } as const;
    const learner = await make({ multiTask: { gradients: "mgda" }, optimizer });
    const losses = async (): Promise<number[]> => {
      const predictions = await learner.predict(rows);
      return ["click", "like"].map((name) => {
        const labels = rows.columns[name] as Float32Array;
        const p = predictions[name];
        return labels.reduce((sum, y, i) => sum - Math.log(y === 1 ? p[i] : 1 - p[i]), 0);
      });
    };
    for (let step = 0; step < 5; step++) {
      const before = await losses();
      await learner.step(rows);
      const now = await losses();
      for (const task of [0, 1]) expect(now[task]).toBeLessThan(before[task] + 1e-6);
    }
  });

  test("towers get their own gradients whatever happens below", async () => {
    const optimizer = {
      optimizer: "sgd",
      embeddingOptimizer: "sgd",
      learningRate: 0.1,
      maxGradientNorm: null,
    } as const;
    const plain = await trained(1, await make({ optimizer }));
    for (const gradients of ["mgda", "gcs", "nash"] as const) {
      const learner = await trained(1, await make({ multiTask: { gradients }, optimizer }));
      for (const [path, values] of Object.entries(arraysOf(learner)))
        if (path.startsWith("towers")) expectNear(values, arraysOf(plain)[path], 1e-7, path);
    }
  });

  test("what counts as shared can be said", async () => {
    const learner = await make({ multiTask: { gradients: "mgda", shared: ["bottom", "embedding.tables"] } });
    expect(Number.isFinite(await learner.step(rows))).toBe(true);
    await expect(make({ multiTask: { gradients: "mgda", shared: ["botom"] } })).rejects.toThrow(
      'training.multi_task.shared: the model has nothing at "botom"',
    );
  });
});

describe("loss factors", () => {
  test("fixed ones scale gradients as losses scaled in the objective do", async () => {
    const objective = defaultObjective(clickAndLike);
    const weighed: Objective = (logits, batch) => {
      const { click, like } = objective(logits, batch);
      return { click, like: mul(like, 0.25) };
    };
    const inside = await trained(3, await make({ objective: weighed }));
    expectClose(await trained(3, await make({ multiTask: { lossWeights: { like: 0.25 } } })), inside, 1e-6);
  });

  test("of 0 leave a task out", async () => {
    const learner = await make({ multiTask: { lossWeights: { like: 0 } } });
    const before = arraysOf(learner);
    await trained(2, learner);
    const now = arraysOf(learner);
    expect(now["towers.like.head.weight"]).toEqual(before["towers.like.head.weight"]);
    expect(now["towers.click.head.weight"]).not.toEqual(before["towers.click.head.weight"]);
  });

  test("by uncertainty fall where the loss is above a half, and are recorded", async () => {
    const learner = await make({
      multiTask: { weighting: "uncertainty" },
      optimizer: { learningRate: 0.01 },
    });
    await trained(3, learner);
    const { factors } = learner.endEpoch() ?? {};
    expect(factors?.click).toBeLessThan(1);
    expect(factors?.click).toBeGreaterThan(0.95);
  });

  test("by DWA are equal for two epochs, and add up to the number of tasks", async () => {
    const learner = await make({ multiTask: { weighting: "dwa" } });
    const found: (number | undefined)[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      await trained(3, learner);
      const { factors = {} } = learner.endEpoch() ?? {};
      expect(factors.click + factors.like).toBeCloseTo(2, 6);
      found.push(factors.click);
    }
    expect(found.slice(0, 1)).toEqual([1]);
    expect(found[2]).not.toBe(1);
  });

  test("by GradNorm equalise norms on the last shared layer where alpha is 0", async () => {
    const multiTask = {
      weighting: "gradnorm",
      gradnormAlpha: 0,
      gradnormLearningRate: 0.02,
      lossWeights: { like: 8 },
    } as const;
    const learner = await make({ multiTask, optimizer: { learningRate: 1e-6 } });
    expect(learner.graph.outputs.filter((name) => name.startsWith("squares:"))).toEqual([
      "squares:click",
      "squares:like",
    ]);
    await trained(40, learner);
    const { factors = {} } = learner.endEpoch() ?? {};
    expect(factors.click + factors.like / 8).toBeCloseTo(2, 5);
  });
});

describe("factors in favour of a main task", () => {
  const sgd = { optimizer: "sgd", embeddingOptimizer: "sgd", maxGradientNorm: null } as const;

  test("Auto-Lambda's slope is that of the main loss on the next batch along the factor", async () => {
    const optimizer = { ...sgd, learningRate: 0.1 };
    const next = drawRows(clickAndLike, 32, 5);
    const bce = async (learner: Learner): Promise<number> => {
      const { click } = await learner.predict(next);
      const labels = next.columns.click as Float32Array;
      return (
        labels.reduce((sum, y, i) => sum - Math.log(y === 1 ? click[i] : 1 - click[i]), 0) / labels.length
      );
    };
    const lossAfter = async (lossWeights: { [task: string]: number }): Promise<number> =>
      bce(await trained(1, await make({ multiTask: { lossWeights }, optimizer })));
    const own = await make({ multiTask: { weighting: "auto-lambda", mainTask: "click" }, optimizer });
    await own.step(rows);
    await own.step(next);
    // [λ…, m…, v…, steps]: after one step of Adam m is a tenth of the slope.
    const state = own.weights.methodState.get("loss-factors") as Float64Array;
    for (const [k, task] of ["click", "like"].entries()) {
      const along = (await lossAfter({ [task]: 1.02 })) - (await lossAfter({ [task]: 0.98 }));
      expect(state[2 + k] / 0.1, task).toBeCloseTo(along / 0.04, 5);
    }
  });

  test("move with the products of the gradients as losses without factors have them", async () => {
    // The auxiliary task is the main one, ten times as large: the same gradient in the logarithm.
    const objective = defaultObjective(everyKind);
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const alike: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { main: click, same: mul(click, 10), against: add(neg(click), 2) };
    };
    const factors = async (weighting: "ol-aux" | "arml"): Promise<{ [task: string]: number }> => {
      const multiTask = { weighting, weightingEverySteps: 2, weightingRate: 0.4 } as const;
      const learner = await make(
        { objective: alike, multiTask, optimizer: { ...sgd, learningRate: 1e-4 } },
        everyKind,
        model,
      );
      await trained(60, learner);
      return { ...learner.endEpoch()?.factors };
    };
    const online = await factors("ol-aux");
    expect(online.main).toBe(1);
    expect(online.same * 10).toBeGreaterThan(1.01);
    expect(online.against).toBeLessThan(1);
    const mixed = await factors("arml");
    // 10 α_same - α_against = 1 with a sum of 2 is where the mixture is the main task's gradient.
    expect(mixed.main).toBe(1);
    expect(mixed.same).toBeCloseTo(3 / 11, 3);
    expect(mixed.against).toBeCloseTo(19 / 11, 3);
  });
});

describe("what tasks do to each other", () => {
  const measure = { measure: true, lossWeights: { like: 1000 } } as const;

  test("with Adam the task with large gradients moves the shared weights; with AdaTask both do", async () => {
    const optimizer = { maxGradientNorm: null };
    const adam = await trained(10, await make({ multiTask: measure, optimizer }));
    const apart = await trained(
      10,
      await make({ multiTask: { ...measure, optimizerState: "per-task" }, optimizer }),
    );
    const [dominated, balanced] = [adam, apart].map((learner) => learner.endEpoch()?.dominance ?? {});
    for (const path of ["bottom.layers.0.weight", "embedding.tables.user"]) {
      expect(dominated[path].like, path).toBeGreaterThan(0.99);
      expect(balanced[path].like, path).toBeGreaterThan(0.3);
      expect(balanced[path].like, path).toBeLessThan(0.7);
    }
    expect(Object.keys(dominated)).not.toContain("towers.click.head.weight");
  });

  test("measuring changes nothing but roundings", async () => {
    const plain = await trained(3, await make());
    expectClose(await trained(3, await make({ multiTask: { measure: true } })), plain, 1e-5);
  });

  test("the cosine of equal and opposed gradients is 1 and -1", async () => {
    const objective = defaultObjective(everyKind);
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const three: Objective = (logits, batch) => {
      const { click } = objective(logits, batch);
      return { a: click, b: mul(click, 3), c: neg(click) };
    };
    const learner = await trained(
      2,
      await make({ objective: three, multiTask: { measure: true } }, everyKind, model),
    );
    const { cosine = {} } = learner.endEpoch() ?? {};
    expect(cosine["a|b"]).toBeCloseTo(1, 5);
    expect(cosine["a|c"]).toBeCloseTo(-1, 5);
    expect(cosine["b|c"]).toBeCloseTo(-1, 5);
  });
});

describe("resuming", () => {
  test.each([
    { optimizerState: "per-task" },
    { gradients: "pcgrad" },
    { weighting: "uncertainty" },
    { weighting: "gradnorm" },
    { weighting: "dwa" },
    { weighting: "imtl", gradients: "imtl" },
    { weighting: "ol-aux", weightingEverySteps: 2 },
    { weighting: "arml" },
    { weighting: "auto-lambda" },
    { optimizerState: "mtadam" },
    { measure: true, optimizerState: "per-task", gradients: "pcgrad", weighting: "uncertainty" },
  ] as const)("%o goes on to the same bytes", async (multiTask) => {
    const model = (): Model => new SharedBottomModel(clickAndLike, { dropout: 0.2, batchNorm: true });
    const whole = await make({ multiTask }, clickAndLike, model());
    await trained(3, whole);
    whole.endEpoch();
    const saved = takeSnapshot(whole.weights);
    const goneOn = await make({ multiTask }, clickAndLike, model());
    restoreSnapshot(goneOn.weights, saved);
    goneOn.steps = whole.steps;
    for (const learner of [whole, goneOn]) await trained(3, learner);
    expect(hashOf(goneOn)).toBe(hashOf(whole));
    expect(goneOn.endEpoch()).toEqual(whole.endEpoch());
  });
});

describe("mistakes", () => {
  test("a task that the model does not have is named", async () => {
    await expect(make({ multiTask: { lossWeights: { lik: 1 } } })).rejects.toThrow(
      'training.multi_task.loss_weights: the model has no task "lik"',
    );
    await expect(make({ multiTask: { gradients: "gcs", mainTask: "buy" } })).rejects.toThrow(
      'training.multi_task.main_task: the model has no task "buy"',
    );
  });

  test("factors that are all 0 are refused: nothing would be learned", async () => {
    await expect(make({ multiTask: { lossWeights: { click: 0, like: 0 } } })).rejects.toThrow(
      "training.multi_task.loss_weights: all tasks have 0",
    );
    const priorities = { click: 0, like: 0 };
    await expect(make({ multiTask: { optimizerState: "per-task", priorities } })).rejects.toThrow(
      "training.multi_task.priorities: all tasks have 0",
    );
  });

  test("a gradient that is not finite stops before anything has moved", async () => {
    for (const multiTask of [{ gradients: "pcgrad" }, { optimizerState: "per-task" }] as const) {
      // The square root has a finite value at 0 and no finite slope.
      const objective: Objective = (logits, batch) => {
        const { click, like } = defaultObjective(clickAndLike)(logits, batch);
        return { click, like: add(like, sqrt(mul(like, 0))) };
      };
      const learner = await make({ objective, multiTask, optimizer: { maxGradientNorm: null } });
      const before = hashOf(learner);
      await expect(learner.step(rows)).rejects.toThrow(/norm of the gradients became NaN at step 1/);
      expect(hashOf(learner)).toBe(before);
    }
  });
});

test("AdaTask's states are in the estimate of memory", () => {
  const model = new SharedBottomModel(clickAndLike);
  const bytes = (tasks: number, taskStates: "each" | "one"): number =>
    estimateMemory(model, {
      positions: [1],
      denseOptimizer: { name: "adam" },
      rowOptimizer: { name: "adam" },
      tasks,
      taskStates,
    }).at(-1)?.bytes ?? 0;
  const plain = bytes(1, "one");
  expect(bytes(2, "one")).toBe((plain * 5) / 4);
  expect(bytes(2, "each")).toBe((plain * 7) / 4);
});
