/** Ranking and learning from a bundle, in Node's WASM engine: what a page does, without the page. */
import { beforeAll, describe, expect, test } from "vitest";
import { makeLearner, weightSource } from "../../test/models/learner.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { DIN } from "../models/index.ts";
import { createRowEncoder, type FeatureMap, type IdEncoder, type RawRow } from "../schema/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../module/index.ts";
import { encodeDeviceBundle } from "../training/device/index.ts";
import { CounterRandom } from "../core/index.ts";
import { loadBundle } from "./bundle.ts";
import { memoryStore } from "./device-store.ts";
import type { LocalEvent } from "./local-event.ts";
import { Ranker } from "./ranker.ts";
import { Tuner, type TunerOptions } from "./tuner.ts";

const values = (name: string, count: number): IdEncoder => ({
  valueType: "string",
  trim: false,
  vocabulary: { type: "list", values: Array.from({ length: count }, (_, k) => `${name}${k}`), minCount: 1 },
  size: count + 3,
});

const map: FeatureMap = {
  version: 1,
  features: [
    { name: "user", kind: "categorical", column: "user", encoder: "user" },
    { name: "item", kind: "categorical", column: "item", encoder: "item" },
    {
      name: "price",
      kind: "numeric",
      column: "price",
      transform: { clip: undefined, log: true, mean: 2, scale: 1, fill: 0 },
    },
    {
      name: "history",
      kind: "sequence",
      column: "history",
      encoder: "item",
      separator: undefined,
      maxLength: 4,
      target: "item",
      alignedWith: undefined,
      timesColumn: undefined,
    },
  ],
  encoders: { user: values("u", 9), item: values("i", 12) },
  labels: [{ name: "click", column: "click", threshold: undefined, positive: undefined, kind: "binary" }],
  weight: undefined,
  group: undefined,
  domain: undefined,
  timestamp: undefined,
  timestampUnit: undefined,
};

const random = new CounterRandom(3, "events");
const rows = Array.from({ length: 24 }, (_, row): RawRow => {
  const draw = (k: number, below: number): number => random.integer(16 * row + k, below);
  return {
    user: `u${draw(0, 11)}`, // two of them are unknown
    item: `i${draw(1, 12)}`,
    price: draw(2, 9) === 0 ? null : 1 + draw(3, 30),
    history: Array.from({ length: draw(4, 5) }, (_, k) => `i${draw(5 + k, 12)}`),
    bid: row % 7 === 0 ? null : row,
  };
});
const events = rows.map((row, k): LocalEvent => ({ row, labels: { click: k % 3 === 0 ? 1 : 0 } }));

const model = new DIN(map, { embeddingDim: 4, embeddingStd: 0.3, hiddenUnits: [8], netDropout: 0.3 });
let native: Engine;
let wasm: Engine;
beforeAll(async () => {
  native = await createEngine("native");
  wasm = await createEngine("wasm");
});

const learner = () =>
  makeLearner(model, map, {
    engine: native,
    batchSize: rows.length,
    optimizer: { learningRate: 0.02, embeddingUpdate: "lazy" },
    still: true,
  });

async function bundleWith(trainable: readonly string[]): Promise<Uint8Array> {
  const weights = weightSource(await learner());
  return (await encodeDeviceBundle({ model, schema: map, weights, trainable })).bytes;
}

async function opened(trainable: readonly string[], options: TunerOptions = {}) {
  const ranker = await Ranker.create(await loadBundle(await bundleWith(trainable)), { engine: wasm });
  const store = options.store ?? memoryStore();
  return { ranker, tuner: await Tuner.open(ranker, { batchSize: rows.length, ...options, store }), store };
}

const everything = ["embedding", "attentions", "deep"];

