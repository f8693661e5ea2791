/** Ranking losses chosen by options: any model takes them, groups and draws work, gradients are recorded. */
import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind, everyTask, schemaOf, withFeatures } from "../../test/models/every-kind.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { ConfigError, CounterRandom, InterruptedError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { FM, models, SharedBottom } from "../models/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import { type CheckpointStore, MemoryCheckpoints, type Progress } from "./checkpoint.ts";
import {
  defaultObjective,
  rankingLossOptions,
  type Snapshot,
  type TrainInput,
  train,
  type TrainingEvent,
  type TrainResult,
  trainingGraph,
  trainingOptions,
} from "./index.ts";

const schema: FeatureMap = {
  ...withFeatures(everyKind, ({ name }) => ["user", "category"].includes(name)),
  group: "user",
};

/** One click in eight, more in even categories. */
function clicks(size: number, seed: number): EncodedBatch {
  const rows = drawRows(schema, size, seed);
  const random = new CounterRandom(seed, "click");
  const click = Float32Array.from({ length: size }, (_, i) =>
    random.uniform(i) < (rows.columns.category[i] % 2 === 0 ? 0.2 : 0.05) ? 1 : 0,
  );
  return { size, columns: { ...rows.columns, click, "@group": Int32Array.from(rows.columns.user) } };
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
    model: new FM(schema, { embeddingDim: 2 }),
    map: schema,
    train: memorySource(schema, clicks(600, 1)),
    engine,
    options: { batchSize: 128, epochs: 2, learningRate: 0.02, ...options },
    onEvent: (event) => events.push(event),
    ...more,
  });
  await result.learner.release();
  return { result, events };
}

const losses = async (options: TrainInput["options"]): Promise<number[]> =>
  (await run(options)).result.history.map(({ trainLoss }) => trainLoss);

describe("as a training option", () => {
  test.each(models.map((description) => ({ name: description.name, description })))(
    "$name takes a ranking loss",
    ({ description }) => {
      const map: FeatureMap = { ...schemaOf(description), group: "user" };
      const rankingLoss = rankingLossOptions.parse({ within: "group", alpha: 0.6 });
      const graph = trainingGraph({
        model: description.create(map, description.example),
        schema: map,
        layout: batchLayout(map),
        objective: defaultObjective(map, { rankingLoss }),
        logitGradients: true,
      });
      expect(graph.outputs).toContain("slope:negatives:click");
      expect(graph.inputs).toContain("column:@group");
    },
  );

  test("alpha 1 trains as without one, bit for bit", async () => {
    expect(await losses({ rankingLoss: { kind: "pair", alpha: 1 } })).toEqual(await losses({}));
  });

  test("each kind, within batch or group, and drawn pairs are losses of their own", async () => {
    const found = [
      await losses({}),
      await losses({ rankingLoss: { alpha: 0.5 } }),
      await losses({ rankingLoss: { alpha: 0.5, within: "group" }, shuffle: false }),
      await losses({ rankingLoss: { alpha: 0.5, pairs: 64 } }),
      await losses({ rankingLoss: { kind: "none", focalGamma: 2 } }),
    ];
    for (const kind of ["list", "rcr", "jrc", "contrastive"] as const) {
      found.push(await losses({ rankingLoss: { kind, alpha: 0.5 } }));
    }
    expect(found.flat().every(Number.isFinite)).toBe(true);
    expect(new Set(found.map((one) => one.join()))).toHaveLength(found.length);
    // Pairs are drawn by the step's own key: the same every time.
    expect(await losses({ rankingLoss: { alpha: 0.5, pairs: 64 } })).toEqual(found[3]);
  });

  test("of one label of several leaves the others alone", async () => {
    const map = everyTask;
    const objective = (labels?: string[]) =>
      defaultObjective(map, { rankingLoss: rankingLossOptions.parse({ alpha: 0.5, labels }) });
    const model = new SharedBottom(map, { embeddingDim: 2, bottomHiddenUnits: [4], towerHiddenUnits: [] });
    const source = { model, schema: map, layout: batchLayout(map) };
    const all = trainingGraph({ ...source, objective: objective() });
    const one = trainingGraph({ ...source, objective: objective(["buy"]) });
    expect(one.losses).toEqual(all.losses);
    expect(one.model.byteLength).toBeLessThan(all.model.byteLength);
  });

  test("groups that shuffling would tear apart are refused; in stored order and on a stream they are whole", async () => {
    const rankingLoss = { within: "group" as const };
    await expect(run({ rankingLoss })).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringContaining("shuffled batches tear groups apart"),
      hint: expect.stringContaining("training.shuffle: false"),
    });
    const parsed = trainingOptions.parse({ rankingLoss, streaming: {} });
    expect(() => defaultObjective(schema, parsed)).not.toThrow();
  });

  test.each([
    [
      { within: "group" as const },
      { ...schema, group: undefined },
      "ranking_loss.within: the data have no group",
    ],
    [{ labels: ["clik"] }, schema, 'ranking_loss.labels: the data have no binary label "clik"'],
    [{ kind: "list" as const, pairs: 5 }, schema, "ranking_loss.pairs draws pairs of the whole batch"],
  ])("%j is refused", async (rankingLoss, map, message) => {
    await expect(run({ rankingLoss }, { map })).rejects.toThrow(ConfigError);
    await expect(run({ rankingLoss }, { map })).rejects.toThrow(message);
  });
});

