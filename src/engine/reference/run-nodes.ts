/** Computes the nodes of a graph in order, and loops, whose body is a graph that also reads the outer one's values. */
import { EngineError } from "../../core/index.ts";
import { type GraphProto, hostFromTensor, type NodeProto } from "../../onnx/index.ts";
import { KernelNode } from "./kernel.ts";
import { kernels } from "./kernels.ts";
import { concatFirst, sliceFirst } from "./pieces.ts";
import { fromHost, type Value, withDims } from "./value.ts";

/** Computes nodes and puts their outputs among the values. */
export function runNodes(nodes: readonly NodeProto[], values: Map<string, Value>): void {
  for (const node of nodes) {
    const results = compute(node, values);
    node.output.forEach((name, i) => {
      if (name !== "" && results[i] !== undefined) values.set(name, results[i]);
    });
  }
}

/** The nodes that the wanted values depend on, in order. */
export function nodesFor(nodes: readonly NodeProto[], wanted: readonly string[]): NodeProto[] {
  const needed = new Set(wanted);
  const kept = [...nodes].reverse().filter((node) => {
    if (!node.output.some((name) => needed.has(name))) return false;
    for (const name of readBy(node)) needed.add(name);
    return true;
  });
  return kept.reverse();
}

/** The graphs a loop runs; none for other nodes. */
export function bodiesOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g }) => (g === undefined ? [] : [g]));
}

/** Names a node reads, in its bodies too. */
function readBy(node: NodeProto): string[] {
  return [...node.input, ...bodiesOf(node).flatMap((body) => body.node.flatMap(readBy))];
}

function compute(node: NodeProto, values: ReadonlyMap<string, Value>): readonly Value[] {
  const inputs = node.input.map((name) => {
    if (name === "") return undefined;
    const value = values.get(name);
    if (value === undefined) {
      throw new EngineError(
        `reference engine: ${node.opType} "${node.name}" reads "${name}" before it is computed`,
      );
    }
    return value;
  });
  const kernelNode = new KernelNode(node, inputs);
  const loop = loops[node.opType];
  return loop === undefined ? kernels[node.opType](kernelNode) : loop(kernelNode, bodiesOf(node)[0], values);
}

type Loop = (node: KernelNode, body: GraphProto, outer: ReadonlyMap<string, Value>) => readonly Value[];

/** States first, then inputs that are cut along their first axis; outputs are joined along it. */
const scan: Loop = (node, body, outer) => {
  const count = node.int("num_scan_inputs");
  for (const axes of ["scan_input_axes", "scan_output_axes"])
    if (node.ints(axes)?.some((axis) => axis !== 0)) node.fail("other axes than the first are not supported");
  const scanned = node.inputs.slice(-count);
  let states = node.inputs.slice(0, -count);
  const [length] = scanned[0].dims;
  const inputReversed = node.ints("scan_input_directions") ?? [];
  const outputReversed = node.ints("scan_output_directions") ?? [];
  const stored = body.initializer.map((tensor) => [tensor.name, fromHost(hostFromTensor(tensor))] as const);
  const outputs: Value[][] = body.output.slice(states.length).map(() => []);
  for (let step = 0; step < length; step++) {
    const values = new Map([...outer, ...stored]);
    const current = scanned.map((x, k) => sliceFirst(x, inputReversed[k] === 1 ? length - 1 - step : step));
    for (const [k, value] of [...states, ...current].entries()) values.set(body.input[k].name, value);
    runNodes(body.node, values);
    const results = body.output.map(({ name }) => values.get(name) as Value);
    states = results.slice(0, states.length);
    for (const [k, value] of results.slice(states.length).entries()) outputs[k].push(value);
  }
  const joined = outputs.map((parts, k) => {
    const inOrder = outputReversed[k] === 1 ? parts.reverse() : parts;
    return concatFirst(inOrder.map((part) => withDims(part, [1, ...part.dims])));
  });
  return [...states, ...joined];
};

/** Operators with a body. */
export const loops: { readonly [opType: string]: Loop | undefined } = { Scan: scan };