describe("learning", () => {
  test("is the trainer's own step: a learner moves alike on the same rows", async () => {
    const { ranker, tuner } = await opened(everything, { learningRate: 0.02 });
    const trained = await learner();
    const encoder = createRowEncoder(map, { labels: true });
    const batch = encoder.encode(events.map(({ row, labels }) => ({ ...row, ...labels })));
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) losses.push(await trained.step(batch));
    const learnt = await tuner.learn(events, { epochs: 5 });
    expect(learnt.steps).toBe(5);
    for (const [step, loss] of learnt.losses.entries()) expect(loss).toBeCloseTo(losses[step], 5);
    const { click: expected } = await trained.predict(batch);
    const { click: given } = await ranker.score(rows);
    for (const [row, probability] of given.entries()) expect(probability).toBeCloseTo(expected[row], 4);
  });

  test("moves the named parts and the rows that events read, nothing else", async () => {
    const { ranker, tuner } = await opened(["deep.head", "embedding.tables.user"]);
    expect(ranker.bundle.trainable).toEqual({
      parameters: ["deep.head.weight", "deep.head.bias"],
      tables: ["embedding.tables.user"],
    });
    const user = (): number[] => {
      const { data, stride } = ranker.values.rows("embedding.tables.user");
      return Array.from({ length: 12 }, (_, id) => data[id * stride]);
    };
    const before = user();
    await tuner.learn([{ row: { ...rows[0], user: "u4" }, labels: { click: 1 } }], { epochs: 3 });
    expect(user().flatMap((value, id) => (value === before[id] ? [] : [id]))).toEqual([3 + 4]);
    expect(ranker.values.parameter("deep.head.bias")[0]).not.toBe(0);
  });

  test("an unknown user's row becomes this device's own", async () => {
    const { ranker, tuner } = await opened(["embedding.tables.user"], { learningRate: 0.05 });
    const row = { ...rows[0], user: "somebody new" };
    const { click: before } = await ranker.score([row, rows[1]]);
    await tuner.learn([{ row, labels: { click: 1 } }], { epochs: 20 });
    const { click: after } = await ranker.score([row, rows[1]]);
    expect(after[0]).toBeGreaterThan(before[0] + 0.01);
    expect(after[1]).toBe(before[1]);
  });

  test("equal events, options and seed give equal bits, in one call or in several", async () => {
    const [one, two] = [
      await opened(everything, { batchSize: 7 }),
      await opened(everything, { batchSize: 7 }),
    ];
    await one.tuner.learn(events, { epochs: 3 });
    for (let epoch = 0; epoch < 3; epoch++) await two.tuner.learn(events);
    expect((await two.ranker.score(rows)).click).toEqual((await one.ranker.score(rows)).click);
  });

  test("goes on from what was kept as if it had never stopped, and forgets on reset", async () => {
    const options = { name: "feed", batchSize: 10 };
    const first = await opened(everything, options);
    const shipped = (await first.ranker.score(rows)).click;
    await first.tuner.learn(events);
    await first.tuner.save();
    const second = await opened(everything, { ...options, store: first.store });
    expect([second.tuner.start, second.tuner.steps]).toEqual(["restored", 3]);
    await first.tuner.learn(events);
    await second.tuner.learn(events);
    expect((await second.ranker.score(rows)).click).toEqual((await first.ranker.score(rows)).click);
    await second.tuner.reset();
    expect((await second.ranker.score(rows)).click).toEqual(shipped);
    const third = await opened(everything, { ...options, store: first.store });
    expect(third.tuner.start).toBe("fresh");
  });

  test("two pages that save one tuning: the second is told, and nothing is lost", async () => {
    const bundle = await loadBundle(await bundleWith(["deep"]));
    const whole = memoryStore();
    const { update: _, ...parts } = memoryStore();
    for (const store of [whole, parts]) {
      const open = async (): Promise<Tuner> =>
        Tuner.open(await Ranker.create(bundle, { engine: wasm }), { store, name: "feed" });
      const [first, second] = [await open(), await open()];
      await first.learn(events.slice(0, 4));
      await second.learn(events.slice(4, 12));
      await first.save();
      await first.save();
      await expect(second.save()).rejects.toMatchObject({
        name: "ConflictError",
        message: 'another page has saved the tuning "feed" since this one opened it',
        hint: "open it anew to go on from there, or save with { overwrite: true }",
      });
      expect((await open()).steps).toBe(first.steps);
      await second.save({ overwrite: true });
      await expect(first.save()).rejects.toThrow("another page has saved");
      await second.reset();
      await expect(first.save()).rejects.toThrow('another page has reset the tuning "feed"');
      await second.learn(events.slice(0, 4));
      await second.save();
      expect((await open()).start).toBe("restored");
    }
  });

  test("what has diverged is not kept, and what is no tuning at all is outdated", async () => {
    const wild = { optimizer: "sgd", learningRate: 1e30, maxGradientNorm: 1e30 } as const;
    const { tuner, store } = await opened(everything, wild);
    await expect(tuner.learn(events, { epochs: 20 })).rejects.toThrow(/the loss became|not finite/);
    await expect(tuner.save()).rejects.toThrow("gives no numbers, so it is not kept");
    await tuner.reset();
    await tuner.save();
    const torn = { ...((await store.get("tuned/tuned")) as object), weights: undefined };
    await store.set("tuned/tuned", torn);
    expect((await opened(everything, { ...wild, store })).tuner.start).toBe("outdated");
  });

  test("what was kept under another optimizer is outdated, and the shipped model is taken", async () => {
    const first = await opened(["deep"]);
    await first.tuner.learn(events);
    await first.tuner.save();
    const second = await opened(["deep"], { store: first.store, optimizer: "adagrad" });
    expect(second.tuner.start).toBe("outdated");
    expect(second.ranker.values.parameter("deep.head.bias")).toEqual(new Float32Array(1));
  });

  test.each(["adam", "adagrad", "rowwise-adagrad", "rmsprop", "sgd"] as const)(
    "%s lowers the loss and is kept",
    async (optimizer) => {
      const learningRate = optimizer === "sgd" ? 0.5 : 0.05;
      const { tuner, store } = await opened(everything, { optimizer, learningRate });
      const before = await tuner.evaluate(events);
      await tuner.learn(events, { epochs: 8 });
      const after = await tuner.evaluate(events);
      expect(after.loss).toBeLessThan(before.loss as number);
      expect(await tuner.evaluate(events, { model: "shipped" })).toEqual(before);
      await tuner.save();
      const again = await opened(everything, { optimizer, learningRate, store });
      expect(await again.tuner.evaluate(events)).toEqual(after);
    },
  );

  test("an anchor keeps what is learnt near what was shipped", async () => {
    const distance = async (anchor: number): Promise<number> => {
      const { ranker, tuner } = await opened(["deep", "embedding.tables.item"], {
        learningRate: 0.05,
        anchor,
      });
      const shipped = ranker.bundle.values("parameter:deep.layers.0.weight");
      await tuner.learn(events, { epochs: 20 });
      const now = ranker.values.parameter("deep.layers.0.weight");
      return Math.sqrt(now.reduce((sum, value, i) => sum + (value - shipped[i]) ** 2, 0));
    };
    expect(await distance(4)).toBeLessThan(0.7 * (await distance(0)));
  });

  test("weights of events count: weight 2 is the event twice, 0 is none", async () => {
    const [a, b, c] = events;
    const [one, two] = [await opened(["deep"]), await opened(["deep"])];
    await one.tuner.learn([{ ...a, weight: 2 }, b, { ...c, weight: 0 }]);
    await two.tuner.learn([a, a, b]);
    const [given, expected] = [one, two].map(({ ranker }) => ranker.values.parameter("deep.head.weight"));
    for (const [i, value] of given.entries()) expect(value).toBeCloseTo(expected[i], 5);
  });

  test("stops between steps when told to", async () => {
    const { tuner } = await opened(["deep"], { batchSize: 4 });
    const stop = new AbortController();
    const { steps } = await tuner.learn(events, {
      epochs: 5,
      signal: stop.signal,
      onStep: ({ step }) => step === 2 && stop.abort(),
    });
    expect([steps, tuner.steps]).toEqual([2, 2]);
  });

  test("no events: nothing to learn, nothing to measure", async () => {
    const { tuner } = await opened(["deep"]);
    expect(await tuner.learn([])).toEqual({ steps: 0, losses: [] });
    expect(await tuner.evaluate([])).toMatchObject({ events: 0, loss: null });
  });

  test.each([
    [null as unknown as LocalEvent, "event 1: it has no row of raw values"],
    [{ row: rows[0], labels: {} }, "event 1: it has no label"],
    [{ row: rows[0], labels: { like: 1 } }, 'event 1: the model does not predict "like"'],
    [{ row: rows[0], labels: { click: 0.5 } }, "event 1: click is 0.5, expected 0 or 1"],
    [
      { row: rows[0], labels: { click: 1 }, weight: -1 },
      "event 1: its weight is -1, expected a number from 0 on",
    ],
  ])("refuses event %#, and nothing moves", async (event, message) => {
    const { ranker, tuner } = await opened(["deep"]);
    await expect(tuner.learn([events[0], event])).rejects.toThrow(message);
    expect(tuner.steps).toBe(0);
    expect(ranker.values.parameter("deep.head.bias")).toEqual(new Float32Array(1));
  });

  test.each([
    [{ learningRate: 0 }, "Tuner: learningRate must be a number above 0, not 0"],
    [{ batchSize: 2.5 }, "Tuner: batchSize must be a whole number from 1 on, not 2.5"],
    [{ anchor: 200 }, "Tuner: anchor must be from 0 to 1 / learningRate, not 200"],
    [{ optimizer: "adm" as "adam" }, "Tuner: optimizer must be one of adam, adagrad, rowwise-adagrad"],
  ])("refuses options %o", async (options, message) => {
    await expect(opened(["deep"], options)).rejects.toThrow(message);
  });

  test("a bundle without trainable parts ranks and says why it cannot learn", async () => {
    await expect(opened([])).rejects.toThrow("the bundle has nothing that a device may change");
  });
});

