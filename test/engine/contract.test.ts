/** One suite that every engine passes: the same graphs, the same answers, the same mistakes refused. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EngineError } from "../../src/core/index.ts";
import { createEngine, type Engine, type HostTensor } from "../../src/engine/index.ts";
import { loadNativePackage, nativeEngine } from "../../src/engine/native.ts";
import { encodeModel, float, GraphBuilder, hostTensor, splitExternalData } from "../../src/onnx/index.ts";
import { saveModel } from "../../src/onnx/node/index.ts";

const float32 = (dims: readonly number[], values: readonly number[]) => hostTensor("float32", dims, values);

/** y = relu(x·w + b) and a bool, an int64 and a uint32 on the side. */
function mixedModel(): Uint8Array {
  const graph = new GraphBuilder();
  const x = graph.input("x", "float32", ["batch", 3]);
  const ids = graph.input("ids", "int64", ["batch"]);
  const mask = graph.input("mask", "bool", ["batch"]);
  const bits = graph.input("bits", "uint32", [2]);
  const w = graph.initializer("w", "float32", [3, 2], [1, -1, 0.5, 2, -3, 0.25]);
  const b = graph.initializer("b", "float32", [2], [0.5, -0.5]);
  const hidden = graph.node("Add", [graph.node("MatMul", [x, w]), b]);
  graph.output(
    "y",
    "float32",
    ["batch", 2],
    graph.node("LeakyRelu", [hidden], { attributes: { alpha: float(0.125) } }),
  );
  graph.output("next", "int64", ["batch"], graph.node("Add", [ids, graph.constant("int64", [], [1])]));
  graph.output("hidden", "bool", ["batch"], graph.node("Not", [mask]));
  graph.output(
    "product",
    "uint32",
    [2],
    graph.node("Mul", [bits, graph.constant("uint32", [], [0x9e3779b9])]),
  );
  return encodeModel(graph.finish());
}

const feeds: { readonly [name: string]: HostTensor } = {
  x: float32([2, 3], [1, 2, 3, -1, 0.5, 0]),
  ids: hostTensor("int64", [2], [2n ** 60n, -2]),
  mask: hostTensor("bool", [2], [true, false]),
  bits: hostTensor("uint32", [2], [0xffffffff, 3]),
};

const expected: { readonly [name: string]: HostTensor } = {
  y: float32([2, 2], [-0.8125, 3.25, -0.03125, 1.5]),
  next: hostTensor("int64", [2], [2n ** 60n + 1n, -1]),
  hidden: hostTensor("bool", [2], [false, true]),
  product: hostTensor("uint32", [2], [0x61c88647, 0xdaa66d2b]),
};

