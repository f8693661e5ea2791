/**
 * The chunks of a streamed result, each asked for before the one before it is worked on: the database
 * makes the next one on its own threads meanwhile. One is enough as long as chunks come evenly, which
 * takes a small streaming buffer (see the session): a large one is filled in one long fetch, then not at all.
 */
import type { DuckDBDataChunk, DuckDBResult } from "@duckdb/node-api";

/** Chunks until one is empty; a chunk's memory is its own and stays valid while the next is made. */
export async function* chunksAhead(
  result: Pick<DuckDBResult, "fetchChunk">,
): AsyncGenerator<DuckDBDataChunk> {
  let next = fetchQuietly(result);
  try {
    for (let chunk = await next; chunk !== null && chunk.rowCount > 0; chunk = await next) {
      next = fetchQuietly(result);
      yield chunk;
    }
  } finally {
    // A reader that stops early may close the connection: not under a fetch that is still running.
    await next.catch(() => {});
  }
}

/** A fetch whose failure is met when its chunk is wanted; until then it is not unhandled. */
function fetchQuietly(result: Pick<DuckDBResult, "fetchChunk">): Promise<DuckDBDataChunk | null> {
  const chunk = result.fetchChunk();
  chunk.catch(() => {});
  return chunk;
}
