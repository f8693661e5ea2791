/**
 * Cross layers with `z` of single sides (a cross network's x₀), rewritten before the graph is split.
 *
 * The last one under a single output is turned around. In
 *
 *     o = h · (z ⊙ (x W + b) + u)
 *
 * with `x` mixed, the product with `x` is due for every candidate. But
 *
 *     o = x · (z V) + z · (b ⊙ h) + u · h,  V = diag(h) Wᵀ
 *
 * is the same number, and its product is with `z`, whose sides can be taken apart: what is left for a candidate is
 * one multiplication an element. Where `u` is `x` itself, `h` is added to `z V`.
 *
 * Of the first one, `z ⊙ (x W + b) + z` becomes `z ⊙ (x W + b + 1)`: one pass over memory less.
 */
import {
  type GraphProto,
  type HostTensor,
  type NodeProto,
  nodeProto,
  tensorFromHost,
} from "../../onnx/index.ts";
import { factOf, numberOf, side, type SidedGraph, sidedGraph } from "./element-sides.ts";
import { factRows, type ValueFacts, valuesRead } from "./value-facts.ts";

interface LastCross {
  readonly output: NodeProto;
  readonly replaced: readonly NodeProto[];
  readonly z: string;
  readonly x: string;
  readonly u: string | undefined;
  readonly weight: HostTensor;
  readonly bias: HostTensor | undefined;
  readonly head: string;
}

/** The graph with such layers rewritten; itself where there is none. */
export function rewriteCrossLayers(sided: SidedGraph, sideOf: (input: string) => number): SidedGraph {
  const readers = readersOf(sided.graph);
  const facts = new Map(sided.facts);
  const initializer = [...sided.graph.initializer];
  const gone = new Set<NodeProto>();
  const rewritten = new Map<NodeProto, readonly NodeProto[]>();
  for (const node of sided.graph.node) {
    const last = lastCross(node, sided, readers);
    if (last !== undefined) {
      for (const one of last.replaced) gone.add(one);
      rewritten.set(node, turned(last, facts, initializer));
    }
    const first = firstCross(node, sided, readers);
    if (first !== undefined) {
      for (const one of first) gone.add(one);
      rewritten.set(node, shifted(node, first, facts, initializer));
    }
  }
  if (rewritten.size === 0) return sided;
  const node = sided.graph.node.flatMap((one) => rewritten.get(one) ?? (gone.has(one) ? [] : [one]));
  const graph: GraphProto = { ...sided.graph, node, initializer };
  return sidedGraph(graph, facts, sideOf) ?? sided;
}

function readersOf({ node, output }: GraphProto): ReadonlyMap<string, number> {
  const readers = new Map<string, number>();
  const count = (name: string): void => void readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const one of node) for (const name of valuesRead(one)) count(name);
  for (const { name } of output) count(name);
  return readers;
}

function lastCross(
  output: NodeProto,
  { facts, producers, sides }: SidedGraph,
  readers: ReadonlyMap<string, number>,
): LastCross | undefined {
  if (!isPlainProduct(output)) return undefined;
  const fact = (name: string): ValueFacts => factOf(facts, name);
  const [sum, head] = output.input;
  const column = fact(head);
  if (column.constant?.dtype !== "float32" || column.dims.length !== 2 || column.dims[1] !== 1)
    return undefined;
  const only = (name: string): NodeProto | undefined =>
    readers.get(name) === 1 ? producers.get(name) : undefined;
  const isPure = (name: string): boolean =>
    fact(name).perRow &&
    fact(name).dims.length === 2 &&
    !(sides.get(name) as Uint8Array).includes(side.mixed);
  const top = only(sum);
  const pairs: [string, string | undefined][] =
    top?.opType === "Add"
      ? [
          [top.input[0], top.input[1]],
          [top.input[1], top.input[0]],
        ]
      : [[sum, undefined]];
  for (const [product, u] of pairs) {
    const times = only(product);
    if (times?.opType !== "Mul") continue;
    for (const [z, y] of [times.input, [...times.input].reverse()]) {
      const layer = only(y);
      if (layer === undefined || !isPlainProduct(layer) || !isPure(z)) continue;
      const [x, w, b] = layer.input;
      const weight = fact(w).constant;
      const bias = b === undefined || b === "" ? undefined : fact(b).constant;
      const width = fact(y).width;
      if (weight?.dtype !== "float32" || weight.dims.length !== 2 || !fact(x).perRow || isPure(x)) continue;
      if (fact(z).width !== width || (b !== undefined && b !== "" && bias?.data.length !== width)) continue;
      if (u !== undefined && (!fact(u).perRow || fact(u).width !== width)) continue;
      const replaced = [layer, times, ...(top === undefined || top === times ? [] : [top])];
      return { output, replaced, z, x, u, weight, bias, head };
    }
  }
  return undefined;
}