describe("ranking", () => {
  const ranked = async () => Ranker.create(await loadBundle(await bundleWith([])), { engine: wasm });

  test("is by the first label, highest first, with all predictions", async () => {
    const ranker = await ranked();
    const { click } = await ranker.score(rows);
    const given = await ranker.rank({ candidates: rows, limit: 5 });
    const order = [...click.keys()].sort((a, b) => click[b] - click[a] || a - b);
    expect(given.map(({ index }) => index)).toEqual(order.slice(0, 5));
    expect(given[0]).toEqual({
      candidate: rows[order[0]],
      index: order[0],
      score: click[order[0]],
      predictions: { click: click[order[0]] },
    });
  });

  test("by a formula over labels and columns; a missing column ranks last and has no score", async () => {
    const ranker = await ranked();
    const { click } = await ranker.score(rows);
    const given = await ranker.rank({ candidates: rows, by: "bid * click" });
    const missing = given.filter(({ score }) => score === null).map(({ index }) => index);
    expect(missing).toEqual([0, 7, 14, 21]);
    expect(given.slice(-4).map(({ index }) => index)).toEqual(missing);
    expect(given[0].score).toBeCloseTo((given[0].candidate.bid as number) * click[given[0].index], 9);
    await expect(ranker.rank({ candidates: rows, by: "profit * click" })).rejects.toThrow(
      'rank by "profit * click": there is no profit',
    );
  });

  test("the context fills in what candidates lack, and candidates win", async () => {
    const ranker = await ranked();
    const context = { user: "u1", price: 3, history: ["i1"] };
    const given = await ranker.rank({ context, candidates: [{ item: "i2" }, { item: "i3", user: "u5" }] });
    const whole = await ranker.score([
      { ...context, item: "i2" },
      { ...context, item: "i3", user: "u5" },
    ]);
    for (const { index, score } of given) expect(score).toBe(whole.click[index]);
  });

  test("more rows than one run takes, none at all, and equal ones in their order", async () => {
    const bundle = await loadBundle(await bundleWith([]));
    const small = await Ranker.create(bundle, { engine: wasm, batchSize: 5 });
    const whole = await ranked();
    const [given, expected] = [await small.score(rows), await whole.score(rows)];
    for (const [row, value] of given.click.entries()) expect(value).toBeCloseTo(expected.click[row], 6);
    expect(await small.rank({ candidates: [] })).toEqual([]);
    const equal = await small.rank({ candidates: [rows[0], rows[0], rows[0]] });
    expect(equal.map(({ index }) => index)).toEqual([0, 1, 2]);
  });
});