describe.each(["native", "wasm", "reference"] as const)("%s engine", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(name);
  });

  it("describes inputs and outputs", async () => {
    const session = await engine.load(mixedModel());
    expect(engine.name).toBe(name);
    expect(session.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["batch", 3] },
      { name: "ids", dtype: "int64", shape: ["batch"] },
      { name: "mask", dtype: "bool", shape: ["batch"] },
      { name: "bits", dtype: "uint32", shape: [2] },
    ]);
    expect(session.outputs.map((output) => [output.name, output.dtype])).toEqual([
      ["y", "float32"],
      ["next", "int64"],
      ["hidden", "bool"],
      ["product", "uint32"],
    ]);
    await session.release();
  });

  it("computes every dtype, run after run", async () => {
    const session = await engine.load(mixedModel());
    expect(await session.run(feeds)).toEqual(expected);
    const changed = {
      ...feeds,
      x: float32([1, 3], [0, 0, 0]),
      ids: hostTensor("int64", [1], [7]),
      mask: hostTensor("bool", [1], [0]),
    };
    expect((await session.run(changed)).y).toEqual(float32([1, 2], [0.5, -0.0625]));
    expect(await session.run(feeds)).toEqual(expected);
    await session.release();
  });

  it("sees what was written into a feed's array since the last run", async () => {
    const session = await engine.load(mixedModel());
    const x = float32([2, 3], [0, 0, 0, 0, 0, 0]);
    const before = await session.run({ ...feeds, x });
    (x.data as Float32Array).set(feeds.x.data as Float32Array);
    const after = await session.run({ ...feeds, x });
    expect(before.y.data).toEqual(Float32Array.of(0.5, -0.0625, 0.5, -0.0625));
    expect(after.y).toEqual(expected.y);
    await session.release();
  });

  it("writes outputs into given arrays, and returns those", async () => {
    const session = await engine.load(mixedModel());
    const y = float32([2, 2], [9, 9, 9, 9]);
    const next = hostTensor("int64", [2], [9, 9]);
    for (let run = 0; run < 3; run++) {
      (y.data as Float32Array).fill(9);
      const results = await session.run(feeds, { into: { y, next } });
      expect(results.y).toBe(y);
      expect(results).toEqual(expected);
    }
    await session.release();
  });

  it("refuses to write an output over what it is fed", async () => {
    const session = await engine.load(mixedModel());
    const next = { ...feeds.ids };
    await expect(session.run(feeds, { into: { next } })).rejects.toThrow(
      `${name} engine: output "next" would be written over an array that is being fed`,
    );
    expect(feeds.ids.data).toEqual(BigInt64Array.of(2n ** 60n, -2n));
    await session.release();
  });

  it("returns only what is fetched", async () => {
    const session = await engine.load(mixedModel());
    const y = float32([2, 2], [0, 0, 0, 0]);
    expect(await session.run(feeds, { fetch: ["hidden", "y"], into: { y } })).toEqual({
      y: expected.y,
      hidden: expected.hidden,
    });
    expect(y).toEqual(expected.y);
    expect(await session.run(feeds, { fetch: [] })).toEqual({});
    await session.release();
  });

  it("takes an empty batch", async () => {
    const session = await engine.load(mixedModel());
    const empty = {
      x: float32([0, 3], []),
      ids: hostTensor("int64", [0], []),
      mask: hostTensor("bool", [0], []),
      bits: feeds.bits,
    };
    expect((await session.run(empty)).y).toEqual(float32([0, 2], []));
    await session.release();
  });

  it("reads arrays over a WebAssembly memory, also after it grew", async () => {
    const session = await engine.load(mixedModel());
    const memory = new WebAssembly.Memory({ initial: 1 });
    const view = () => ({
      dtype: "float32" as const,
      dims: [2, 3],
      data: new Float32Array(memory.buffer, 64, 6),
    });
    view().data.set(feeds.x.data as Float32Array);
    const old = view();
    expect((await session.run({ ...feeds, x: old })).y).toEqual(expected.y);
    memory.grow(1);
    expect((await session.run({ ...feeds, x: view() })).y).toEqual(expected.y);
    await expect(session.run({ ...feeds, x: old })).rejects.toThrow(EngineError);
    await session.release();
  });

  it("refuses what does not fit, in words", async () => {
    const session = await engine.load(mixedModel());
    const run = (changed: { [name: string]: HostTensor }) => session.run({ ...feeds, ...changed });
    const { ids, ...without } = feeds;
    await expect(session.run(without)).rejects.toThrow(`${name} engine: the graph's input "ids" was not fed`);
    await expect(run({ ids: hostTensor("int32", [2], [1, 2]) })).rejects.toThrow(
      `${name} engine: input "ids" must be int64, was fed int32`,
    );
    await expect(run({ idz: ids })).rejects.toMatchObject({
      message: `${name} engine: the graph has no input "idz"`,
      hint: 'did you mean "ids"?',
    });
    await expect(session.run(feeds, { fetch: ["z"] })).rejects.toThrow(
      `${name} engine: the graph has no output "z"`,
    );
    await expect(run({ x: float32([2, 2], [1, 2, 3, 4]) })).rejects.toThrow(EngineError);
    await expect(run({ x: { dtype: "float32", dims: [4, 3], data: new Float32Array(6) } })).rejects.toThrow(
      EngineError,
    );
    await expect(session.run(feeds, { into: { y: float32([1, 2], [0, 0]) } })).rejects.toThrow(EngineError);
    expect(await session.run(feeds)).toEqual(expected);
    await session.release();
  });

  it("refuses bytes that are no model, and operators that do not exist", async () => {
    await expect(engine.load(Uint8Array.of(1, 2, 3))).rejects.toThrow(/model/);
    const graph = new GraphBuilder();
    graph.output("y", "float32", [1], graph.node("Relus", [graph.input("x", "float32", [1])]));
    await expect(engine.load(encodeModel(graph.finish()))).rejects.toThrow("Relus");
  });

  it("finds initializers in side files given as bytes", async () => {
    const graph = new GraphBuilder();
    const w = graph.initializer("w", "float32", [2, 2], [1, 2, 3, 4]);
    graph.output(
      "y",
      "float32",
      ["batch", 2],
      graph.node("MatMul", [graph.input("x", "float32", ["batch", 2]), w]),
    );
    const { model, chunks } = splitExternalData(graph.finish(), { location: "w.data", minBytes: 1 });
    const externalData = { "w.data": Buffer.concat(chunks) };
    const session = await engine.load(encodeModel(model), { externalData });
    expect((await session.run({ x: float32([1, 2], [1, 10]) })).y).toEqual(float32([1, 2], [31, 42]));
    await expect(engine.load(encodeModel(model))).rejects.toThrow(/w\.data/);
    await session.release();
  });
});

