/**
 * The rows of some domains as a split of their own, read from the whole one: batches are filled up from
 * its stream, so nothing is copied or held, and the order is again a function of (seed, epoch) alone.
 */
import type { BatchOptions, BatchSource, ColumnData, EncodedBatch } from "../../schema/index.ts";

/** @param domains ids of the column `@domain` */
export async function domainSource(source: BatchSource, domains: ReadonlySet<number>): Promise<BatchSource> {
  let rows = 0;
  for await (const batch of source.batches({ batchSize: 8192 })) {
    const ids = batch.columns["@domain"];
    for (let i = 0; i < batch.size; i++) if (domains.has(ids[i])) rows++;
  }
  return {
    rows,
    layout: source.layout,
    batches: (options) => filtered(source, domains, options),
    // The split belongs to whoever opened it.
    close: async () => {},
  };
}

async function* filtered(
  source: BatchSource,
  domains: ReadonlySet<number>,
  { batchSize, shuffle, skip = 0 }: BatchOptions,
): AsyncGenerator<EncodedBatch> {
  const { layout } = source;
  let columns = emptyColumns(source, batchSize);
  let size = 0;
  let made = 0;
  for await (const batch of source.batches({ batchSize, shuffle })) {
    const ids = batch.columns["@domain"];
    for (let i = 0; i < batch.size; i++) {
      if (!domains.has(ids[i])) continue;
      for (const { name, width } of layout) {
        const from = batch.columns[name];
        for (let j = 0; j < width; j++) columns[name][size * width + j] = from[i * width + j];
      }
      if (++size < batchSize) continue;
      if (made++ >= skip) yield { size, columns };
      columns = emptyColumns(source, batchSize);
      size = 0;
    }
  }
  if (size > 0 && made >= skip) {
    const cut = layout.map(({ name, width }) => [name, columns[name].subarray(0, size * width)] as const);
    yield { size, columns: Object.fromEntries(cut) };
  }
}

function emptyColumns({ layout }: BatchSource, batchSize: number): { [name: string]: ColumnData } {
  const made = { int32: Int32Array, float32: Float32Array, float64: Float64Array };
  return Object.fromEntries(
    layout.map(({ name, dtype, width }) => [name, new made[dtype](batchSize * width)]),
  );
}
