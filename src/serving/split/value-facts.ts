/**
 * What every value of a graph looks like: its shape, whether its first axis is the batch, and for what depends on
 * no input its numbers. Found by running the graph on two batches of zeros with every value as an output, so that
 * no rule about any operator's shapes has to be repeated here.
 */
import { EngineError } from "../../core/index.ts";
import type { Engine, HostArray, HostDType, HostTensor, Session } from "../../engine/index.ts";
import {
  allocateHostArray,
  decodeModel,
  elementCount,
  encodeModel,
  type GraphProto,
  hostFromTensor,
  type NodeProto,
} from "../../onnx/index.ts";
import { freeFirstDimension } from "../row-graph.ts";

export interface ValueFacts {
  readonly dtype: HostDType;
  /** As they were for the first batch; of a table that is fed, `[1, dim]`. */
  readonly dims: readonly number[];
  /** The first axis is the batch, and no other size depends on it. */
  readonly perRow: boolean;
  /** Some size depends on the number of rows. */
  readonly grows: boolean;
  /** It depends on no input, and yet its rows differ: it numbers them. */
  readonly uneven: boolean;
  /** Elements of one row where `perRow`, else of all. */
  readonly width: number;
  /** Its numbers, where they depend on no input and not on the size of the batch. */
  readonly constant: HostTensor | undefined;
  /** It counts the rows of the batch: `[batch]`, the value of a `Shape`. */
  readonly countsRows: boolean;
}

export type GraphFacts = ReadonlyMap<string, ValueFacts>;

/** Two sizes that no axis of a model is likely to have both of. */
const ROWS = [11, 13] as const;

/** Rows of the batch in `ValueFacts.dims`. */
export const factRows: number = ROWS[0];

/**
 * Facts by value, or undefined where a value cannot be shown (it is no dense tensor).
 *
 * @param tables inputs of the graph that are tables, `[rows, dim]`
 */
export async function valueFacts(
  model: Uint8Array,
  tables: ReadonlySet<string>,
  engine: Engine,
): Promise<GraphFacts | undefined> {
  const proto = decodeModel(model);
  const graph = proto.graph as GraphProto;
  for (const input of graph.input) if (tables.has(input.name)) freeFirstDimension(input);
  const dependent = dependents(graph, tables);
  const shown = graph.node.flatMap(({ output }) => output).filter((name) => name !== "");
  const declared = new Set(graph.output.map(({ name }) => name));
  for (const name of shown) {
    // Types of what is computed are found by the engine.
    if (!declared.has(name)) graph.output.push({ ...graph.output[0], type: undefined, name });
  }
  let session: Session;
  try {
    session = await engine.load(encodeModel(proto), { threads: 1 });
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
  try {
    const [first, second] = [await run(session, tables, ROWS[0]), await run(session, tables, ROWS[1])];
    const facts = new Map<string, ValueFacts>();
    for (const [name, one] of Object.entries(first)) {
      facts.set(name, factsOf(one, second[name], !dependent.has(name)));
    }
    for (const tensor of graph.initializer) {
      const value = hostFromTensor(tensor);
      facts.set(tensor.name, { ...factsOf(value, value, true), perRow: false });
    }
    return facts;
  } finally {
    await session.release();
  }
}

function factsOf(one: HostTensor, two: HostTensor, free: boolean): ValueFacts {
  const { dtype, dims, data } = one;
  const rest = dims.slice(1);
  const perRow =
    dims.length > 0 &&
    dims.length === two.dims.length &&
    dims[0] === ROWS[0] &&
    two.dims[0] === ROWS[1] &&
    rest.every((size, k) => size === two.dims[k + 1]);
  const grows = !dims.every((size, k) => size === two.dims[k]);
  const same = !grows && sameNumbers(data, two.data);
  return {
    dtype,
    dims,
    perRow,
    grows,
    uneven: free && grows && !repeats(data, perRow ? elementCount(rest) : 1),
    width: elementCount(perRow ? rest : dims),
    constant: free && same ? one : undefined,
    countsRows:
      free &&
      data.length === 1 &&
      Number(data[0]) === ROWS[0] &&
      two.data.length === 1 &&
      Number(two.data[0]) === ROWS[1],
  };
}

function sameNumbers(a: HostArray, b: HostArray): boolean {
  for (let k = 0; k < a.length; k++) if (!Object.is(a[k], b[k])) return false;
  return true;
}

/** Whether an array is one run of `width` numbers again and again. */
function repeats(data: HostArray, width: number): boolean {
  for (let k = width; k < data.length; k++) if (!Object.is(data[k], data[k - width])) return false;
  return true;
}

/** Values of the graph that depend on columns or tables, as against weights and sizes. */
function dependents(graph: GraphProto, tables: ReadonlySet<string>): ReadonlySet<string> {
  const dependent = new Set([...graph.input.map(({ name }) => name), ...tables]);
  for (const node of graph.node) {
    // A size says nothing of what a value holds.
    if (node.opType === "Shape") continue;
    if (valuesRead(node).some((name) => dependent.has(name)))
      for (const out of node.output) dependent.add(out);
  }
  return dependent;
}

/** What a node reads, within the bodies of loops too. */
export function valuesRead(node: NodeProto): readonly string[] {
  const captured = node.attribute.flatMap(({ g }) => (g === undefined ? [] : capturedBy(g)));
  return [...node.input, ...captured].filter((name) => name !== "");
}

/** Values of the graph around it that a loop's body reads. */
export function capturedBy(body: GraphProto): readonly string[] {
  const own = new Set([
    ...body.input.map(({ name }) => name),
    ...body.initializer.map(({ name }) => name),
    ...body.node.flatMap(({ output }) => output),
  ]);
  return body.node.flatMap(valuesRead).filter((name) => !own.has(name));
}

async function run(
  session: Session,
  tables: ReadonlySet<string>,
  rows: number,
): Promise<{ [name: string]: HostTensor }> {
  const feeds: { [name: string]: HostTensor } = {};
  for (const { name, dtype, shape } of session.inputs) {
    const dims = shape.map((size) => (typeof size === "number" ? size : tables.has(name) ? 1 : rows));
    feeds[name] = { dtype, dims, data: allocateHostArray(dtype, elementCount(dims)) };
  }
  return { ...feeds, ...(await session.run(feeds)) };
}
