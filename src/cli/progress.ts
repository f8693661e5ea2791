/**
 * Progress on stderr: on a terminal one line that is drawn over, elsewhere a plain line every few
 * seconds. Lines that stay are written above the moving one.
 */
import type { WriteStream } from "node:tty";
import { clock } from "../core/index.ts";

export interface ProgressState {
  /** Such as `epoch 2/10`. */
  readonly label: string;
  /** In [0, 1]. */
  readonly done: number;
  /** Such as `loss 0.2812, 81 k rows/s`. */
  readonly note?: string;
}

const REDRAW_MS = 100;
const PLAIN_MS = 3000;
const BAR_WIDTH = 24;

export class Progress {
  readonly #stream: WriteStream;
  readonly #quiet: boolean;
  #shown = false;
  #label = "";
  #began = 0;
  #last = 0;

  constructor(stream: WriteStream, { quiet }: { readonly quiet: boolean }) {
    this.#stream = stream;
    this.#quiet = quiet;
  }

  /** Call as often as there is news; drawn at most ten times a second. */
  update(state: ProgressState): void {
    if (this.#quiet) return;
    const now = performance.now();
    if (state.label !== this.#label) {
      this.#label = state.label;
      this.#began = now;
      // A stage that is over before the first plain line is due needs none.
      this.#last = this.#stream.isTTY ? 0 : now;
    }
    if (now - this.#last < (this.#stream.isTTY ? REDRAW_MS : PLAIN_MS)) return;
    this.#last = now;
    const text = progressText(state, (now - this.#began) / 1000, this.#stream.isTTY === true);
    if (!this.#stream.isTTY) this.#stream.write(`${text}\n`);
    else this.#stream.write(`\r${text.slice(0, (this.#stream.columns || 100) - 1)}\x1b[K`);
    this.#shown = this.#stream.isTTY === true;
  }

  /** A line that stays. */
  line(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  /** Takes the moving line away. */
  end(): void {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  }
}

/** `epoch 1/3  [=====>    ]  47 %  loss 0.2812, 81 k rows/s  ETA 0:12` */
export function progressText(
  { label, done, note = "" }: ProgressState,
  seconds: number,
  bar: boolean,
): string {
  const share = Math.min(1, Math.max(0, done));
  const filled = Math.round(share * BAR_WIDTH);
  const parts = [label];
  if (bar) parts.push(`[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`);
  parts.push(`${Math.floor(share * 100)} %`.padStart(5));
  if (note !== "") parts.push(note);
  if (share > 0 && share < 1) parts.push(`ETA ${clock((seconds * (1 - share)) / share)}`);
  return parts.join("  ");
}
