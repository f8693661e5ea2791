/**
 * A served graph that no longer holds its large tables: every `Gather` from such a table by a column of ids
 *
 *     Gather(table:T [rows, dim], C)   becomes   Gather(table:T [unique, dim], index of T for C)
 *
 * so that rows may live anywhere (memory shared by threads, a file, Redis): whoever runs the graph feeds
 * the distinct rows of the batch and, for each column, positions among them. Small tables are stored in the
 * graph, which then reads the ids themselves. A table that is used in any other way has to be stored too.
 */
import {
  decodeModel,
  encodeModel,
  type GraphProto,
  tensorFromHost,
  type ValueInfoProto,
} from "../onnx/index.ts";

export interface TableShape {
  /** As the model calls it: `table:<path>`. */
  readonly name: string;
  readonly rows: number;
  readonly dim: number;
}

/** A table whose rows are fed. */
export interface RowLookup extends TableShape {
  /** Columns of ids that address it, each with the graph input that takes positions among the fed rows. */
  readonly columns: readonly { readonly column: string; readonly index: string }[];
}

export interface RowGraph {
  readonly model: Uint8Array;
  readonly lookups: readonly RowLookup[];
}

/** MiB of tables that every thread's graph holds itself where nothing else is said. */
export const STORED_MB = 128;

/** Whether a table is among the smallest that fit into so many bytes together. */
export function smallest(tables: readonly TableShape[], bytes: number): (table: TableShape) => boolean {
  const fitting = new Set<string>();
  let sum = 0;
  for (const { name, rows, dim } of [...tables].sort((a, b) => a.rows * a.dim - b.rows * b.dim)) {
    sum += rows * dim * 4;
    if (sum > bytes) break;
    fitting.add(name);
  }
  return ({ name }) => fitting.has(name);
}

/**
 * @param model graph with tables as inputs, as run directories hold it; it need not read all of them
 * @param store whether a table's values go into the graph
 * @param valuesOf called for stored tables only
 */
export function rowGraph(
  model: Uint8Array,
  tables: readonly TableShape[],
  store: (table: TableShape) => boolean,
  valuesOf: (table: TableShape) => Float32Array,
): RowGraph {
  const proto = decodeModel(model);
  const graph = proto.graph as GraphProto;
  const inputs = new Map(graph.input.map((info) => [info.name, info]));
  const lookups: RowLookup[] = [];
  const added: ValueInfoProto[] = [];
  for (const table of tables) {
    if (!inputs.has(table.name)) continue;
    const columns = store(table) ? undefined : columnsOf(graph, table.name, inputs);
    if (columns === undefined) {
      graph.input = graph.input.filter(({ name }) => name !== table.name);
      const { rows, dim } = table;
      graph.initializer.push(
        tensorFromHost({ dtype: "float32", dims: [rows, dim], data: valuesOf(table) }, table.name),
      );
      continue;
    }
    const named = columns.map((column) => ({ column, index: `index:${table.name}:${column}` }));
    for (const node of graph.node) {
      if (node.opType !== "Gather" || node.input[0] !== table.name) continue;
      node.input[1] = `index:${table.name}:${node.input[1]}`;
    }
    for (const { column, index } of named) {
      added.push({ ...(inputs.get(column) as ValueInfoProto), name: index });
    }
    freeFirstDimension(inputs.get(table.name) as ValueInfoProto);
    lookups.push({ ...table, columns: named });
  }
  graph.input = [...graph.input, ...added].filter(({ name }) => isUsed(graph, name));
  return { model: encodeModel(proto), lookups };
}

/** The columns that gather from a table, or undefined where something else touches it. */
function columnsOf(
  graph: GraphProto,
  table: string,
  inputs: ReadonlyMap<string, ValueInfoProto>,
): readonly string[] | undefined {
  const columns = new Set<string>();
  for (const { opType, input, attribute } of graph.node) {
    if (!input.includes(table)) continue;
    const alongRows = attribute.every(({ name, i }) => name !== "axis" || i === 0n);
    if (opType !== "Gather" || input[0] !== table || !inputs.has(input[1]) || !alongRows) return undefined;
    columns.add(input[1]);
  }
  return [...columns];
}

/** Makes the number of rows of a table that is an input a matter of each run. */
export function freeFirstDimension({ name, type }: ValueInfoProto): void {
  const dims = type?.value.case === "tensorType" ? type.value.value.shape?.dim : undefined;
  if (dims?.[0] === undefined) throw new Error(`${name} is no tensor with rows`);
  dims[0].value = { case: "dimParam", value: `rows of ${name}` };
}

function isUsed(graph: GraphProto, name: string): boolean {
  return graph.node.some(({ input }) => input.includes(name)) || graph.output.some((o) => o.name === name);
}
