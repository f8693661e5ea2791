/** ForkMerge on real graphs: its identities with plain training, what is searched, resuming. */
import { beforeAll, describe, expect, test } from "vitest";
import { drawRows } from "../../../test/models/every-kind.ts";
import { makeLearner } from "../../../test/models/learner.ts";
import { memorySource } from "../../../test/models/memory-source.ts";
import { expectNear, readArrays } from "../../../test/models/named-arrays.ts";
import { clickAndLike, SharedBottomModel } from "../../../test/models/shared-bottom.ts";
import { inSittings } from "../../../test/models/stop-after.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import {
  cloneWeights,
  mixWeights,
  restoreWeights,
  train,
  type TrainInput,
  type TrainResult,
} from "../index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const rows = drawRows(clickAndLike, 100, 1);

function input(options: TrainInput["options"], shape = {}) {
  return {
    model: new SharedBottomModel(clickAndLike, shape),
    map: clickAndLike,
    engine,
    train: memorySource(clickAndLike, rows),
    valid: memorySource(clickAndLike, drawRows(clickAndLike, 60, 2)),
    options: {
      batchSize: 16,
      learningRate: 0.02,
      earlyStopPatience: null,
      reduceLrOnPlateau: false,
      ...options,
    },
  } satisfies TrainInput;
}

const arraysOf = ({ learner }: TrainResult) => readArrays(learner.options.model, learner.weights);

async function run(given: TrainInput): Promise<TrainResult> {
  const result = await train(given);
  await result.learner.release();
  return result;
}

const onlyClick = { lossWeights: { like: 0 } };

describe("one step of SGD", () => {
  test("a mixture of branches is a step with the mixed loss weight, for any mixture", async () => {
    const optimizer = {
      optimizer: "sgd",
      embeddingOptimizer: "sgd",
      learningRate: 0.5,
      maxGradientNorm: null,
    } as const;
    const batch = drawRows(clickAndLike, 32, 3);
    const step = async (like: number) => {
      const model = new SharedBottomModel(clickAndLike);
      const multiTask = { lossWeights: { like } };
      const learner = await makeLearner(model, clickAndLike, { engine, batchSize: 32, optimizer, multiTask });
      await learner.step(batch);
      return learner;
    };
    const branches = [await step(0), await step(1)];
    const trees = branches.map(({ weights }) => cloneWeights(weights));
    for (const lambda of [0, 0.3, 1]) {
      const direct = await step(lambda);
      restoreWeights(branches[0].weights, mixWeights(trees, [1 - lambda, lambda]));
      const mixed = readArrays(branches[0].options.model, branches[0].weights);
      for (const [path, values] of Object.entries(readArrays(direct.options.model, direct.weights)))
        expectNear(mixed[path], values, 1e-6, path);
      await direct.release();
    }
    for (const learner of branches) await learner.release();
  });
});

