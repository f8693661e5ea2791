/**
 * What a traced model's leaves are fed, straight from named arrays and an encoded batch: written apart from
 * `training/feeds.ts`, tables packed one after the other, so that it judges that code too.
 */
import { type HostTensor, hostTensor } from "../../src/onnx/index.ts";
import type { Model } from "../../src/module/index.ts";
import type { EncodedBatch } from "../../src/schema/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import type { SymbolicBatch } from "../../src/training/symbolic-batch.ts";
import { placeTables } from "../../src/training/table-placement.ts";
import { hostArray, type NamedArrays } from "./named-arrays.ts";

export function leafValues(
  model: Model,
  batch: SymbolicBatch,
  arrays: NamedArrays,
  encoded: EncodedBatch,
): Map<Tensor, HostTensor> {
  const { size, columns } = encoded;
  const values = new Map<Tensor, HostTensor>();
  for (const [path, leaf] of [...model.namedParameters(), ...model.namedStates()]) {
    values.set(leaf, hostArray(arrays[path]));
  }
  const { tables, arenas } = placeTables(model.namedTables());
  for (const [k, { dim, rows }] of arenas.entries()) {
    const packed = [...tables.values()]
      .filter(({ arena }) => arena === k)
      .sort((a, b) => a.first - b.first)
      .flatMap(({ path }) => arrays[path].data);
    values.set(batch.arenas[k], hostTensor("float32", [rows, dim], packed));
  }
  for (const { slots, width, index } of batch.lookups) {
    const ids: number[] = [];
    for (let row = 0; row < size; row++) {
      for (const { table, column, width: own } of slots) {
        const first = tables.get(table)?.first ?? Number.NaN;
        for (let j = 0; j < own; j++) ids.push(first + columns[column][row * own + j]);
      }
    }
    values.set(index, hostTensor("int32", [size, width], ids));
  }
  for (const { columns: names, tensor } of batch.groups) {
    const rows = Array.from({ length: size }, (_, row) => names.map((name) => columns[name][row]));
    values.set(tensor, hostTensor("float32", [size, names.length], rows.flat()));
  }
  for (const [name, tensor] of batch.inputs.used) {
    const dims = tensor.shape.map((dim) => (typeof dim === "number" ? dim : size));
    values.set(tensor, hostTensor(tensor.dtype, dims, columns[name] as Float32Array));
  }
  return values;
}

/** Those values under the names by which training and evaluation graphs know their leaves. */
export function namedFeeds(
  { inputs }: { readonly inputs: readonly string[] },
  model: Model,
  values: ReadonlyMap<Tensor, HostTensor>,
): { [name: string]: HostTensor } {
  const named = new Map([...values].map(([leaf, value]) => [nameOf(leaf, model), value]));
  return Object.fromEntries(inputs.map((name) => [name, named.get(name) as HostTensor]));
}

function nameOf(leaf: Tensor, model: Model): string {
  for (const [path, parameter] of model.namedParameters()) if (parameter === leaf) return `parameter:${path}`;
  for (const [path, state] of model.namedStates()) if (state === leaf) return `state:${path}`;
  return (leaf.attributes as { name: string }).name;
}

/** Gradients of looked-up rows added up by table: what a dense gradient of each table would be. */
export function tableGradients(
  model: Model,
  batch: SymbolicBatch,
  encoded: EncodedBatch,
  rowGradients: (lookup: number) => ArrayLike<number>,
): { [path: string]: Float64Array } {
  const tables = model.namedTables();
  const paths = new Map([...tables].map(([path, table]) => [table, path]));
  const sums: { [path: string]: Float64Array } = {};
  for (const [path, { rows, dim }] of tables) sums[path] = new Float64Array(rows * dim);
  for (const [k, { slots, width }] of batch.lookups.entries()) {
    const gradient = rowGradients(k);
    let offset = 0;
    for (const { table, column, width: own } of slots) {
      const sum = sums[paths.get(table) as string];
      for (let row = 0; row < encoded.size; row++) {
        for (let j = 0; j < own; j++) {
          const id = encoded.columns[column][row * own + j];
          if (id === 0 && table.padding) continue;
          const from = (row * width + offset + j) * table.dim;
          for (let d = 0; d < table.dim; d++) sum[id * table.dim + d] += gradient[from + d];
        }
      }
      offset += own;
    }
  }
  return sums;
}
