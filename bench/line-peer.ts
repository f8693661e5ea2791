/** A Python peer as a child process that answers JSON lines, one job at a time; absent, there is none. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

// biome-ignore lint/suspicious/noExplicitAny: each peer's answers have their own form
type Answer = any;

export class LinePeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Undefined, with a line on stderr, where Python or its packages are missing. Python: $MILLRACE_PYTHON or python3. */
  static async start(script: string, options: readonly string[]): Promise<LinePeer | undefined> {
    const python = process.env.MILLRACE_PYTHON || "python3";
    const child = spawn(python, [script, ...options], { stdio: ["pipe", "pipe", "ignore"] });
    const failed = new Promise<undefined>((resolve) => child.once("error", () => resolve(undefined)));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const first = await Promise.race([failed, lines.next()]);
    if (first === undefined || first.done || JSON.parse(first.value).ready !== true) {
      console.error(
        `no PyTorch in ${python}: peer figures are null (set MILLRACE_PYTHON to one that has it)`,
      );
      return undefined;
    }
    return new LinePeer(child, lines);
  }

  async ask(job: object): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    const line = await this.#lines.next();
    const answer = JSON.parse(line.value);
    if (answer.error !== undefined) throw new Error(`the peer failed: ${answer.error}`);
    return answer;
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}
