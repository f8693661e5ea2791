import { describe, expect, test } from "vitest";
import { judge } from "../../test/graph/run.ts";
import { cases } from "../../test/ops/cases.ts";
import { directionalGradient, opGraph } from "../../test/ops/op-graph.ts";
import { grad, topological } from "../autodiff/index.ts";
import { createEngine, type HostTensor } from "../engine/index.ts";
import { decodeModel, hostTensor } from "../onnx/index.ts";
import { add, div, exp, iota, mul, sizeOf, sub, sum } from "../ops/index.ts";
import { apply, constant, defineOp, input, type Tensor } from "../tensor/index.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";
import { type CompiledGraph, compile, type LeafBinding } from "./index.ts";

const x = input("x", ["batch", 2]);

const named = (...leaves: readonly (readonly [Tensor, LeafBinding])[]): Map<Tensor, LeafBinding> =>
  new Map(leaves);

async function run(
  { model }: CompiledGraph,
  feeds: { [name: string]: HostTensor },
): Promise<{ [name: string]: number[] }> {
  const results = await (await judge.load(model)).run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float64Array, Number)]),
  );
}

const twoRows = hostTensor("float32", [2, 2], [1, 2, 3, 4]);

describe("common subexpressions", () => {
  test("equal nodes become one", () => {
    const [a, b] = mergeCommonSubexpressions([mul(add(x, 1), 2), mul(add(x, 1), 2)]);
    expect(a).toBe(b);
    expect(topological(a)).toHaveLength(5);
  });

  test("different attributes, constants and leaves stay apart", () => {
    const y = input("y", ["batch", 2]);
    const distinct = [
      sum(x, { axis: 0 }),
      sum(x, { axis: 1 }),
      sum(x, { axis: 1, keepDims: true }),
      add(x, 1),
      add(x, 2),
      add(y, 1),
      sub(x, y),
      sub(y, x),
      constant([1, 2]),
      constant([1, 2], { shape: [1, 2] }),
      constant([1, 2], { dtype: "int32" }),
      iota("batch"),
      iota("time"),
    ];
    expect(new Set(mergeCommonSubexpressions(distinct)).size).toBe(distinct.length);
  });

  test("numbers that JSON does not tell apart stay apart", async () => {
    const special = [Infinity, -Infinity, Number.NaN, 0, -0];
    const scalars = special.map((value) => constant(value));
    expect(new Set(mergeCommonSubexpressions(scalars)).size).toBe(special.length);
    const rows = special.map((value) => constant([value, 1]));
    expect(new Set(mergeCommonSubexpressions(rows)).size).toBe(special.length);
    const outputs = Object.fromEntries(special.map((value, k) => [`y${k}`, div(x, constant(value))]));
    const results = await run(compile({ outputs, leaves: named([x, { name: "x" }]) }), {
      x: hostTensor("float32", [1, 2], [1, -1]),
    });
    expect(results.y3).toEqual([Infinity, -Infinity]);
    expect(results.y4).toEqual([-Infinity, Infinity]);
  });

  test("two ops of one name stay apart", () => {
    const scaled = (factor: number) =>
      defineOp<readonly [Tensor]>({
        name: "scaled",
        infer: ([tensor]) => tensor,
        lower: (onnx, [name]) => onnx.node("Mul", [name, onnx.scalar(factor, "float32")]),
      });
    const [two, three] = mergeCommonSubexpressions([apply(scaled(2), [x]), apply(scaled(3), [x])]);
    expect(two).not.toBe(three);
  });

  const all = Object.entries(cases).flatMap(([name, of]) =>
    of.map((opCase) => [name, opCase.about, opCase] as const),
  );

  test("merged graphs of every op case give the same numbers", async () => {
    for (const [name, , opCase] of all) {
      const { outputs, loss, floats, values } = await opGraph(opCase, name, 3);
      const roots = [...outputs];
      if (loss !== undefined && floats.length > 0) {
        roots.push(...grad(loss, floats), ...grad(directionalGradient(loss, floats, values), floats));
      }
      const merged = mergeCommonSubexpressions(roots);
      // Compiling merges again; identity ops in between keep the first graph as it was built.
      const plain = Object.fromEntries(roots.map((root, k) => [`y${k}`, unmerged(root)]));
      const once = Object.fromEntries(merged.map((root, k) => [`y${k}`, root]));
      const leaves = new Map([...values.keys()].map((leaf, k) => [leaf, { name: `leaf${k}` }]));
      const feeds = (graph: CompiledGraph) =>
        Object.fromEntries(
          [...leaves].flatMap(([leaf, binding]) =>
            graph.inputs.includes(binding.name) ? [[binding.name, values.get(leaf) as HostTensor]] : [],
          ),
        );
      const [expected, received] = await Promise.all(
        [plain, once].map(async (graphOutputs) => {
          const graph = compile({ outputs: graphOutputs, leaves });
          return (await judge.load(graph.model)).run(feeds(graph));
        }),
      );
      expect(received, `${name}: ${opCase.about}`).toEqual(expected);
    }
  });

  /** The graph with every op under an attribute of its own, so that nothing can be merged. */
  function unmerged(root: Tensor): Tensor {
    let count = 0;
    const copies = new Map<Tensor, Tensor>();
    for (const node of topological(root)) {
      const inputs = node.inputs.map((part) => copies.get(part) as Tensor);
      if (node.op.name === "input" || node.op.name === "constant") copies.set(node, node);
      else
        copies.set(node, apply({ ...node.op, name: `${node.op.name}${count++}` }, inputs, node.attributes));
    }
    return copies.get(root) as Tensor;
  }
});

