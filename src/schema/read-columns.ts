/** Some columns of a source at once, for what is counted over a whole split. */
import type { BatchSource } from "./batch.ts";

/**
 * Columns of the first rows of a source, in stored order; widths as the layout says.
 *
 * @param rows how many at most; all of them unless said
 */
export async function columnsOf(
  source: BatchSource,
  names: readonly string[],
  rows = source.rows,
): Promise<{ readonly rows: number; readonly columns: { readonly [name: string]: Float64Array } }> {
  const count = Math.min(rows, source.rows);
  const widths = new Map(source.layout.map(({ name, width }) => [name, width]));
  const columns = Object.fromEntries(
    names.map((name) => [name, new Float64Array(count * (widths.get(name) ?? 1))]),
  );
  let at = 0;
  for await (const batch of source.batches({ batchSize: 4096 })) {
    const take = Math.min(batch.size, count - at);
    for (const name of names) {
      const width = widths.get(name) ?? 1;
      const values = batch.columns[name];
      for (let i = 0; i < take * width; i++) columns[name][at * width + i] = values[i];
    }
    at += take;
    if (at >= count) break;
  }
  return { rows: at, columns };
}
