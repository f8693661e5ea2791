/**
 * What a trained model shows of its inside (`observe`: experts' outputs, gates' weights) on rows of a split:
 * the model is built again from the run's configuration and filled with the weights of its files.
 */
import type { Engine, HostTensor } from "../engine/index.ts";
import { decodeModel, hostFromTensor, hostTensor } from "../onnx/index.ts";
import { batchLayout, type BatchSource } from "../schema/index.ts";
import { inferenceGraph, type WeightSource } from "../training/index.ts";
import type { OpenRun } from "./run-directory.ts";
import { buildModel } from "./train-run.ts";

/** One shown value over all rows looked at, row by row. */
export interface ObservedValue {
  readonly data: Float32Array;
  /** Without the rows: `[width]` of an expert, `[experts, width]` of a gate. */
  readonly shape: readonly number[];
}

export interface ObserveOptions {
  /** Most rows, from the split's beginning. @default 4096 */
  readonly rows?: number;
}

/** @returns by the name that the model shows a value under; nothing for models that show none */
export async function observeRun(
  run: OpenRun,
  engine: Engine,
  source: BatchSource,
  { rows = 4096 }: ObserveOptions = {},
): Promise<{ readonly [name: string]: ObservedValue }> {
  const { config, map } = run;
  const model = buildModel(config, map);
  const graph = inferenceGraph({
    model,
    schema: map,
    weights: storedWeights(run),
    tables: "stored",
    observing: true,
  });
  const session = await engine.load(graph.model);
  const layout = batchLayout(map);
  const parts: { [name: string]: Float32Array[] } = Object.create(null);
  const shapes: { [name: string]: readonly number[] } = {};
  let seen = 0;
  try {
    for await (const batch of source.batches({ batchSize: Math.min(rows, 4096) })) {
      const feeds: { [name: string]: HostTensor } = {};
      for (const name of graph.columns) {
        const column = layout.find((candidate) => candidate.name === name);
        const { width, dtype } = column as NonNullable<typeof column>;
        feeds[name] = hostTensor(
          dtype,
          width === 1 ? [batch.size] : [batch.size, width],
          batch.columns[name],
        );
      }
      const results = await session.run(feeds);
      const take = Math.min(batch.size, rows - seen);
      for (const [name, output] of Object.entries(graph.observed)) {
        const { data, dims } = results[output];
        shapes[name] = dims.slice(1);
        const width = data.length / batch.size;
        parts[name] ??= [];
        parts[name].push((data as Float32Array).slice(0, take * width));
      }
      seen += take;
      if (seen >= rows) break;
    }
  } finally {
    await session.release();
  }
  return Object.fromEntries(
    Object.entries(parts).map(([name, chunks]) => [name, { data: joined(chunks), shape: shapes[name] }]),
  );
}

/** Weights as the run's files hold them; what inference does not read is not there, and not asked for. */
export function storedWeights({ model, tables }: OpenRun): WeightSource {
  const { graph } = decodeModel(model);
  const stored = new Map(graph?.initializer.map((tensor) => [tensor.name, tensor]));
  const of = (path: string): Float32Array => {
    const tensor = stored.get(path);
    return tensor === undefined ? new Float32Array() : (hostFromTensor(tensor).data as Float32Array);
  };
  return {
    table: (path) => tables.find(({ name }) => name === `table:${path}`)?.data ?? new Float32Array(),
    parameter: of,
    state: of,
  };
}

function joined(chunks: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