describe("compile", () => {
  test("leaves nobody uses are no inputs; the others come in the order given", async () => {
    const y = input("y", ["batch", 2]);
    const z = input("z", ["batch", 2]);
    const leaves = named([z, { name: "z" }], [y, { name: "y" }], [x, { name: "x" }]);
    expect(compile({ outputs: { sum: add(x, z) }, leaves }).inputs).toEqual(["z", "x"]);
  });

  test("a leaf of which only the size is needed is an input", async () => {
    const y = input("y", [2]);
    const leaves = named([y, { name: "y" }], [x, { name: "x" }]);
    const [gradient] = grad(sum(x), [x]);
    const graph = compile({ outputs: { gradient, twice: mul(y, sizeOf("batch")) }, leaves });
    expect(graph.inputs).toEqual(["y", "x"]);
    const feeds = { x: twoRows, y: hostTensor("float32", [2], [5, 6]) };
    expect(await run(graph, feeds)).toEqual({ gradient: [1, 1, 1, 1], twice: [10, 12] });
  });

  test("a dimension that no input has is said", () => {
    expect(() =>
      compile({ outputs: { y: mul(x, sizeOf("time")) }, leaves: named([x, { name: "x" }]) }),
    ).toThrow('no graph input has the dimension "time"');
  });

  test("a leaf without binding is said", () => {
    expect(() => compile({ outputs: { y: add(x, 1) }, leaves: named() })).toThrow('{"name":"x"');
  });

  test("values are stored in the model, under their names", async () => {
    const w = input("w", [2]);
    const leaves = named(
      [x, { name: "x" }],
      [w, { name: "weight", value: hostTensor("float32", [2], [10, 100]) }],
    );
    const graph = compile({ outputs: { y: mul(x, w) }, leaves });
    expect(graph.inputs).toEqual(["x"]);
    expect(decodeModel(graph.model).graph?.initializer.map(({ name }) => name)).toContain("weight");
    expect(await run(graph, { x: twoRows })).toEqual({ y: [10, 200, 30, 400] });
  });

  test("one tensor may be several outputs, and an input an output", async () => {
    const y = exp(mul(x, 0));
    const graph = compile({ outputs: { first: y, second: y, x2: x }, leaves: named([x, { name: "x" }]) });
    expect(graph.outputs).toEqual(["first", "second", "x2"]);
    expect(await run(graph, { x: twoRows })).toEqual({
      first: [1, 1, 1, 1],
      second: [1, 1, 1, 1],
      x2: [1, 2, 3, 4],
    });
  });

  test("names, shapes, dtypes and metadata are written into the model", async () => {
    const graph = compile({
      outputs: { total: sum(x, { axis: 1 }) },
      leaves: named([x, { name: "x" }]),
      metadata: { model: "FM" },
    });
    const decoded = decodeModel(graph.model);
    expect(decoded.metadataProps.map(({ key, value }) => [key, value])).toEqual([["model", "FM"]]);
    const session = await (await createEngine("native")).load(graph.model);
    expect(session.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 2] }]);
    expect(session.outputs).toEqual([{ name: "total", dtype: "float32", shape: ["batch"] }]);
    await session.release();
  });

  test("compiling twice gives the same bytes", () => {
    const build = () => compile({ outputs: { y: mul(exp(x), 3) }, leaves: named([x, { name: "x" }]) });
    expect(build().model).toEqual(build().model);
  });
});
