/** What every analysis of a run is given, and how one says that it has nothing to say. */
import type { Engine } from "../engine/index.ts";
import type { OpenRun } from "../run/index.ts";
import type { BatchSource } from "../schema/index.ts";

export const toolNames = ["collapse", "correlation", "entanglement", "experts", "tasks"] as const;
export type ToolName = (typeof toolNames)[number];

/** A trained run with rows to look at. */
export interface StudiedRun {
  readonly run: OpenRun;
  readonly engine: Engine;
  /** The rows that are looked at. */
  readonly source: BatchSource;
  /** Most rows. */
  readonly rows: number;
}

/** The tool does not fit the run: why not, in a sentence. */
export interface NotApplicable {
  readonly skipped: string;
}

export function notApplicable(skipped: string): NotApplicable {
  return { skipped };
}

/** Columns of the first rows of a source; widths as the layout says. */
export async function columnsOf(
  source: BatchSource,
  names: readonly string[],
  rows: number,
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
