import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind, withFeatures } from "../../test/models/every-kind.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { TwoTasks, twoTaskSchema } from "../../test/models/two-tasks.ts";
import { ConfigError, InterruptedError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { FM, LR } from "../models/index.ts";
import type { EncodedBatch, FeatureMap } from "../schema/index.ts";
import {
  measure,
  predictSplit,
  type TrainInput,
  train,
  type TrainingEvent,
  type TrainResult,
} from "./index.ts";

/** Clicks that the category alone decides, but for every tenth row. */
const schema: FeatureMap = withFeatures(everyKind, ({ name }) =>
  ["user", "category", "price"].includes(name),
);
function clicks(size: number, seed: number): EncodedBatch {
  const rows = drawRows(schema, size, seed);
  const click = Float32Array.from({ length: size }, (_, i) =>
    i % 10 === 0 ? 1 - (rows.columns.category[i] % 2) : rows.columns.category[i] % 2,
  );
  return { size, columns: { ...rows.columns, click } };
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

async function run(
  options: TrainInput["options"],
  more: Partial<TrainInput> = {},
): Promise<{ result: TrainResult; events: TrainingEvent[] }> {
  const events: TrainingEvent[] = [];
  const result = await train({
    model: new LR(schema),
    map: schema,
    train: memorySource(schema, clicks(300, 1)),
    valid: memorySource(schema, clicks(120, 2)),
    engine,
    options: { batchSize: 64, learningRate: 0.05, ...options },
    onEvent: (event) => events.push(event),
    ...more,
  });
  return { result, events };
}

describe("epochs", () => {
  test("visit every row once, tell of each step, and learn what there is", async () => {
    const { result, events } = await run({ epochs: 8, earlyStopPatience: null });
    const steps = events.filter((event) => event.type === "step");
    expect(result.steps).toBe(40);
    expect(steps.slice(0, 5).map(({ rows }) => rows)).toEqual([64, 128, 192, 256, 300]);
    expect(result.history.map(({ epoch, steps: done }) => [epoch, done])).toEqual(
      Array.from({ length: 8 }, (_, epoch) => [epoch, 5 * (epoch + 1)]),
    );
    expect(result.valid?.metrics.click.auc.value).toBeGreaterThan(0.85);
    expect(result.history[7].trainLoss).toBeLessThan(result.history[0].trainLoss);
    await result.learner.release();
  });

  test("are the same numbers for the same seed, others for another", async () => {
    const losses = async (seed: number): Promise<number[]> => {
      const { result } = await run({ epochs: 2, seed });
      await result.learner.release();
      return result.history.map(({ trainLoss }) => trainLoss);
    };
    expect(await losses(3)).toEqual(await losses(3));
    expect(await losses(4)).not.toEqual(await losses(3));
  });

  test("without validation keep the last weights", async () => {
    const { result } = await run({ epochs: 2 }, { valid: undefined });
    expect([result.valid, result.bestEpoch]).toEqual([undefined, null]);
    expect(result.history).toHaveLength(2);
    await result.learner.release();
  });
});

describe("validation", () => {
  test("failures cut the rate, end training, and the best weights come back", async () => {
    // A rate that overshoots: what is learned first is not improved on for long.
    const { result, events } = await run({
      epochs: 40,
      learningRate: 0.5,
      optimizer: "sgd",
      earlyStopPatience: 2,
    });
    const epochs = events.filter((event) => event.type === "epoch");
    const cuts = events.filter((event) => event.type === "rate");
    const stopped = events.filter((event) => event.type === "stopped");
    expect(epochs.length).toBeLessThan(40);
    expect(epochs.slice(-2).map(({ improved }) => improved)).toEqual([false, false]);
    expect(cuts.length).toBe(epochs.filter(({ improved }) => !improved).length);
    expect(cuts[0].to).toBeCloseTo(0.1 * cuts[0].from, 12);
    expect(stopped.map(({ reason }) => reason)).toEqual(["auc has not improved for 2 validations"]);
    const best = Math.max(...result.history.map(({ valid }) => valid?.click.auc as number));
    expect(result.valid?.metrics.click.auc.value).toBe(best);
    const again = await predictSplit(result.learner, memorySource(schema, clicks(120, 2)), {
      batchSize: 64,
      schema,
    });
    expect(measure(again, ["auc"]).metrics.click.auc.value).toBe(best);
    await result.learner.release();
  });

  test("monitors a metric in any of its spellings, listed or not", async () => {
    const { result } = await run({ epochs: 1, monitor: "LogLoss", metrics: ["AUC"] });
    expect(Object.keys(result.history[0].valid?.click ?? {})).toEqual(["auc"]);
    await result.learner.release();
  });

  test("of a label nobody has is refused", async () => {
    await expect(run({ epochs: 1, monitorLabel: "clik" })).rejects.toThrow(ConfigError);
    await expect(run({ epochs: 1, monitorLabel: "clik" })).rejects.toThrow(
      "monitor_label: the data have no label clik",
    );
  });
});

describe("interruption", () => {
  test("ends after the step in hand", async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const stopped = run(
      { epochs: 3 },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type !== "step") return;
          steps.push(event.step);
          if (event.step === 2) controller.abort();
        },
      },
    );
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect(steps).toEqual([1, 2]);
  });
});

