import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel, saveModel } from "../../src/onnx/node/index.ts";
import {
  decodeModel,
  encodeModel,
  float,
  floats,
  GraphBuilder,
  type HostDType,
  hostFromTensor,
  hostTensor,
  tensorFromHost,
} from "../../src/onnx/index.ts";

function linear(weight: Float32Array): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input("x", "float32", ["batch", weight.length]);
  const w = graph.initializer("w", "float32", [weight.length, 1], weight);
  graph.output("y", "float32", ["batch", 1], graph.node("MatMul", [x, w]));
  return graph;
}

describe("graph builder", () => {
  it("writes what it was told, and reading gives it back", () => {
    const graph = new GraphBuilder();
    const x = graph.input("x", "float32", ["batch", 4]);
    const two = graph.constant("int64", [1], [2]);
    const [a, b] = graph.node("Split", [x], { outputs: 2, attributes: { axis: 1, num_outputs: 2 } });
    const scaled = graph.node("LeakyRelu", [a], { attributes: { alpha: float(0.5) }, name: "leak" });
    const kept = graph.node("Clip", [b, undefined, graph.constant("float32", [], [1])]);
    graph.node("Concat", [scaled, kept], { outputs: ["joined"], attributes: { axis: -1 } });
    graph.output("joined", "float32", ["batch", 4]);
    graph.output("again", "float32", ["batch", 4], "joined");
    expect(graph.constant("int64", [1], [2])).toBe(two);
    expect(graph.constant("int32", [1], [2])).not.toBe(two);
    expect(graph.constant("float32", [], [-0])).not.toBe(graph.constant("float32", [], [0]));

    const model = decodeModel(
      encodeModel(graph.finish({ producerVersion: "1", metadata: { model: "test" } })),
    );
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([["", 21n]]);
    expect(model.irVersion).toBe(10n);
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([["model", "test"]]);
    expect(model.graph!.node.map((node) => [node.opType, node.name, node.input, node.output])).toEqual([
      ["Split", "split_1", ["x"], ["split_1", "split_2"]],
      ["LeakyRelu", "leak", ["split_1"], ["leakyrelu_1"]],
      ["Clip", "clip_1", ["split_2", "", "constant_2"], ["clip_1"]],
      ["Concat", "joined", ["leakyrelu_1", "clip_1"], ["joined"]],
      ["Identity", "again", ["joined"], ["again"]],
    ]);
    expect(model.graph!.node[1].attribute[0].f).toBe(0.5);
    expect(model.graph!.node[3].attribute[0].i).toBe(-1n);
  });

  it("refuses values that do not exist, names used twice and fractions as integers", () => {
    const graph = new GraphBuilder();
    graph.input("x", "float32", [2]);
    expect(() => graph.input("x", "float32", [2])).toThrow('already has a value named "x"');
    expect(() => graph.node("Add", ["x", "y"])).toThrow('Add uses "y"');
    expect(() => graph.node("Elu", ["x"], { attributes: { alpha: 0.5 } })).toThrow("float(0.5)");
    expect(() => graph.initializer("w", "float32", [3], [1, 2])).toThrow("dims is [3], values is 2");
  });

  it("marks lists of floats apart from lists of integers", () => {
    const graph = new GraphBuilder();
    graph.node("Constant", [], { attributes: { value_floats: floats([1, 2]) } });
    graph.node("Constant", [], { attributes: { value_ints: [1, 2] } });
    const [first, second] = graph.finish().graph!.node;
    expect(first.attribute[0].floats).toEqual([1, 2]);
    expect(second.attribute[0].ints).toEqual([1n, 2n]);
  });
});

