/** Long work in a thread of its own, one piece after the other, so that pages go on being answered. */
import { DataError } from "../core/index.ts";
import { startWorker } from "../core/node/index.ts";

export type Job =
  | { readonly type: "inspect"; readonly file: string; readonly label?: string }
  | { readonly type: "validate"; readonly config: string }
  | { readonly type: "validate-file"; readonly file: string; readonly label?: string }
  | { readonly type: "measure"; readonly directory: string; readonly withData: boolean };

export type JobReply =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly message: string; readonly hint?: string; readonly own: boolean };

export class Jobs {
  #last: Promise<unknown> = Promise.resolve();
  #stop: (() => Promise<unknown>) | undefined;
  #closed = false;

  /** @throws DataError with what the library said, for mistakes in data and configurations */
  run<T>(job: Job): Promise<T> {
    const result = this.#last.then(() => this.#start<T>(job));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Ends the job in hand; those that wait are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop?.();
  }

  #start<T>(job: Job): Promise<T> {
    if (this.#closed) return Promise.reject(new DataError("the studio is stopping"));
    return new Promise<T>((resolve, reject) => {
      const worker = startWorker(new URL("./job-worker.ts", import.meta.url), { workerData: job });
      const exit = new Promise((ended) => worker.once("exit", ended));
      const end = (): Promise<unknown> => {
        this.#stop = undefined;
        worker.postMessage("end");
        return exit;
      };
      this.#stop = () => {
        reject(new DataError("the studio is stopping"));
        return end();
      };
      worker.once("message", (reply: JobReply) => {
        void end();
        if (reply.ok) resolve(JSON.parse(reply.json) as T);
        else if (reply.own) reject(new DataError(reply.message, { hint: reply.hint }));
        else reject(new Error(reply.message));
      });
      worker.once("error", (error) => {
        this.#stop = undefined;
        reject(error);
      });
    });
  }
}
