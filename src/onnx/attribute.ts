/**
 * Node attributes as plain values. An integer is an `int`, a list of integers `ints`, a string a
 * `string`, a host tensor a `tensor`; floats are marked, `float(1)`, since JavaScript's 1 does not say
 * which of the two it is; so are the graphs that loops run, `{ graph }`.
 */
import { create } from "@bufbuild/protobuf";
import { assert } from "../core/index.ts";
import type { HostTensor } from "./host-tensor.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  type GraphProto,
} from "./onnx_pb.ts";
import { tensorFromHost } from "./tensor-proto.ts";

interface FloatAttribute {
  readonly float: number;
}

interface FloatsAttribute {
  readonly floats: readonly number[];
}

/** The body of a loop. */
interface GraphAttribute {
  readonly graph: GraphProto;
}

export type AttributeValue =
  | number
  | readonly number[]
  | string
  | HostTensor
  | FloatAttribute
  | FloatsAttribute
  | GraphAttribute;

export function float(value: number): FloatAttribute {
  return { float: value };
}

export function floats(values: readonly number[]): FloatsAttribute {
  return { floats: values };
}

export function attributeProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: Type.INT, i: integer(name, value) });
  }
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: Type.STRING, s: new TextEncoder().encode(value) });
  }
  if (isList(value)) {
    return create(AttributeProtoSchema, { name, type: Type.INTS, ints: value.map((v) => integer(name, v)) });
  }
  if ("float" in value) return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: value.float });
  if ("floats" in value)
    return create(AttributeProtoSchema, { name, type: Type.FLOATS, floats: [...value.floats] });
  if ("graph" in value) return create(AttributeProtoSchema, { name, type: Type.GRAPH, g: value.graph });
  return create(AttributeProtoSchema, { name, type: Type.TENSOR, t: tensorFromHost(value) });
}

function isList(value: AttributeValue): value is readonly number[] {
  return Array.isArray(value);
}

function integer(name: string, value: number): bigint {
  assert(
    Number.isInteger(value),
    `attribute ${name} is ${value}; a float attribute is written float(${value})`,
  );
  return BigInt(value);
}