describe("native engine alone", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-engine-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("names the command that installs it where it is absent", async () => {
    await expect(loadNativePackage("onnxruntime-of-another-name")).rejects.toMatchObject({
      message: "the native engine needs the package onnxruntime-of-another-name, which is not installed",
      hint: "npm install onnxruntime-of-another-name --ignore-scripts",
    });
  });

  it("says that it cannot read shared memory", async () => {
    const session = await (await nativeEngine()).load(mixedModel());
    const data = new Float32Array(new SharedArrayBuffer(24));
    await expect(session.run({ ...feeds, x: { dtype: "float32", dims: [2, 3], data } })).rejects.toThrow(
      '"x" lies in a SharedArrayBuffer',
    );
    await session.release();
  });

  it("loads a file with a side file", async () => {
    const graph = new GraphBuilder();
    const weight = Float32Array.from({ length: 3000 }, (_, i) => i);
    const w = graph.initializer("w", "float32", [1000, 3], weight);
    graph.output(
      "rows",
      "float32",
      ["batch", 3],
      graph.node("Gather", [w, graph.input("ids", "int32", ["batch"])]),
    );
    const path = join(folder, "table.onnx");
    saveModel(path, graph.finish(), { externalDataPath: join(folder, "table.data") });
    const session = await (await nativeEngine()).loadFile(path);
    const { rows } = await session.run({ ids: hostTensor("int32", [2], [999, 1]) });
    expect(rows.data).toEqual(Float32Array.of(2997, 2998, 2999, 3, 4, 5));
    await session.release();
  });

  it("writes a profile and says where", async () => {
    const engine = await nativeEngine();
    const session = await engine.load(mixedModel(), { profilePrefix: join(folder, "profile"), threads: 1 });
    await session.run(feeds);
    const path = await session.release();
    expect(path).toMatch(/profile_.*\.json$/);
    expect(readFileSync(path!, "utf8")).toContain("MatMul");
  });
});

describe("automatic choice", () => {
  it("takes the native engine where it is installed", async () => {
    expect((await createEngine()).name).toBe("native");
  });

  it("takes WASM where it is not, and says so once", () => {
    // A process in which the package cannot be resolved, as in an install without it.
    const hook = `export async function resolve(name, context, next) {
      if (name === "onnxruntime-node") throw Object.assign(new Error("absent"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    }`;
    const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = dataUrl(
      `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hook))});`,
    );
    const index = new URL("../../src/engine/index.ts", import.meta.url).href;
    const program = `import(${JSON.stringify(index)}).then(async ({ createEngine }) =>
      console.log((await createEngine()).name, (await createEngine("auto")).name))`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--import", register, "--eval", program],
      {
        encoding: "utf8",
      },
    );
    expect(stdout.trim()).toBe("wasm wasm");
    expect(stderr.match(/using the WASM engine/g)).toHaveLength(1);
    expect(stderr).toContain("npm install onnxruntime-node --ignore-scripts");
  });
});

describe("reference engine alone", () => {
  it("keeps float64 throughout unless told otherwise", async () => {
    const { referenceEngine } = await import("../../src/engine/index.ts");
    const graph = new GraphBuilder();
    graph.output("y", "float32", [], graph.node("Exp", [graph.input("x", "float32", [])]));
    const session = await referenceEngine().load(encodeModel(graph.finish()));
    expect(session.inputs[0].dtype).toBe("float64");
    expect(await session.run({ x: hostTensor("float64", [], [0.1]) })).toEqual({
      y: hostTensor("float64", [], [Math.exp(0.1)]),
    });
    const y = float32([], [0]);
    await session.run({ x: float32([], [0]) }, { into: { y } });
    expect(y.data[0]).toBe(1);
  });

  it("names the nearest operator it has", async () => {
    const graph = new GraphBuilder();
    graph.output(
      "y",
      "float32",
      [1],
      graph.node("Reluu", [graph.input("x", "float32", [1])], { name: "head/relu" }),
    );
    const engine = await createEngine("reference");
    await expect(engine.load(encodeModel(graph.finish()))).rejects.toMatchObject({
      message: 'reference engine: operator Reluu (node "head/relu") is missing',
      hint: "the nearest it has is Relu",
    });
  });
});