describe("tensors", () => {
  const cases: readonly [HostDType, readonly (number | bigint | boolean)[]][] = [
    ["float32", [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY]],
    ["float64", [Math.PI, 5e-324]],
    ["int32", [-(2 ** 31), 2 ** 31 - 1]],
    ["int64", [-(2n ** 63n), 2n ** 63n - 1n]],
    ["uint32", [0, 2 ** 32 - 1]],
    ["uint8", [0, 255]],
    ["bool", [true, false]],
    ["float32", []],
  ];
  it.each(cases)("%s survives writing and reading (case %#)", (dtype, values) => {
    const tensor = hostTensor(dtype, [values.length], values);
    const graph = new GraphBuilder();
    graph.initializer("odd", "uint8", [3], [1, 2, 3]); // shifts what follows off its alignment
    graph.initializer("value", dtype, tensor.dims, tensor.data);
    const read = decodeModel(encodeModel(graph.finish())).graph!.initializer[1];
    expect(hostFromTensor(read)).toEqual(tensor);
  });

  it("reads the typed lists other programs write", () => {
    const empty = { rawData: new Uint8Array() };
    const read = (dtype: HostDType, dims: readonly number[], fields: object) =>
      hostFromTensor(
        Object.assign(
          tensorFromHost({ dtype, dims: [0], data: new Uint8Array() }),
          empty,
          { dims: dims.map(BigInt) },
          fields,
        ),
      ).data;
    expect(read("float32", [2], { floatData: [1, 2] })).toEqual(Float32Array.of(1, 2));
    expect(read("float64", [1], { doubleData: [0.1] })).toEqual(Float64Array.of(0.1));
    expect(read("int64", [], { int64Data: [-7n] })).toEqual(BigInt64Array.of(-7n));
    expect(read("bool", [2], { int32Data: [1, 0] })).toEqual(Uint8Array.of(1, 0));
    expect(read("uint32", [1], { uint64Data: [4294967295n] })).toEqual(Uint32Array.of(4294967295));
  });

  it("says that bytes are no model", () => {
    expect(() => decodeModel(Uint8Array.of(1, 2, 3))).toThrow("not an ONNX model");
    expect(() => decodeModel(new Uint8Array())).toThrow("it holds no graph");
  });
});

describe("model files", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-onnx-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("keeps large initializers in a side file", () => {
    const weight = Float32Array.from({ length: 4000 }, (_, i) => i / 7);
    const model = linear(weight).finish();
    const path = join(folder, "model.onnx");
    saveModel(path, model, { externalDataPath: join(folder, "model.data"), minBytes: 4096 });
    expect(statSync(path).size).toBeLessThan(1000);
    expect(statSync(join(folder, "model.data")).size).toBe(16000);
    expect(hostFromTensor(readModel(path).graph!.initializer[0]).data).toEqual(weight);
    expect(model.graph!.initializer[0].rawData.length).toBe(16000);
  });

  it("starts every tensor of the side file on a page", () => {
    const graph = new GraphBuilder();
    for (const length of [300, 5000, 1])
      graph.initializer(`w${length}`, "int32", [length], new Int32Array(length).fill(length));
    const path = join(folder, "pages.onnx");
    saveModel(path, graph.finish(), { externalDataPath: join(folder, "pages.data") });
    const [first, second, small] = readModel(path).graph!.initializer.map(
      (tensor) => hostFromTensor(tensor).data,
    );
    expect(statSync(join(folder, "pages.data")).size).toBe(4096 + 20000);
    expect([first[299], second[4999], small[0]]).toEqual([300, 5000, 1]);
  });

  it("refuses side files elsewhere, or too short", () => {
    const model = linear(new Float32Array(1000)).finish();
    const path = join(folder, "short.onnx");
    expect(() => saveModel(path, model, { externalDataPath: join(folder, "sub", "x.data") })).toThrow(
      "in one folder",
    );
    saveModel(path, model, { externalDataPath: join(folder, "short.data") });
    const written = readModel(path);
    saveModel(join(folder, "other.onnx"), linear(new Float32Array(500)).finish(), {
      externalDataPath: join(folder, "short.data"),
    });
    expect(written.graph!.initializer[0].rawData.length).toBe(4000);
    expect(() => readModel(path)).toThrow("shorter than the model says");
  });
});
