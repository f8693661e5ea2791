/** Runs tensors once: names every leaf, compiles, feeds, and gives the outputs back by name. */
import { compile } from "../../src/compile/index.ts";
import { type Engine, type HostTensor, referenceEngine } from "../../src/engine/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

/** What every leaf of a graph is fed. */
export type LeafValues = ReadonlyMap<Tensor, HostTensor>;

export interface LoadedGraph {
  run(values: LeafValues): Promise<{ [output: string]: HostTensor }>;
  release(): Promise<void>;
}

/** The judge: ONNX by its specification in float64. */
export const judge: Engine = referenceEngine();

export async function loadGraph(
  engine: Engine,
  outputs: { readonly [name: string]: Tensor },
  leaves: Iterable<Tensor>,
): Promise<LoadedGraph> {
  const bindings = new Map([...leaves].map((leaf, k) => [leaf, { name: `leaf${k}` }]));
  const { model, inputs } = compile({ outputs, leaves: bindings });
  const session = await engine.load(model, { threads: 1 });
  return {
    async run(values) {
      const feeds: { [name: string]: HostTensor } = {};
      for (const [leaf, { name }] of bindings) {
        if (inputs.includes(name)) feeds[name] = values.get(leaf) as HostTensor;
      }
      return session.run(feeds);
    },
    async release() {
      await session.release();
    },
  };
}

export async function runGraph(
  engine: Engine,
  outputs: { readonly [name: string]: Tensor },
  values: LeafValues,
): Promise<{ [output: string]: HostTensor }> {
  const graph = await loadGraph(engine, outputs, values.keys());
  const results = await graph.run(values);
  await graph.release();
  return results;
}