describe("gradients on logits", () => {
  test("are recorded; the ranking loss's on negatives are larger", async () => {
    const options = { logitGradients: true, epochs: 10 };
    const plain = await run(options);
    const pair = await run({ ...options, rankingLoss: { alpha: 0.5 } });
    const [a, b] = [plain, pair].map(({ result }) => result.history[9].logitGradients?.click);
    // Near the base rate: about rate / rows of a batch under cross entropy.
    expect(a?.negatives).toBeGreaterThan(0.5 * (0.12 / 128));
    expect(a?.negatives).toBeLessThan(2.5 * (0.12 / 128));
    expect(b?.negatives).toBeGreaterThan(1.5 * (a?.negatives as number));
    const steps = pair.events.filter((event) => event.type === "step");
    const first = steps.slice(0, 5).map(({ logitGradients }) => logitGradients?.click.negatives as number);
    expect(pair.result.history[0].logitGradients?.click.negatives).toBeCloseTo(
      first.reduce((sum, value) => sum + value, 0) / first.length,
      12,
    );
  });

  test("watching them changes no number", async () => {
    expect(await losses({ logitGradients: true })).toEqual(await losses({}));
  });

  test("and drawn pairs resume in the middle of an epoch to the same numbers", async () => {
    const options = { logitGradients: true, rankingLoss: { alpha: 0.5, pairs: 32 }, checkpointEverySteps: 1 };
    const whole = await run(options);
    const checkpoints = new KeptCheckpoints();
    const controller = new AbortController();
    const onEvent = (event: TrainingEvent): void => {
      if (event.type === "step" && event.step === 7) controller.abort();
    };
    await expect(run(options, { checkpoints, signal: controller.signal, onEvent })).rejects.toThrow(
      InterruptedError,
    );
    const { result } = await run(options, { checkpoints, resume: true });
    const plain = ({ history }: TrainResult) => history.map(({ seconds, ...record }) => record);
    expect(plain(result)).toEqual(plain(whole.result));
  });
});

/** Copies of what would be written. */
class KeptCheckpoints extends MemoryCheckpoints implements CheckpointStore {
  #current: { progress: Progress; weights: Snapshot } | undefined;

  override saveCurrent(progress: Progress, weights: Snapshot): void {
    const copy = new Map([...weights].map(([name, bytes]) => [name, bytes.slice()]));
    this.#current = { progress: structuredClone(progress), weights: copy };
  }

  override loadCurrent() {
    return this.#current;
  }
}