describe("ForkMerge", () => {
  test("with one branch is plain training with its loss weights, bit for bit", async () => {
    // Merges at ends of epochs, where plain training validates too.
    const plain = await run(input({ epochs: 3, multiTask: onlyClick, monitorLabel: "click" }));
    const forked = await run(
      input({ epochs: 3, forkMerge: { mergeEverySteps: 7, branches: [{ click: 1 }] } }),
    );
    expect(forked.steps).toBe(plain.steps);
    expect(forked.bestEpoch).toBe(plain.bestEpoch);
    expect(arraysOf(forked)).toEqual(arraysOf(plain));
    expect(forked.history.map(({ merge }) => merge?.coefficients)).toEqual([[1], [1], [1]]);
  });

  test("of identical branches is a no-op: every mixture scores the same", async () => {
    const one = { click: 1, like: 0.5 };
    const plain = await run(input({ epochs: 2, forkMerge: { mergeEverySteps: 7, branches: [one] } }));
    const twice = await run(input({ epochs: 2, forkMerge: { mergeEverySteps: 7, branches: [one, one] } }));
    expect(arraysOf(twice)).toEqual(arraysOf(plain));
    for (const { merge } of twice.history) expect(merge?.branchScores[0]).toBe(merge?.branchScores[1]);
  });

  test("scores at least as well as its best branch after every merge", async () => {
    for (const search of ["greedy", "exhaustive"] as const) {
      const { history } = await run(input({ epochs: 4, forkMerge: { mergeEverySteps: 3, search } }));
      expect(history).toHaveLength(Math.ceil((4 * 7) / 3));
      for (const { merge, valid } of history) {
        const scores = (merge?.branchScores ?? []).map(Number);
        expect(merge?.score).toBeGreaterThanOrEqual(Math.max(...scores));
        expect(valid?.click.auc).toBe(merge?.score);
      }
    }
  });

  test("a metric that is better when lower is minimised", async () => {
    const { history } = await run(
      input({ epochs: 2, monitor: "log_loss", forkMerge: { mergeEverySteps: 4 } }),
    );
    for (const { merge } of history)
      expect(merge?.score).toBeLessThanOrEqual(Math.min(...(merge?.branchScores ?? []).map(Number)));
  });

  test.each([{ target: "like" }, {}])(
    "a real number as the target is judged by its rmse: %j",
    async (settings) => {
      const [click, like] = clickAndLike.labels;
      const real = { ...like, kind: "real" } as const;
      const map = { ...clickAndLike, labels: "target" in settings ? [click, real] : [real, click] };
      const given = input({ epochs: 1, forkMerge: { mergeEverySteps: 4, ...settings } });
      const { history } = await run({ ...given, model: new SharedBottomModel(map), map });
      for (const { merge, valid } of history) expect(merge?.score).toBe(valid?.like.rmse);
    },
  );

  test("drops branches after the first merge when asked to", async () => {
    const branches: { [task: string]: number }[] = [
      { click: 1 },
      { click: 1, like: 1 },
      { click: 1, like: 0.1 },
    ];
    const { history } = await run(
      input({ epochs: 2, forkMerge: { mergeEverySteps: 5, branches, keepBranches: 1 } }),
    );
    expect(history[0].merge?.branches).toEqual([0, 1, 2]);
    const [kept] = history[1].merge?.branches ?? [];
    const shares = history[0].merge?.coefficients ?? [];
    expect(shares[kept]).toBe(Math.max(...shares));
    for (const { merge } of history.slice(1)) expect(merge?.branches).toEqual([kept]);
  });

  test.each(["keep", "reset", "average"] as const)(
    "goes on to the same bytes after a stop; states: %s",
    async (optimizerState) => {
      const shape = { dropout: 0.2, batchNorm: true };
      const options = { epochs: 3, forkMerge: { mergeEverySteps: 4, optimizerState, keepBranches: 2 } };
      const whole = await run(input(options, shape));
      const resumed = await inSittings([2, 6, 9], (sitting) =>
        train({ ...input(options, shape), ...sitting }),
      );
      expect(arraysOf(resumed)).toEqual(arraysOf(whole));
      const plain = (result: TrainResult) => result.history.map(({ seconds, ...record }) => record);
      expect(plain(resumed)).toEqual(plain(whole));
      await resumed.learner.release();
    },
  );
});

describe("mistakes", () => {
  test("no validation, unknown tasks, phases besides", async () => {
    const forkMerge = { mergeEverySteps: 4 };
    await expect(train({ ...input({ forkMerge }), valid: undefined })).rejects.toThrow(
      "fork_merge chooses mixtures on a validation split, and there is none",
    );
    await expect(train(input({ forkMerge: { ...forkMerge, target: "clik" } }))).rejects.toThrow(
      'training.fork_merge.target: the model has no task "clik"',
    );
    await expect(train(input({ forkMerge: { ...forkMerge, branches: [{ lik: 1 }] } }))).rejects.toThrow(
      'training.fork_merge.branches: the model has no task "lik"',
    );
    const phases = [{ name: "a", epochs: 1 }];
    await expect(train(input({ forkMerge, phases }))).rejects.toThrow(
      "in phases or forks and merges, not both",
    );
  });
});
