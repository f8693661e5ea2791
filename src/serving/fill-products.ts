/** What a model needs of each item, computed on the pool's threads when a release is loaded. */
import { ITEM_ROW } from "./batch-pieces.ts";
import { OverloadError } from "./inference-pool.ts";
import type { ItemGraphOptions } from "./item-graph.ts";
import type { ModelSource } from "./model-runner.ts";

/** Items computed at a time: enough for every thread, few enough for requests to get in between. */
const CHUNK = 1024;

/** How long to wait before asking a full queue again. */
const RETRY_MS = 20;

/** Runs an items' graph (`keeps`) for all items of the table, among requests of the release before. */
export async function fillProducts(
  key: string,
  source: ModelSource,
  items: number,
  { pool, assembly, signal }: Pick<ItemGraphOptions, "pool" | "assembly" | "signal">,
): Promise<void> {
  await pool.load(key, source);
  try {
    for (let begin = 0; begin < items; ) {
      signal?.throwIfAborted();
      const end = Math.min(begin + CHUNK, items);
      const { size, columns } = assembly.assembleItems(begin, end);
      const rows = Int32Array.from({ length: size }, (_, k) => begin + k);
      try {
        await pool.run(key, { size, columns: { ...columns, [ITEM_ROW]: rows } });
        begin = end;
      } catch (error) {
        if (!(error instanceof OverloadError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  } finally {
    pool.release(key);
  }
}
