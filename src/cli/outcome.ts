/** What a verb ends with: one JSON object for programs, one text for people. */
export interface Outcome {
  /** Printed by `--json`, alone on stdout. */
  readonly json: object;
  /** Printed otherwise. */
  readonly text: string;
  /** @default 0 */
  readonly exitCode?: number;
}

/** What the command line returns to its caller. */
export const exitCodes = [
  [0, "done"],
  [1, "something failed that is neither usage nor data"],
  [2, "bad usage or configuration"],
  [3, "bad data"],
  [130, "interrupted; what was done so far is saved where the verb can resume"],
] as const;
