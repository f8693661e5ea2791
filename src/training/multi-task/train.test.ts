/** Methods on several losses in the whole loop: what is recorded, and stopping anywhere. */
import { beforeAll, expect, test } from "vitest";
import { drawRows } from "../../../test/models/every-kind.ts";
import { memorySource } from "../../../test/models/memory-source.ts";
import { readArrays } from "../../../test/models/named-arrays.ts";
import { clickAndLike, SharedBottomModel } from "../../../test/models/shared-bottom.ts";
import { inSittings } from "../../../test/models/stop-after.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { train, type TrainInput, type TrainResult } from "../index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const rows = drawRows(clickAndLike, 100, 1);
const input = (multiTask: NonNullable<TrainInput["options"]>["multiTask"]) =>
  ({
    model: new SharedBottomModel(clickAndLike, { dropout: 0.2, batchNorm: true }),
    map: clickAndLike,
    engine,
    train: memorySource(clickAndLike, rows),
    valid: memorySource(clickAndLike, drawRows(clickAndLike, 60, 2)),
    options: {
      batchSize: 16,
      epochs: 4,
      learningRate: 0.02,
      earlyStopPatience: null,
      checkpointEverySteps: 3,
      multiTask,
    },
  }) satisfies TrainInput;

const arraysOf = ({ learner }: TrainResult) => readArrays(learner.options.model, learner.weights);
const records = ({ history }: TrainResult) => history.map(({ seconds, ...record }) => record);

test.each([
  { optimizerState: "per-task", gradients: "pcgrad", measure: true },
  { weighting: "dwa" },
  { weighting: "gradnorm" },
  { weighting: "auto-lambda" },
  { weighting: "ol-aux", optimizerState: "mtadam" },
] as const)("%o: stopped anywhere, the same bytes and records", async (multiTask) => {
  const whole = await train(input(multiTask));
  const resumed = await inSittings([2, 8, 5], (sitting) => train({ ...input(multiTask), ...sitting }));
  expect(arraysOf(resumed)).toEqual(arraysOf(whole));
  expect(records(resumed)).toEqual(records(whole));
  for (const { learner } of [whole, resumed]) await learner.release();
});

test("an epoch's record has factors, cosines and shares of updates by name", async () => {
  const result = await train(input({ weighting: "uncertainty", measure: true }));
  const [{ tasks }] = result.history;
  expect(Object.keys(tasks?.factors ?? {})).toEqual(["click", "like"]);
  expect(Object.keys(tasks?.cosine ?? {})).toEqual(["click|like"]);
  const shares = tasks?.dominance?.["bottom.layers.0.weight"] ?? {};
  expect(shares.click + shares.like).toBeCloseTo(1, 9);
  expect(Object.keys(tasks?.dominance ?? {})).toContain("embedding.tables.user");
  await result.learner.release();
});

test("states of all tasks are told before anything is allocated", async () => {
  const bytes = async (multiTask: Parameters<typeof input>[0]): Promise<number> => {
    let total = 0;
    const given = input(multiTask);
    const { learner } = await train({
      ...given,
      options: { ...given.options, epochs: 1 },
      onEvent: (event) => {
        if (event.type === "memory") total = event.lines.reduce((sum, line) => sum + line.bytes, 0);
      },
    });
    await learner.release();
    return total;
  };
  const [plain, surgery, adaTask] = [
    await bytes(undefined),
    await bytes({ gradients: "pcgrad" }),
    await bytes({ optimizerState: "per-task" }),
  ];
  expect(surgery).toBeGreaterThan(plain);
  expect(adaTask).toBeGreaterThan(surgery);
});
