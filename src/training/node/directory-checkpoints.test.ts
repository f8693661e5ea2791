import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataError } from "../../core/index.ts";
import { MemoryCheckpoints, type Progress, type Snapshot } from "../index.ts";
import { DirectoryCheckpoints } from "./index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-checkpoint-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const progress = (steps: number): Progress => ({
  version: 1,
  fingerprint: "0123",
  steps,
  epoch: 1,
  batch: 2,
  learningRate: 0.1,
  lossSum: 3,
  lossRows: 4,
  schedule: { best: 0.5, bestEpoch: 0, failures: 1 },
  history: [],
  finished: false,
  seconds: 5,
});

const weights = (fill: number): Snapshot =>
  new Map([
    ["rows/a/0", new Uint8Array(7).fill(fill)],
    ["dense/0", new Uint8Array(3).fill(fill + 1)],
    ["state/empty", new Uint8Array(0)],
  ]);

describe("a directory of checkpoints", () => {
  test("is empty before the first save", () => {
    const store = new DirectoryCheckpoints(join(folder, "new"));
    expect(store.loadCurrent()).toBeUndefined();
    expect(store.loadBest()).toBeUndefined();
  });

  test("gives back what was saved last, byte for byte, to any process", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(1), weights(1));
    store.saveCurrent(progress(2), weights(2));
    store.saveBest(1, weights(9));
    const other = new DirectoryCheckpoints(folder);
    expect(other.loadCurrent()).toEqual({ progress: progress(2), weights: weights(2) });
    expect(other.loadBest()).toEqual(weights(9));
  });

  test("keeps what a stream rolls back to with the weights that it belongs to", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(1), weights(1), weights(5));
    const broken = { ...progress(2), seconds: 1n as unknown as number };
    expect(() => store.saveCurrent(broken, weights(2), weights(6))).toThrow(TypeError);
    expect(store.loadCurrent()).toEqual({ progress: progress(1), weights: weights(1), before: weights(5) });
    store.saveCurrent(progress(3), weights(3));
    expect(store.loadCurrent()).toEqual({ progress: progress(3), weights: weights(3) });
  });

  test("keeps one folder of each kind", () => {
    const store = new DirectoryCheckpoints(folder);
    for (let step = 1; step <= 4; step++) {
      store.saveCurrent(progress(step), weights(step));
      store.saveBest(step, weights(step));
    }
    expect(readdirSync(folder).map((name) => name.replace(/-.*/, ""))).toEqual([
      "best",
      "best.json",
      "current.json",
      "step",
    ]);
  });

  test("saving one step twice never touches the folder the pointer names", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(3), weights(1));
    const before = pointer();
    store.saveCurrent(progress(3), weights(2));
    expect(pointer()).not.toBe(before);
    expect(store.loadCurrent()?.weights).toEqual(weights(2));
  });

  test("what a killed process left behind is replaced or cleared", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(3), weights(1));
    const next = pointer().endsWith("-a") ? "b" : "a";
    const torn = join(folder, `step-000000004-${next}`);
    mkdirSync(torn);
    writeFileSync(join(torn, "weights.safetensors"), "torn");
    writeFileSync(join(torn, "weights.safetensors.123.partial"), "torn");
    expect(store.loadCurrent()?.weights).toEqual(weights(1));
    store.saveCurrent(progress(4), weights(2));
    expect(store.loadCurrent()).toEqual({ progress: progress(4), weights: weights(2) });
    expect(readdirSync(join(folder, pointer())).sort()).toEqual(["progress.json", "weights.safetensors"]);
    expect(readdirSync(folder).filter((name) => name.startsWith("step-"))).toHaveLength(1);
  });

  test("the pointer names a complete checkpoint after every write", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(1), weights(1));
    // A save that fails half-way, as a full disk would make it: the progress cannot be written as JSON.
    const broken = { ...progress(2), seconds: 1n as unknown as number };
    expect(() => store.saveCurrent(broken, weights(2))).toThrow(TypeError);
    expect(store.loadCurrent()).toEqual({ progress: progress(1), weights: weights(1) });
    store.saveCurrent(progress(2), weights(2));
    expect(store.loadCurrent()).toEqual({ progress: progress(2), weights: weights(2) });
  });

  test("a pointer that is no pointer is said", () => {
    const path = join(folder, "current.json");
    writeFileSync(path, '{"folder": "../elsewhere"}');
    const store = new DirectoryCheckpoints(folder);
    expect(() => store.loadCurrent()).toThrow(DataError);
    expect(() => store.loadCurrent()).toThrow(`${path} does not name a checkpoint`);
    writeFileSync(path, "{");
    expect(() => store.loadCurrent()).toThrow(`${path} is not valid JSON`);
  });

  test("a folder that somebody removed is said", () => {
    const store = new DirectoryCheckpoints(folder);
    store.saveCurrent(progress(1), weights(1));
    rmSync(join(folder, pointer()), { recursive: true });
    expect(() => store.loadCurrent()).toThrow(DataError);
    expect(() => store.loadCurrent()).toThrow(/names the checkpoint .* which is not there/);
    store.saveCurrent(progress(2), weights(2));
    expect(store.loadCurrent()).toEqual({ progress: progress(2), weights: weights(2) });
  });

  function pointer(): string {
    const { folder: name } = JSON.parse(readFileSync(join(folder, "current.json"), "utf8")) as {
      folder: string;
    };
    expect(existsSync(join(folder, name, "weights.safetensors"))).toBe(true);
    return name;
  }
});

describe("checkpoints in memory", () => {
  test("keep a copy of the best weights only", () => {
    const store = new MemoryCheckpoints();
    expect(store.loadBest()).toBeUndefined();
    const live = weights(1);
    store.saveBest(1, live);
    live.get("dense/0")?.fill(77);
    expect(store.loadBest()).toEqual(weights(1));
    store.saveCurrent();
    expect(store.loadCurrent()).toBeUndefined();
  });
});
