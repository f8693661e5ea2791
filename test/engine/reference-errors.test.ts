/** What the reference engine says when a node cannot be computed: operator, node and shapes, never a wrong number. */
import { describe, expect, it } from "vitest";
import { EngineError } from "../../src/core/index.ts";
import { referenceEngine } from "../../src/engine/index.ts";
import { encodeModel, GraphBuilder } from "../../src/onnx/index.ts";
import { feedsOf, modelOf, f32, i32, i64, list, bool, type OpCase, u32 } from "./op-cases/case.ts";

async function message(
  op: string,
  inputs: OpCase["inputs"],
  attributes?: OpCase["attributes"],
): Promise<string> {
  const opCase = { op, about: "", inputs, attributes };
  const session = await referenceEngine().load(modelOf(opCase, []));
  const error = await session.run(feedsOf(opCase)).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(EngineError);
  return (error as EngineError).message;
}

describe("reference engine", () => {
  it.each([
    ["Add", [f32([2], [1, 2]), f32([3], [1, 2, 3])], undefined, "shapes [2] and [3] do not broadcast"],
    ["Add", [f32([1], [1]), i32([1], [1])], undefined, "inputs must have one dtype, are float32 and int32"],
    ["Add", [bool([1], [1]), bool([1], [1])], undefined, "is not defined for bool"],
    ["Div", [i32([1], [1]), i32([1], [0])], undefined, "integer division by zero"],
    ["Mod", [i64([1], [1]), i64([1], [0])], undefined, "integer division by zero"],
    ["Mod", [f32([1], [1]), f32([1], [2])], undefined, "floats need fmod = 1"],
    ["Exp", [i32([1], [1])], undefined, "input 0 must be a float tensor, is int32"],
    ["BitShift", [i32([1], [1]), i32([1], [1])], { direction: "LEFT" }, "input 0 must be unsigned, is int32"],
    ["BitShift", [u32([1], [1]), u32([1], [1])], undefined, 'direction must be LEFT or RIGHT, is ""'],
    [
      "MatMul",
      [f32([1, 2], [1, 2]), f32([1, 2], [1, 2])],
      undefined,
      "shapes [1, 2] and [1, 2] do not multiply",
    ],
    ["Gather", [f32([2], [1, 2]), list(2)], undefined, "index 2 is outside an axis of 2"],
    [
      "ScatterElements",
      [f32([2], [1, 2]), list(-3), f32([1], [0])],
      undefined,
      "index -3 is outside an axis of 2",
    ],
    [
      "Concat",
      [f32([1, 2], [1, 2]), f32([1, 1], [1])],
      { axis: 0 },
      "[1, 1] does not join [1, 2] along axis 0",
    ],
    ["Concat", [f32([1], [1])], undefined, "attribute axis is required"],
    ["Softmax", [f32([1], [1])], { axis: 1 }, "axis 1 does not exist in 1 dimensions"],
    ["Reshape", [f32([3], [1, 2, 3]), list(2, -1)], undefined, "3 elements do not fit [2, -1]"],
    ["Expand", [f32([3], [1, 2, 3]), list(2)], undefined, "[3] does not expand to [2]"],
    ["Squeeze", [f32([2], [1, 2]), list(0)], undefined, "axis 0 has size 2, not 1"],
    ["TopK", [f32([2], [1, 2]), list(3)], undefined, "k is 3, the axis has 2 elements"],
    ["Split", [f32([2], [1, 2]), list(1, 2)], undefined, "pieces [1, 2] do not make up 2"],
    [
      "Dropout",
      [f32([1], [1]), f32([], [0.5]), bool([], [1])],
      undefined,
      "training mode draws from the runtime's own random numbers",
    ],
    ["Where", [bool([1], [1]), f32([1], [1]), undefined], undefined, "input 2 is required"],
  ] as const)("%s: case %#", async (op, inputs, attributes, problem) => {
    const text = await message(op, inputs, attributes);
    expect(text).toContain(`reference engine: ${op} "${op.toLowerCase()}_1": `);
    expect(text).toContain(problem);
  });

  it("refuses operator sets whose meaning it does not know", async () => {
    const graph = new GraphBuilder();
    graph.output("y", "float32", [1], graph.node("Relu", [graph.input("x", "float32", [1])]));
    await expect(referenceEngine().load(encodeModel(graph.finish({ opset: 11 })))).rejects.toThrow(
      "operator set 11 is too old",
    );
  });

  it("computes only what is fetched", async () => {
    const graph = new GraphBuilder();
    const x = graph.input("x", "int32", [1]);
    graph.output("safe", "int32", [1], graph.node("Add", [x, x]));
    graph.output("unsafe", "int32", [1], graph.node("Div", [x, graph.node("Sub", [x, x])]));
    const session = await referenceEngine().load(encodeModel(graph.finish()));
    expect((await session.run({ x: i32([1], [3]) }, { fetch: ["safe"] })).safe.data).toEqual(
      Int32Array.of(6),
    );
    await expect(session.run({ x: i32([1], [3]) })).rejects.toThrow("integer division by zero");
  });
});
