import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { clickAndLike, SharedBottomModel } from "../../test/models/shared-bottom.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { DeepFM, FM } from "../models/index.ts";
import { findLearningRate, type RateTrial, readRange, type TrainInput } from "./index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const source = memorySource(everyKind, drawRows(everyKind, 256, 5));
const input = () => ({
  model: new FM(everyKind, { embeddingDim: 4, embeddingStd: 0.1 }),
  map: everyKind,
  train: source,
  engine,
  options: { batchSize: 32, seed: 3 },
});

describe("the range test", () => {
  test("goes through its rates by equal factors, more than once over the rows if it must", async () => {
    const { trials, suggestion, steepest, ended } = await findLearningRate(input(), {
      from: 1e-4,
      to: 1e-1,
      steps: 31,
    });
    expect(ended).toBeUndefined();
    expect(trials).toHaveLength(31);
    expect(trials[0].learningRate).toBe(1e-4);
    expect(trials[10].learningRate).toBeCloseTo(1e-3, 10);
    expect(trials[30].learningRate).toBeCloseTo(1e-1, 10);
    expect(suggestion).toBeGreaterThan(1e-4);
    expect(suggestion).toBeLessThan(1e-1);
    expect(steepest).toBeGreaterThan(1e-4);
  });

  test("suggests nothing when it is interrupted: higher rates may be better", async () => {
    const stop = new AbortController();
    const { trials, suggestion, steepest, ended } = await findLearningRate(input(), {
      from: 1e-4,
      to: 1e-1,
      steps: 31,
      signal: stop.signal,
      onTrial: (_, done) => {
        if (done > 0.9) stop.abort();
      },
    });
    expect(ended).toBe("interrupted");
    expect(trials.length).toBeLessThan(31);
    expect({ suggestion, steepest }).toEqual({ suggestion: null, steepest: null });
  });

  test("repeats bit for bit", async () => {
    const once = await findLearningRate(input(), { steps: 12 });
    expect(await findLearningRate(input(), { steps: 12 })).toEqual(once);
  });

  test("weighs several tasks as training does", async () => {
    const rows = memorySource(clickAndLike, drawRows(clickAndLike, 64, 5));
    const first = async (multiTask?: NonNullable<TrainInput["options"]>["multiTask"]): Promise<number> => {
      const model = new SharedBottomModel(clickAndLike);
      const options = { ...input().options, multiTask };
      const given = { ...input(), model, map: clickAndLike, train: rows, options };
      return (await findLearningRate(given, { steps: 10 })).trials[0].loss;
    };
    const [click, like] = [
      await first({ lossWeights: { like: 0 } }),
      await first({ lossWeights: { click: 0 } }),
    ];
    expect(click + like).toBeCloseTo(await first(), 5);
    expect(click).toBeGreaterThan(0.1);
    expect(like).toBeGreaterThan(0.1);
  });

  test("ends where the loss blows up, and says so", async () => {
    const deep = { ...input(), model: new DeepFM(everyKind, { embeddingDim: 4, hiddenUnits: [16] }) };
    const { trials, ended } = await findLearningRate(
      { ...deep, options: { ...deep.options, optimizer: "sgd", maxGradientNorm: null } },
      { from: 1, to: 1e6, steps: 60 },
    );
    expect(trials.length).toBeLessThan(60);
    expect(ended).toMatch(/^at \S+: the (loss is 4 times its least value|loss became|norm of the gradients)/);
  });

  test.each([{ from: 0 }, { from: 1, to: 0.1 }, { steps: 3 }])("%j is refused", async (range) => {
    await expect(findLearningRate(input(), range)).rejects.toThrow(/range of rates|at least 10 steps/);
  });
});

describe("reading it", () => {
  const trials = (losses: readonly number[]): RateTrial[] =>
    losses.map((smoothed, k) => ({ learningRate: 10 ** (k - 10), loss: smoothed, smoothed }));

  test("a tenth of the rate of least loss, and the rate of the steepest fall", () => {
    const { suggestion, steepest } = readRange(trials([1, 1, 1, 0.99, 0.9, 0.6, 0.5, 0.45, 0.7, 2]));
    expect(suggestion).toBeCloseTo(1e-4, 12); // least at 10^-3
    expect(steepest).toBeCloseTo(1e-5, 12);
  });

  test("nothing where the loss never fell", () => {
    expect(readRange(trials([1, 1, 1.1, 1.2, 1.3, 2]))).toEqual({ suggestion: null, steepest: null });
  });
});