describe("a real label", () => {
  test("is learned by squared error and measured as a number", async () => {
    const real: FeatureMap = { ...schema, labels: [{ ...schema.labels[0], kind: "real" }] };
    const { result } = await run(
      { epochs: 10, monitor: "RMSE", learningRate: 0.05 },
      { map: real, model: new FM(real, { embeddingDim: 2 }) },
    );
    expect(Object.keys(result.valid?.metrics.click ?? {})).toEqual(["rmse", "mae"]);
    expect(result.valid?.metrics.click.rmse.value).toBeLessThan(0.42);
    await result.learner.release();
  });

  test("is monitored by its error, which is to be small, where no metric is named", async () => {
    const real: FeatureMap = { ...schema, labels: [{ ...schema.labels[0], kind: "real" }] };
    const { result, events } = await run(
      // So high a rate that errors soon grow.
      { epochs: 30, learningRate: 1, optimizer: "sgd", reduceLrOnPlateau: false },
      { map: real, model: new FM(real, { embeddingDim: 2 }) },
    );
    const errors = result.history.map(({ valid }) => valid?.click.rmse ?? Number.NaN);
    expect(result.bestEpoch).toBe(errors.indexOf(Math.min(...errors)));
    expect(events.find(({ type }) => type === "stopped")).toMatchObject({
      reason: "rmse has not improved for 2 validations",
    });
    await result.learner.release();
  });

  test("cannot be monitored by its ranking", async () => {
    const real: FeatureMap = { ...schema, labels: [{ ...schema.labels[0], kind: "real" }] };
    await expect(run({ epochs: 1, monitor: "auc" }, { map: real })).rejects.toThrow(
      "monitor: auc is not a metric of click, which is a real number",
    );
  });

  test("beside a binary one: each has its own metrics; labels that no logit answers for have none", async () => {
    const three: FeatureMap = {
      ...twoTaskSchema,
      labels: [...twoTaskSchema.labels, { ...twoTaskSchema.labels[0], name: "shared", column: "shared" }],
    };
    const rows = drawRows(three, 80, 1);
    const { result } = await run(
      { epochs: 2, metrics: ["auc", "rmse"] },
      {
        map: three,
        model: new TwoTasks(three),
        train: memorySource(three, rows),
        valid: memorySource(three, drawRows(three, 40, 2)),
      },
    );
    const names = Object.entries(result.valid?.metrics ?? {}).map(([label, of]) => [label, Object.keys(of)]);
    expect(names).toEqual([
      ["click", ["auc", "rmse"]],
      ["spent", ["rmse"]],
    ]);
    await result.learner.release();
  });
});

test("what it will take is told before anything is allocated", async () => {
  const { result, events } = await run({ epochs: 1 });
  expect(events[0]).toMatchObject({ type: "memory" });
  const lines = events[0].type === "memory" ? events[0].lines : [];
  expect(lines.map(({ what }) => what)).toEqual(["52 embedding rows of 1", "3 dense parameters"]);
  await result.learner.release();
});
