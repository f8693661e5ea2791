/**
 * The terminal as verbs see it. Results go to stdout at the end; everything on the way goes to stderr,
 * so that `millrace … --json | jq` always works.
 */
import { InterruptedError } from "../core/index.ts";
import type { Outcome } from "./outcome.ts";
import { Progress } from "./progress.ts";

export interface ShellOptions {
  /** One JSON object on stdout instead of text. */
  readonly json: boolean;
  /** Nothing on stderr but warnings and errors. */
  readonly quiet: boolean;
}

export class Shell {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: Progress;
  outcome: Outcome | undefined;
  /** Whether threads run native code, which an orderly exit of the process would tear down under them. */
  hasNativeThreads = false;
  #graceful: AbortController | undefined;

  constructor({ json, quiet }: ShellOptions) {
    this.json = json;
    this.quiet = quiet;
    this.progress = new Progress(process.stderr, { quiet });
  }

  /** A line about what is going on. */
  notice(line: string): void {
    if (!this.quiet) this.progress.line(line);
  }

  /** A line that a reader must see, `--quiet` or not. */
  warn(line: string): void {
    this.progress.line(`warning: ${line}`);
  }

  /** What a verb's action hands over when it is done. */
  finish(outcome: Outcome): void {
    this.progress.end();
    this.outcome = outcome;
  }

  /**
   * From now on the first Ctrl-C aborts this signal, with `notice` saying what happens next; the second
   * one ends the process at once. Without this call the first one does.
   */
  untilInterrupted(notice: string): AbortSignal {
    const controller = new AbortController();
    this.#graceful = controller;
    controller.signal.addEventListener("abort", () => this.progress.line(notice));
    return controller.signal;
  }

  /** Handles Ctrl-C and a polite kill; whether the process should end at once is the answer. */
  interrupt(): "ends now" | "winds down" {
    if (this.#graceful === undefined || this.#graceful.signal.aborted) return "ends now";
    this.#graceful.abort(new InterruptedError("interrupted"));
    return "winds down";
  }
}
