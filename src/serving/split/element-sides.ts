/**
 * Whose every element of every value is: of one row of a value, which elements rest on the request's columns,
 * which on the item's, which on both.
 *
 * Fields of both sides lie next to each other in one value (all embeddings side by side) long before anything
 * mixes them. Operators that only move elements about or work on each by itself therefore keep elements apart;
 * any other operator mixes a row.
 */
import { assert } from "../../core/index.ts";
import {
  broadcastSource,
  elementCount,
  type GraphProto,
  type HostTensor,
  type NodeProto,
  stridesOf,
  walk,
} from "../../onnx/index.ts";
import { type GraphFacts, type ValueFacts, valuesRead } from "./value-facts.ts";

/** A set of sides: of neither, of one, of both. */
export const side = { none: 0, request: 1, item: 2, mixed: 3 } as const;

/** How a node's elements come about, where more is known than that it mixes a row. */
export type Origin =
  /** Element `k` is element `index[k]` of operand `operand[k]`. */
  | { readonly kind: "moved"; readonly operand: Uint8Array; readonly index: Int32Array }
  /** Element `k` is a function of element `index[operand][k]` of every operand. */
  | { readonly kind: "each"; readonly index: readonly Int32Array[] }
  /** Runs of `inner` elements of the first operand become runs of `outer` by one constant matrix. */
  | { readonly kind: "product"; readonly inner: number; readonly outer: number }
  /** Rows of a table found by ids, `dim` elements each. */
  | { readonly kind: "found"; readonly dim: number };

export interface SidedGraph {
  readonly graph: GraphProto;
  readonly facts: GraphFacts;
  /** Sides of one row's elements where the value is `perRow`, else of the value as a whole, one element. */
  readonly sides: ReadonlyMap<string, Uint8Array>;
  readonly origins: ReadonlyMap<NodeProto, Origin>;
  readonly producers: ReadonlyMap<string, NodeProto>;
}

/** Operators whose element depends on the same element of each operand, after broadcasting. */
const ELEMENTWISE = new Set(
  (
    "Abs Add And Cast Clip Div Elu Equal Erf Exp Gelu Greater GreaterOrEqual HardSigmoid Identity LeakyRelu Less " +
    "LessOrEqual Log Max Min Mul Neg Not Or Pow Reciprocal Relu Sigmoid Sign Softplus Sqrt Sub Tanh Where"
  ).split(" "),
);
const RESHAPES = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

/**
 * @param sideOf of a graph input; tables are of neither side
 * @returns undefined for a graph that mixes rows of the batch, which cannot be split
 */
export function sidedGraph(
  graph: GraphProto,
  facts: GraphFacts,
  sideOf: (input: string) => number,
): SidedGraph | undefined {
  const sides = new Map<string, Uint8Array>();
  const origins = new Map<NodeProto, Origin>();
  const producers = new Map<string, NodeProto>();
  const fact = (name: string): ValueFacts => factOf(facts, name);
  for (const { name } of graph.initializer) sides.set(name, new Uint8Array(1));
  for (const { name } of graph.input) {
    const { perRow, width } = fact(name);
    sides.set(name, new Uint8Array(perRow ? width : 1).fill(sideOf(name)));
  }
  for (const node of graph.node) {
    const read = valuesRead(node);
    const joined = read.reduce((sum, name) => sum | union(sides.get(name) as Uint8Array), 0);
    if (picksRows(node) && sides.get(node.input[0])?.[0] !== side.none) return undefined;
    const origin = joined === side.none ? undefined : originOf(node, facts);
    if (origin !== undefined) origins.set(node, origin);
    for (const name of node.output) {
      if (name === "") continue;
      producers.set(name, node);
      const { perRow, width, grows, uneven } = fact(name);
      if (uneven) return undefined;
      const own = new Uint8Array(perRow ? width : 1);
      if (node.opType === "Shape") {
        // Sizes are everybody's.
      } else if (origin === undefined || !perRow) {
        own.fill(joined);
        // What rests on columns and has no size of the batch's was made of several rows.
        if (joined !== side.none && !grows) return undefined;
      } else spread(own, node, origin, sides);
      sides.set(name, own);
    }
  }
  return { graph, facts, sides, origins, producers };
}

export function union(sides: Uint8Array): number {
  let sum = 0;
  for (const one of sides) sum |= one;
  return sum;
}

export function factOf(facts: GraphFacts, name: string): ValueFacts {
  const fact = facts.get(name);
  assert(fact !== undefined, `nothing is known of the value ${name}`);
  return fact;
}

function spread(
  own: Uint8Array,
  { input }: NodeProto,
  origin: Origin,
  sides: ReadonlyMap<string, Uint8Array>,
): void {
  const of = (k: number): Uint8Array => sides.get(input[k]) as Uint8Array;
  const at = (map: Uint8Array, k: number): number => (map.length === 1 ? map[0] : map[k]);
  switch (origin.kind) {
    case "moved":
      for (let k = 0; k < own.length; k++) own[k] = at(of(origin.operand[k]), origin.index[k]);
      return;
    case "each":
      for (const [operand, index] of origin.index.entries()) {
        if (input[operand] === "") continue;
        const map = of(operand);
        for (let k = 0; k < own.length; k++) own[k] |= at(map, index[k]);
      }
      return;
    case "product": {
      const map = of(0);
      const { inner, outer } = origin;
      for (let run = 0; run * outer < own.length; run++) {
        own.fill(union(map.subarray(run * inner, (run + 1) * inner)), run * outer, (run + 1) * outer);
      }
      return;
    }
    case "found": {
      const map = of(1);
      for (let k = 0; k < own.length; k++) own[k] = at(map, Math.floor(k / origin.dim));
    }
  }
}

