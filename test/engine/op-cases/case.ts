/** One operator with inputs and attributes, and which engine lacks it for them. */
import { CounterRandom } from "../../../src/core/index.ts";
import {
  type AttributeValue,
  elementCount,
  encodeModel,
  GraphBuilder,
  type HostDType,
  type HostTensor,
  hostTensor,
} from "../../../src/onnx/index.ts";

export interface OpCase {
  readonly op: string;
  /** What is special about it. */
  readonly about: string;
  readonly inputs: readonly (HostTensor | undefined)[];
  readonly attributes?: { readonly [name: string]: AttributeValue };
  readonly outputs?: number;
  readonly opset?: number;
  /** What must come out, where it was worked out by hand. */
  readonly expected?: readonly HostTensor[];
  /** ONNX Runtime has no kernel for it (which the test checks); "wasm": only the WASM build has none. */
  readonly lacking?: "everywhere" | "wasm";
  /** Why ONNX Runtime's answer is not compared; `expected` must then be given. */
  readonly differs?: string;
  /** Allowed error relative to max(1, |value|). @default by dtype */
  readonly tolerance?: number;
}

/** A single-node model; the outputs' dtypes and ranks are those that the reference engine found. */
export function modelOf(
  opCase: OpCase,
  outputs: readonly { readonly dtype: HostDType; readonly rank: number }[],
): Uint8Array {
  const graph = new GraphBuilder();
  const names = opCase.inputs.map((input, i) => input && graph.input(`in${i}`, input.dtype, input.dims));
  const results = graph.node(opCase.op, names, {
    outputs: opCase.outputs ?? 1,
    attributes: opCase.attributes,
  });
  results.forEach((result, i) => {
    const { dtype, rank } = outputs[i] ?? { dtype: "float32", rank: 0 };
    const shape = Array.from({ length: rank }, (_, axis) => `out${i}_${axis}`);
    graph.output(`out${i}`, dtype, shape, result);
  });
  return encodeModel(graph.finish({ opset: opCase.opset }));
}

export function feedsOf(opCase: OpCase): { [name: string]: HostTensor } {
  return Object.fromEntries(
    opCase.inputs.flatMap((input, i) => (input === undefined ? [] : [[`in${i}`, input]])),
  );
}

let seed = 0;

/** Values spread over [-2, 2], different in every call, the same in every run. */
export function spread(dtype: HostDType, dims: readonly number[], scale = 2): HostTensor {
  const random = new CounterRandom(++seed);
  const values = Array.from({ length: elementCount(dims) }, (_, i) => scale * (2 * random.uniform(i) - 1));
  if (dtype === "float32" || dtype === "float64") return hostTensor(dtype, dims, values);
  if (dtype === "bool")
    return hostTensor(
      dtype,
      dims,
      values.map((v) => v > 0),
    );
  const whole = values.map((v) => Math.round(5 * v));
  return hostTensor(dtype, dims, dtype === "uint32" || dtype === "uint8" ? whole.map(Math.abs) : whole);
}

export const f32 = (dims: readonly number[], values: readonly number[]) =>
  hostTensor("float32", dims, values);
export const f64 = (dims: readonly number[], values: readonly number[]) =>
  hostTensor("float64", dims, values);
export const i32 = (dims: readonly number[], values: readonly number[]) => hostTensor("int32", dims, values);
export const i64 = (dims: readonly number[], values: readonly (number | bigint)[]) =>
  hostTensor("int64", dims, values);
export const u32 = (dims: readonly number[], values: readonly number[]) => hostTensor("uint32", dims, values);
export const u8 = (dims: readonly number[], values: readonly number[]) => hostTensor("uint8", dims, values);
export const bool = (dims: readonly number[], values: readonly (boolean | number)[]) =>
  hostTensor("bool", dims, values);

/** Axes, shapes and the like. */
export const list = (...values: number[]) => i64([values.length], values);

export const floatDTypes = ["float32", "float64"] as const satisfies HostDType[];
export const numberDTypes = ["float32", "float64", "int32", "int64", "uint32"] as const satisfies HostDType[];