describe("bundles", () => {
  test("tell what is in them", async () => {
    const bytes = await bundleWith(["deep"]);
    const bundle = await loadBundle(bytes);
    expect(bundle).toMatchObject({ model: "DIN", labels: ["click"], bytes: bytes.length });
    expect(bundle.id).toMatch(/^[0-9a-f]{16}$/);
    expect((await loadBundle(await bundleWith(["deep"]))).id).toBe(bundle.id);
    expect((await loadBundle(await bundleWith(["deep.head"]))).id).not.toBe(bundle.id);
    expect(bundle.map).toEqual(JSON.parse(JSON.stringify(map)));
  });

  test("come as bytes, buffers, blobs and answers", async () => {
    const bytes = (await bundleWith([])) as Uint8Array<ArrayBuffer>;
    const { id } = await loadBundle(bytes);
    const progress: number[] = [];
    const onProgress = ({ received }: { received: number }): number => progress.push(received);
    for (const source of [bytes.slice().buffer, new Blob([bytes]), new Response(bytes)]) {
      expect((await loadBundle(source, { onProgress })).id).toBe(id);
    }
    expect(progress.at(-1)).toBe(bytes.length);
  });

  test("damaged ones are refused by name", async () => {
    const bytes = await bundleWith([]);
    await expect(loadBundle(bytes.slice(0, -8))).rejects.toThrow("bundle: truncated");
    await expect(loadBundle(new TextEncoder().encode("<!doctype html><title>404</title>"))).rejects.toThrow(
      "not a safetensors file",
    );
    // A byte of the feature map that is not what it was.
    const at = new TextDecoder("latin1").decode(bytes).indexOf('{"version":1,"features"');
    const torn = Uint8Array.from(bytes);
    torn[at] = 0x78;
    await expect(loadBundle(torn)).rejects.toThrow("its feature map is not valid JSON");
    await expect(loadBundle(new Response("", { status: 404, statusText: "Not Found" }))).rejects.toThrow(
      "the server answered 404 Not Found",
    );
  });

  test("a file whose parts do not belong together is refused", async () => {
    const bytes = await bundleWith(["deep"]);
    const { id } = await loadBundle(bytes);
    const { tensors, metadata } = decodeSafetensors(Uint8Array.from(bytes));
    const table = Object.keys(tensors).find((name) => name.startsWith("table:")) as string;
    (tensors[table].data as Float32Array)[5] += 0.25;
    await expect(loadBundle(encodeSafetensors(tensors, metadata))).rejects.toMatchObject({
      name: "DataError",
      message: expect.stringMatching(
        `bundle: its parts do not belong together: its id is ${id}, theirs \\w{16}`,
      ),
      hint: "the file was damaged or changed after the export; export the run again",
    });
  });

  test("a manifest that lacks something is refused by the field's name", async () => {
    const { tensors, metadata } = decodeSafetensors(Uint8Array.from(await bundleWith(["deep"])));
    const given = JSON.parse(metadata.manifest) as { [key: string]: unknown };
    const loaded = (manifest: unknown): Promise<unknown> =>
      loadBundle(encodeSafetensors(tensors, { ...metadata, manifest: JSON.stringify(manifest) }));
    for (const [manifest, message] of [
      [{}, "bundle: its manifest's model must be a text; it is nothing"],
      [[], "bundle: its manifest must be an object; it is []"],
      [{ ...given, labels: undefined }, "bundle: its manifest's labels must be a list; it is nothing"],
      [{ ...given, labels: [] }, 'bundle: its manifest\'s labels must be at least one label; it is "none"'],
      [
        { ...given, parameters: [{ path: "deep", shape: [2, "x"], input: "p" }] },
        'bundle: its manifest\'s parameters.0.shape must be a list of sizes; it is [2,"x"]',
      ],
    ] as const) {
      await expect(loaded(manifest)).rejects.toMatchObject({ name: "DataError", message });
    }
  });

  test("parts that the model does not have are refused with the nearest one", async () => {
    await expect(bundleWith(["dep.head"])).rejects.toMatchObject({ hint: "did you mean deep.head?" });
  });
});
