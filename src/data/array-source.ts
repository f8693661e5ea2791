/** Batches from arrays in memory: for library users with data of their own, and for tests. */
import { ConfigError, CounterRandom } from "../core/index.ts";
import {
  type BatchLayout,
  type BatchOptions,
  type BatchSource,
  type EncodedBatch,
  emptyColumn,
} from "../schema/index.ts";
import { checkBatchOptions } from "./batch-options.ts";

/**
 * A batch source over encoded columns, each of `rows × width` numbers as in a batch.
 *
 * @throws ConfigError for columns that are absent or of another length
 */
export function arraySource(
  layout: BatchLayout,
  columns: { readonly [name: string]: ArrayLike<number> },
): BatchSource {
  const [first] = layout;
  const rows = first === undefined ? 0 : (columns[first.name]?.length ?? 0) / first.width;
  for (const { name, width } of layout) {
    const length = columns[name]?.length;
    if (length === rows * width) continue;
    throw new ConfigError(`column ${name} has ${length ?? "no"} values, expected ${rows} rows of ${width}`, {
      details: { column: name, expected: rows * width, received: length },
    });
  }
  return {
    rows,
    layout,
    async *batches(options: BatchOptions) {
      checkBatchOptions(options);
      const { batchSize, shuffle, skip = 0 } = options;
      const order =
        shuffle === undefined
          ? undefined
          : new CounterRandom(shuffle.seed, "rows", shuffle.epoch, 0).permutation(rows);
      for (let start = skip * batchSize; start < rows; start += batchSize) {
        yield gather(layout, columns, order, start, Math.min(batchSize, rows - start));
      }
    },
    async close() {},
  };
}

function gather(
  layout: BatchLayout,
  columns: { readonly [name: string]: ArrayLike<number> },
  order: Uint32Array | undefined,
  start: number,
  size: number,
): EncodedBatch {
  const batch = layout.map((column) => [column.name, emptyColumn(column, size)] as const);
  for (const [k, [name, target]] of batch.entries()) {
    const { width } = layout[k];
    for (let i = 0; i < size; i++) {
      const row = order === undefined ? start + i : order[start + i];
      for (let j = 0; j < width; j++) target[i * width + j] = columns[name][row * width + j];
    }
  }
  return { size, columns: Object.fromEntries(batch) };
}
