/** An encoder of a retrieval run as the pool's threads run it. */
import type { TowerParts } from "../retrieval/index.ts";
import type { ModelSource } from "./model-runner.ts";
import { rowGraph, smallest, STORED_MB } from "./row-graph.ts";

/** Its one prediction. */
export const TOWER_VECTORS = "vectors";

export function towerSource({ model, tables, output, shape }: TowerParts): ModelSource {
  const dataOf = (wanted: string): Float32Array =>
    tables.find(({ name }) => name === wanted)?.data as Float32Array;
  const graph = rowGraph(model, tables, smallest(tables, STORED_MB * 2 ** 20), ({ name }) => dataOf(name));
  return {
    model: graph.model,
    lookups: graph.lookups.map((lookup) => ({
      ...lookup,
      place: { kind: "memory", data: shared(dataOf(lookup.name)) },
    })),
    predictions: { [TOWER_VECTORS]: output },
    width: shape.reduce((product, dim) => product * dim, 1),
  };
}

/** In memory that all threads read. */
function shared(data: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return copy;
}
