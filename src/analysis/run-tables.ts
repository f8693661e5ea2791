/** The embedding tables of a finished run as matrices, and what each is for. */
import type { OpenRun } from "../run/index.ts";
import { FIRST_VALUE_ID } from "../schema/index.ts";
import type { NamedMatrix } from "./named-matrix.ts";

export interface RunTable extends NamedMatrix {
  /** The vocabulary its rows stand for. */
  readonly vocabulary: string;
  /** Where it stands in the model, without the vocabulary: `embedding`, `sets.1.embedding`, `own.0`. */
  readonly place: string;
}

export interface RunTableOptions {
  /** Only this many of the most frequent values; rows are in order of frequency. @default all */
  readonly rows?: number;
}

/**
 * Rows of known values: those of padding, missing and unknown ones are left out. Tables of width 1 (linear parts) are
 * no embeddings, and tables of one value have no directions to compare.
 */
export function runTables({ tables }: Pick<OpenRun, "tables">, options: RunTableOptions = {}): RunTable[] {
  return tables.flatMap(({ name, rows, dim, data }) => {
    const path = name.replace(/^table:/, "");
    const [, place, vocabulary] = /^(.*?)\.?tables\.(.+)$/.exec(path) ?? [];
    const known = Math.min(rows - FIRST_VALUE_ID, options.rows ?? Number.POSITIVE_INFINITY);
    if (vocabulary === undefined || dim < 2 || known < 2) return [];
    const first = FIRST_VALUE_ID * dim;
    const kept = data.subarray(first, first + known * dim);
    return [{ name: path, vocabulary, place, rows: known, columns: dim, data: kept }];
  });
}
