/**
 * Where rows of a served table live. A home is opened in the thread that runs the graph, from a plain
 * description that can be sent there; it answers with rows for distinct ids.
 */
import type { TableShape } from "./row-graph.ts";

/** A description of a home, to be sent to a thread. */
export type RowPlace =
  | {
      readonly kind: "memory";
      /** Packed `[rows, dim]` over a SharedArrayBuffer: one copy for all threads. */
      readonly data: Float32Array;
    }
  | {
      readonly kind: "file";
      readonly path: string;
      /** First byte of row 0. */
      readonly offset: number;
      readonly cacheBytes: number;
    }
  | {
      readonly kind: "redis";
      readonly url: string;
      /** Rows are values of keys `<prefix><row>`. */
      readonly prefix: string;
      readonly cacheBytes: number;
      readonly timeoutMs: number;
      /** Served for rows that cannot be had: the table's row for values out of vocabulary. */
      readonly fallback: Float32Array;
    };

export interface RowCounts {
  /** Rows found in a cache. */
  hits: number;
  /** Rows that had to be fetched. */
  misses: number;
  /** Rows that could not be had, answered with the out-of-vocabulary row. */
  fallbacks: number;
}

export interface RowHome {
  /** Whether rows come at once; else a thread may start other work while it waits. */
  readonly immediate: boolean;
  /** Writes the rows of these ids into `into` `[ids.length, dim]`, in order. */
  gather(ids: Int32Array, into: Float32Array): void | Promise<void>;
  /** Counts since the last call. */
  takeCounts(): RowCounts;
  close(): Promise<void>;
}

export interface PlacedTable extends TableShape {
  readonly place: RowPlace;
}
