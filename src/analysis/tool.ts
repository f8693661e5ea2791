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
