import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind, withFeatures } from "../../../test/models/every-kind.ts";
import { memorySource } from "../../../test/models/memory-source.ts";
import { ConfigError, CounterRandom, DataError, InterruptedError } from "../../core/index.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { FM } from "../../models/index.ts";
import { type EncodedBatch, FIRST_VALUE_ID, type FeatureMap } from "../../schema/index.ts";
import { type Checkpoint, MemoryCheckpoints, type Progress } from "../checkpoint.ts";
import {
  cloneWeights,
  measure,
  predictSplit,
  prequential,
  type Snapshot,
  type TrainInput,
  takeSnapshot,
  train,
} from "../index.ts";
import { windowName, windowPieces } from "./window-pieces.ts";

const schema: FeatureMap = {
  ...withFeatures(everyKind, ({ name }) => ["user", "category"].includes(name)),
  timestamp: "time",
  timestampUnit: "s",
};
const hour = 3600;
const midnight = Date.UTC(2026, 2, 1) / 1000;

interface Clicks {
  /** Hours whose labels are turned round. */
  readonly turned?: (hour: number) => boolean;
  readonly hours?: number;
  readonly vocabulary?: FeatureMap;
}

/** 90 rows an hour; the category decides a click in nine rows of ten. */
function clicks({ turned = () => false, hours = 8, vocabulary = schema }: Clicks = {}): EncodedBatch {
  const size = 90 * hours;
  const rows = drawRows(vocabulary, size, 3);
  const random = new CounterRandom(9, "click");
  const at = (i: number): number => Math.floor(i / 90);
  const click = Float32Array.from({ length: size }, (_, i) => {
    const told = rows.columns.category[i] % 2;
    const own = random.uniform(i) < 0.9 ? told : 1 - told;
    return turned(at(i)) ? 1 - own : own;
  });
  const times = Float64Array.from({ length: size }, (_, i) => midnight + at(i) * hour + (i % 90) * 40);
  return { size, columns: { ...rows.columns, click, "@timestamp": times } };
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const options = {
  batchSize: 64,
  learningRate: 0.05,
  metrics: ["log_loss", "auc"],
  streaming: { window: "hour" as const, alarm: 1.5 },
};

async function stream(rows: EncodedBatch, more: Partial<TrainInput> = {}) {
  const result = await train({
    model: new FM(schema, { embeddingDim: 2 }),
    map: schema,
    train: memorySource(schema, rows),
    engine,
    options,
    ...more,
  });
  const weights = cloneWeights(result.learner.weights);
  await result.learner.release();
  const history = result.history.map(({ seconds, ...record }) => record);
  return { result, history, weights };
}

const lossesOf = (history: Awaited<ReturnType<typeof stream>>["history"]): number[] =>
  history.map(({ valid }) => valid?.click.log_loss as number);

describe("pieces", () => {
  const read = async (batchSize: number, from?: number) => {
    const found: [window: number, size: number, end: number, first: number][] = [];
    const source = memorySource(schema, clicks({ hours: 3 }));
    for await (const { window, batch, end } of windowPieces(source, {
      batchSize,
      windowSeconds: hour,
      from,
    })) {
      found.push([window - midnight / hour, batch.size, end, batch.columns.user[0]]);
    }
    return found;
  };

  test("end at windows' and batches' borders, and hold every row once", async () => {
    const rows = clicks({ hours: 3 });
    const user = (i: number): number => rows.columns.user[i];
    expect(await read(64)).toEqual([
      [0, 64, 64, user(0)],
      [0, 26, 90, user(64)],
      [1, 38, 128, user(90)],
      [1, 52, 180, user(128)],
      [2, 12, 192, user(180)],
      [2, 64, 256, user(192)],
      [2, 14, 270, user(256)],
    ]);
  });

  test("are the same when the stream is entered at any of them", async () => {
    const whole = await read(64);
    for (const [k, [, , end]] of whole.entries()) expect(await read(64, end)).toEqual(whole.slice(k + 1));
  });

  test("windows are called by their beginning", () => {
    expect(windowName(midnight / hour + 13, hour)).toBe("2026-03-01 13:00");
    expect(windowName(midnight / 86_400, 86_400)).toBe("2026-03-01");
    expect(windowName(midnight / 90, 90)).toBe("2026-03-01 00:00:00");
  });

  test.each([
    [{ ...schema, timestamp: undefined }, clicks(), ConfigError, "streaming: the data have no timestamp"],
    [schema, unordered(), DataError, "streaming: row 90 of the split"],
    [schema, timeless(), DataError, "streaming: row 70 of the split has no time"],
  ])("need rows in order of their time (%#)", async (map, rows, type, message) => {
    const source = memorySource(map, rows);
    await expect(stream(rows, { map, train: source })).rejects.toThrow(type);
    await expect(stream(rows, { map, train: source })).rejects.toThrow(message);
  });
});

function timeless(): EncodedBatch {
  const { size, columns } = clicks({ hours: 2 });
  return { size, columns: { ...columns, "@timestamp": columns["@timestamp"].with(70, Number.NaN) } };
}

function unordered(): EncodedBatch {
  const { size, columns } = clicks({ hours: 2 });
  const times = columns["@timestamp"].map((time, i) => (i < 90 ? time + 2 * hour : time));
  return { size, columns: { ...columns, "@timestamp": times } };
}

describe("a stream", () => {
  test("is tested before it is trained on: labels change nothing that was predicted before them", async () => {
    const plain = await stream(clicks());
    const other = await stream(clicks({ turned: (at) => at === 4 }));
    expect(lossesOf(other.history).slice(0, 4)).toEqual(lossesOf(plain.history).slice(0, 4));
    expect(lossesOf(other.history)[4]).toBeGreaterThan(lossesOf(plain.history)[4] + 0.1);
    expect(plain.history.map(({ phase }) => phase).slice(0, 2)).toEqual([
      "2026-03-01 00:00",
      "2026-03-01 01:00",
    ]);
    // The first window meets the model as it starts; later ones a model that has learned.
    expect(lossesOf(plain.history)[0]).toBeCloseTo(Math.LN2, 2);
    expect(lossesOf(plain.history)[7]).toBeLessThan(0.55);
  });

  test("gives what a run gives that trains on the windows before and stops there", async () => {
    const whole = await stream(clicks());
    const first = await stream(clicks({ hours: 5 }));
    const learner = (
      await train({
        model: new FM(schema, { embeddingDim: 2 }),
        map: schema,
        train: memorySource(schema, clicks({ hours: 5 })),
        engine,
        options,
      })
    ).learner;
    const sixth = takeRows(clicks(), 5 * 90, 6 * 90);
    const split = await predictSplit(learner, memorySource(schema, sixth), { batchSize: 64, schema });
    expect(measure(split, ["log_loss"]).metrics.click.log_loss.value).toBeCloseTo(
      lossesOf(whole.history)[5],
      6,
    );
    expect(whole.history.slice(0, 5)).toEqual(first.history);
    await learner.release();
  });

  test("stopped after any step and resumed, gives the same bytes", async () => {
    const rows = clicks({ turned: (at) => at === 5 });
    const whole = await stream(rows);
    for (const stop of [1, 3, 9, 13, 14, 15]) {
      const checkpoints = new KeptCheckpoints();
      const controller = new AbortController();
      const stopped = stream(rows, {
        checkpoints,
        signal: controller.signal,
        onEvent: (event) => event.type === "step" && event.step === stop && controller.abort(),
      });
      await expect(stopped).rejects.toThrow(InterruptedError);
      const resumed = await stream(rows, { checkpoints, resume: true });
      expect(resumed.history, `stopped at ${stop}`).toEqual(whole.history);
      expect(resumed.weights).toEqual(whole.weights);
    }
  });

  test("windows' metrics are averaged by their rows", () => {
    const record = { epoch: 0, steps: 1, trainLoss: 1, learningRate: 1, seconds: 1 };
    const history = [
      { ...record, valid: { click: { auc: 0.5, log_loss: 0.7 } }, stream: { rows: 100, level: 0.7 } },
      { ...record, valid: { click: { auc: null, log_loss: 0.4 } }, stream: { rows: 300, level: 0.4 } },
    ];
    const { rows, metrics } = prequential(history);
    expect([rows, metrics.click.auc]).toEqual([400, 0.5]);
    expect(metrics.click.log_loss).toBeCloseTo((0.7 + 3 * 0.4) / 4, 12);
  });
});

describe("the alarm", () => {
  test("brings back the weights from before a window that spoiled them", async () => {
    // Hours 5's labels are turned round: hour 6 meets spoiled weights.
    const rows = clicks({ turned: (at) => at === 5, hours: 9 });
    const streaming = { window: "hour" as const, alarm: 1.2 };
    const fast = { ...options, batchSize: 10, learningRate: 3, optimizer: "sgd" as const, streaming };
    const { history } = await stream(rows, { options: fast });
    const alarms = history.map(({ stream: window }) => window?.alarm?.rolledBack);
    expect(alarms.slice(0, 5)).toEqual(Array(5).fill(undefined));
    // Bad labels raise it, too, and no weights predict those.
    expect(alarms[5]).toBe(false);
    expect(alarms[6]).toBe(true);
    const silent = await stream(rows, {
      options: { ...fast, streaming: { ...fast.streaming, alarm: null } },
    });
    expect(silent.history.every(({ stream: window }) => window?.alarm === undefined)).toBe(true);
    const served = ({ history: all }: typeof silent) => lossesOf(all)[7];
    expect(lossesOf(history)[7]).toBeLessThan(served(silent));
  });

  test("leaves the weights where the data have changed for good", async () => {
    const rows = clicks({ turned: (at) => at >= 5, hours: 9 });
    const { history } = await stream(rows, { options: { ...options, learningRate: 0.2 } });
    expect(history.some(({ stream: window }) => window?.alarm !== undefined)).toBe(true);
    expect(history.every(({ stream: window }) => window?.alarm?.rolledBack !== true)).toBe(true);
  });

  test("falls silent when the new level has become the usual one", async () => {
    // From the sixth hour on labels are coins, which no weights predict better than by 0.69.
    const rows = clicks({ hours: 24 });
    const coins = new CounterRandom(4, "coins");
    rows.columns.click.forEach((_, i, click) => {
      if (i >= 6 * 90) click[i] = Number(coins.uniform(i) < 0.5);
    });
    const streaming = { window: "hour" as const, alarm: 1.15, alarmWindows: 5 };
    const { history } = await stream(rows, { options: { ...options, learningRate: 0.2, streaming } });
    const alarms = history.map(({ stream: window }) => window?.alarm !== undefined);
    expect(alarms.slice(6, 8)).toContain(true);
    expect(alarms.slice(16)).not.toContain(true);
  });
});

test("goes on from a trained run, whose vocabularies may have grown", async () => {
  const trained = await train({
    model: new FM(schema, { embeddingDim: 2 }),
    map: schema,
    train: memorySource(schema, clicks()),
    engine,
    options: { batchSize: 64, learningRate: 0.05, epochs: 3, metrics: ["log_loss"] },
  });
  const start = { snapshot: takeSnapshot(trained.learner.weights), map: schema, steps: trained.steps };
  const hourAt = takeRows(clicks(), 0, 90);
  const split = await predictSplit(trained.learner, memorySource(schema, hourAt), { batchSize: 64, schema });
  const expected = measure(split, ["log_loss"]).metrics.click.log_loss.value as number;
  await trained.learner.release();
  const same = await stream(clicks(), { start });
  expect(lossesOf(same.history)[0]).toBeCloseTo(expected, 6);
  expect(same.result.steps).toBe(trained.steps + 19);
  const { vocabulary, size } = schema.encoders.user;
  if (vocabulary.type !== "list") throw new Error("users have a list of values");
  const user = {
    ...schema.encoders.user,
    vocabulary: { ...vocabulary, values: [...vocabulary.values, "new"] },
    size: size + 1,
  };
  const grown: FeatureMap = { ...schema, encoders: { ...schema.encoders, user } };
  const more = await stream(clicks(), {
    start,
    map: grown,
    model: new FM(grown, { embeddingDim: 2 }),
    train: memorySource(grown, clicks()),
  });
  expect(lossesOf(more.history)[0]).toBeCloseTo(expected, 6);
  expect(size).toBeGreaterThan(FIRST_VALUE_ID);
});

test("runs in phases are refused", async () => {
  const phases = [{ epochs: 1 }];
  await expect(stream(clicks(), { options: { ...options, phases: phases as never } })).rejects.toThrow(
    ConfigError,
  );
});

function takeRows({ columns }: EncodedBatch, from: number, to: number): EncodedBatch {
  const size = to - from;
  const cut = Object.entries(columns).map(([name, data]) => [name, data.slice(from, to)]);
  return { size, columns: Object.fromEntries(cut) };
}

/** Copies of what would be written. */
class KeptCheckpoints extends MemoryCheckpoints {
  #current: Checkpoint | undefined;

  override saveCurrent(progress: Progress, weights: Snapshot, before?: Snapshot): void {
    const copy = (snapshot: Snapshot): Snapshot =>
      new Map([...snapshot].map(([name, bytes]) => [name, bytes.slice()]));
    this.#current = {
      progress: structuredClone(progress),
      weights: copy(weights),
      ...(before === undefined ? {} : { before: copy(before) }),
    };
  }

  override loadCurrent() {
    return this.#current;
  }
}