function originOf(node: NodeProto, facts: GraphFacts): Origin | undefined {
  const { opType, input, output } = node;
  const out = factOf(facts, output[0]);
  if (!out.perRow || output.length !== 1) return undefined;
  const operands = input.map((name) => (name === "" ? undefined : factOf(facts, name)));
  const row = out.dims.slice(1);
  if (ELEMENTWISE.has(opType)) {
    const index = operands.map((operand) =>
      operand === undefined ? new Int32Array(0) : spreadOver(out, operand),
    );
    return index.every((map) => map !== undefined) ? { kind: "each", index } : undefined;
  }
  const [first, second] = operands;
  if (first === undefined) return undefined;
  if (RESHAPES.has(opType)) {
    return first.perRow && first.width === out.width ? moved(counting(out.width)) : undefined;
  }
  if (opType === "Expand") {
    const index = spreadOver(out, first);
    return first.perRow && index !== undefined ? moved(index) : undefined;
  }
  if (opType === "Concat") return concatenated(node, operands as ValueFacts[], out);
  if (opType === "Transpose") {
    const order = numbersOf(node, "perm");
    if (!first.perRow || order?.[0] !== 0) return undefined;
    const strides = stridesOf(first.dims.slice(1));
    return moved(
      walk(
        row,
        order.slice(1).map((axis) => strides[axis - 1]),
      ),
    );
  }
  if (opType === "Slice") {
    const [, starts, , axes, steps] = operands.map((operand) => integersOf(operand?.constant));
    if (!first.perRow || starts === undefined || axes === undefined || axes.some((axis) => axis <= 0))
      return undefined;
    if (steps?.some((step) => step !== 1) === true || starts.some((start) => start < 0)) return undefined;
    const strides = stridesOf(first.dims.slice(1));
    const offset = axes.reduce((sum, axis, k) => sum + starts[k] * strides[axis - 1], 0);
    return moved(walk(row, strides, offset));
  }
  if (opType === "Gather") {
    const axis = numberOf(node, "axis") ?? 0;
    if (axis === 0 && second?.perRow === true && !first.perRow && first.dims.length === 2) {
      return { kind: "found", dim: first.dims[1] };
    }
    return undefined;
  }
  if (opType === "MatMul" || opType === "Gemm") {
    if (!first.perRow || second?.constant === undefined || second.dims.length !== 2) return undefined;
    if (opType === "Gemm" && (numberOf(node, "transA") ?? 0) !== 0) return undefined;
    return { kind: "product", inner: first.dims[first.dims.length - 1], outer: row[row.length - 1] };
  }
  return undefined;
}

/** Whether a node takes rows of its first operand by number: harmless for a table, not for the batch. */
function picksRows(node: NodeProto): boolean {
  return node.opType === "Gather" && (numberOf(node, "axis") ?? 0) === 0;
}

function moved(index: Int32Array): Origin {
  return { kind: "moved", operand: new Uint8Array(index.length), index };
}

function concatenated(node: NodeProto, operands: readonly ValueFacts[], out: ValueFacts): Origin | undefined {
  const given = numberOf(node, "axis") ?? 0;
  const axis = given < 0 ? given + out.dims.length : given;
  if (axis === 0 || operands.length > 255 || operands.some(({ perRow }) => !perRow)) return undefined;
  const before = elementCount(out.dims.slice(1, axis));
  const operand = new Uint8Array(out.width);
  const index = new Int32Array(out.width);
  let at = 0;
  for (let prefix = 0; prefix < before; prefix++) {
    for (const [k, { width }] of operands.entries()) {
      const chunk = width / before;
      for (let j = 0; j < chunk; j++) {
        operand[at] = k;
        index[at++] = prefix * chunk + j;
      }
    }
  }
  return { kind: "moved", operand, index };
}

/** For each element of one row of `out`, the element of an operand that broadcasting pairs it with. */
function spreadOver(out: ValueFacts, operand: ValueFacts): Int32Array | undefined {
  const rank = out.dims.length;
  let dims = operand.dims;
  if (operand.perRow) {
    // An axis of the batch that meets another axis: nothing is known.
    if (dims.length !== rank) return undefined;
    dims = dims.slice(1);
  } else {
    if (dims.length > rank || (dims.length === rank && dims[0] !== 1)) return undefined;
    if (dims.length === rank) dims = dims.slice(1);
  }
  return broadcastSource(dims, out.dims.slice(1));
}

function counting(length: number): Int32Array {
  return Int32Array.from({ length }, (_, k) => k);
}

export function numberOf({ attribute }: NodeProto, wanted: string): number | undefined {
  const found = attribute.find(({ name }) => name === wanted);
  return found === undefined ? undefined : Number(found.i);
}

function numbersOf({ attribute }: NodeProto, wanted: string): readonly number[] | undefined {
  return attribute.find(({ name }) => name === wanted)?.ints.map(Number);
}

function integersOf(tensor: HostTensor | undefined): readonly number[] | undefined {
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}