/** The product and the multiplication under a sum `z ⊙ (x W + b) + z`. */
function firstCross(
  sum: NodeProto,
  { facts, producers }: SidedGraph,
  readers: ReadonlyMap<string, number>,
): readonly [NodeProto, NodeProto] | undefined {
  if (sum.opType !== "Add") return undefined;
  const only = (name: string): NodeProto | undefined =>
    readers.get(name) === 1 ? producers.get(name) : undefined;
  for (const [product, z] of [sum.input, [...sum.input].reverse()]) {
    const times = only(product);
    if (times?.opType !== "Mul" || !times.input.includes(z)) continue;
    const layer = only(times.input[times.input[0] === z ? 1 : 0]);
    if (layer?.opType !== "Gemm" || !isPlainProduct(layer)) continue;
    const [, , b] = layer.input;
    const bias = b === undefined || b === "" ? undefined : factOf(facts, b);
    const { width, dims } = factOf(facts, layer.output[0]);
    if (dims.length !== 2 || bias?.constant?.dtype !== "float32" || bias.width !== width) continue;
    if (factOf(facts, z).dims.length !== 2 || factOf(facts, z).width !== width) continue;
    return [layer, times];
  }
  return undefined;
}

function shifted(
  sum: NodeProto,
  [layer, times]: readonly [NodeProto, NodeProto],
  facts: Map<string, ValueFacts>,
  initializer: GraphProto["initializer"],
): NodeProto[] {
  const [x, w, b] = layer.input;
  const [product] = layer.output;
  const [name] = sum.output;
  const bias = factOf(facts, b);
  const old = bias.constant as HostTensor;
  const host: HostTensor = { ...old, data: (old.data as Float32Array).map((value) => value + 1) };
  const one = `${name}/bias`;
  initializer.push(tensorFromHost(host, one));
  facts.set(one, { ...bias, constant: host });
  const other = times.input[times.input[0] === product ? 1 : 0];
  return [nodeProto("Gemm", [x, w, one], [product]), nodeProto("Mul", [other, product], [name])];
}

/** `A B (+ C)`, nothing transposed or scaled. */
function isPlainProduct(node: NodeProto): boolean {
  if (node.opType === "MatMul") return true;
  const scaled = node.attribute.some(({ name, f }) => (name === "alpha" || name === "beta") && f !== 1);
  return node.opType === "Gemm" && !scaled && !numberOf(node, "transA") && !numberOf(node, "transB");
}

function turned(
  { output, z, x, u, weight, bias, head }: LastCross,
  facts: Map<string, ValueFacts>,
  initializer: GraphProto["initializer"],
): NodeProto[] {
  const [name] = output.output;
  const [inner, outer] = weight.dims;
  const h = (factOf(facts, head).constant as HostTensor).data as Float32Array;
  const w = weight.data as Float32Array;
  const nodes: NodeProto[] = [];
  const constant = (part: string, dims: readonly number[], data: Float32Array | BigInt64Array): string => {
    const host: HostTensor = { dtype: data instanceof Float32Array ? "float32" : "int64", dims, data };
    const own = `${name}/${part}`;
    initializer.push(tensorFromHost(host, own));
    facts.set(own, { ...factOf(facts, head), dtype: host.dtype, dims, width: data.length, constant: host });
    return own;
  };
  const add = (opType: string, inputs: string[], width: number, part: string, attributes = {}): string => {
    const own = part === "" ? name : `${name}/${part}`;
    nodes.push(nodeProto(opType, inputs, [own], { attributes }));
    facts.set(own, { ...factOf(facts, x), dims: [factRows, width], width });
    return own;
  };
  const turnedWeight = new Float32Array(outer * inner);
  for (let j = 0; j < outer; j++)
    for (let k = 0; k < inner; k++) turnedWeight[j * inner + k] = h[j] * w[k * outer + j];
  const own = u === x;
  const t = add(
    "Gemm",
    [z, constant("turned", [outer, inner], turnedWeight), ...(own ? [constant("head", [inner], h)] : [])],
    inner,
    "product",
  );
  const axes = constant("axes", [1], BigInt64Array.of(1n));
  let sum = add("ReduceSum", [add("Mul", [x, t], inner, "elements"), axes], 1, "sum", { keepdims: 1 });
  if (bias !== undefined) {
    const b = bias.data as Float32Array;
    const column = constant(
      "bias",
      [outer, 1],
      h.map((value, j) => value * b[j]),
    );
    sum = add("Add", [sum, add("Gemm", [z, column], 1, "offset")], 1, "biased");
  }
  if (u !== undefined && !own) sum = add("Add", [sum, add("Gemm", [u, head], 1, "beside")], 1, "both");
  const [, , last] = output.input;
  if (last !== undefined && last !== "") sum = add("Add", [sum, last], 1, "shifted");
  nodes.push(nodeProto("Identity", [sum], [name]));
  return nodes;
}
