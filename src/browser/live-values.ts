/**
 * The values that a device may change, as graphs read them now: the shipped ones until something is learnt, a
 * tuner's from then on.
 */
import type { HostTensor, Session } from "../engine/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import type { FedRows } from "../training/device/index.ts";
import type { Bundle } from "./bundle.ts";

/** A table's rows in memory: row `r` begins at float `r · stride`. */
export interface LiveRows {
  readonly data: Float32Array;
  readonly stride: number;
}

export interface LiveValues {
  rows(table: string): LiveRows;
  parameter(path: string): Float32Array;
}

/** The values that the bundle came with. */
export function shippedValues(bundle: Bundle): LiveValues {
  const dims = new Map(bundle.manifest.tables.map(({ path, dim }) => [path, dim]));
  return {
    rows: (table) => ({ data: bundle.values(`table:${table}`), stride: dims.get(table) as number }),
    parameter: (path) => bundle.values(`parameter:${path}`),
  };
}

export type Feeds = { [name: string]: HostTensor };

/** What a session of the bundle is fed for a batch; `extra` goes before columns of the batch. */
export function feedsFor(
  { inputs }: Session,
  { bundle, values, batch }: { bundle: Bundle; values: LiveValues; batch: EncodedBatch },
  extra: Feeds = {},
): Feeds {
  const { rows, parameters } = bundle.manifest;
  const feeds: Feeds = {};
  for (const { name, dtype, shape } of inputs) {
    const dims = shape.map((dim) => (typeof dim === "number" ? dim : batch.size));
    const fed = rows.find(({ input }) => input === name);
    const parameter = parameters.find(({ input }) => input === name);
    if (extra[name] !== undefined) feeds[name] = extra[name];
    else if (fed !== undefined) feeds[name] = { dtype: "float32", dims, data: gather(fed, batch, values) };
    else if (parameter !== undefined) {
      feeds[name] = { dtype: "float32", dims, data: values.parameter(parameter.path) };
    } else feeds[name] = { dtype, dims, data: batch.columns[name] as Float32Array };
  }
  return feeds;
}

/** Rows by the ids of a column, `[batch, width, dim]`. */
function gather(
  { table, column, dim }: FedRows,
  { columns }: EncodedBatch,
  values: LiveValues,
): Float32Array {
  const { data, stride } = values.rows(table);
  const ids = columns[column];
  const gathered = new Float32Array(ids.length * dim);
  for (let i = 0, at = 0; i < ids.length; i++, at += dim) {
    const first = ids[i] * stride;
    for (let k = 0; k < dim; k++) gathered[at + k] = data[first + k];
  }
  return gathered;
}
