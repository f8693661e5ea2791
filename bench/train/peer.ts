/** The PyTorch peer as a child process that answers one job at a time; absent, every job gives null. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface PeerJob {
  readonly model: string;
  readonly ids: string;
  readonly optimizer: "adam" | "sparse-adam";
  readonly steps: number;
  readonly warmup: number;
}

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Undefined, with a line on stderr, where Python or torch is missing. Python: $MILLRACE_PYTHON or python3. */
  static async start(threads: number): Promise<Peer | undefined> {
    const python = process.env.MILLRACE_PYTHON ?? "python3";
    const script = fileURLToPath(new URL("./peer.py", import.meta.url));
    const child = spawn(python, [script, "--threads", String(threads)], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const failed = new Promise<undefined>((resolve) => child.once("error", () => resolve(undefined)));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    const first = await Promise.race([failed, lines.next()]);
    if (first === undefined || first.done || JSON.parse(first.value).ready !== true) {
      console.error(
        `no PyTorch in ${python}: peer figures are null (set MILLRACE_PYTHON to one that has it)`,
      );
      return undefined;
    }
    return new Peer(child, lines);
  }

  async samplesPerSecond(job: PeerJob): Promise<number> {
    this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    const line = await this.#lines.next();
    const answer = JSON.parse(line.value);
    if (answer.error !== undefined) throw new Error(`the peer failed: ${answer.error}`);
    return answer.samplesPerSecond;
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}
