/** The worker thread of one long job: reading data, measuring a run. What it does, library functions do. */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { assert, MillraceError } from "../core/index.ts";
import { configFromInspection, inspect, validate } from "../data/index.ts";
import { createEngine } from "../engine/index.ts";
import { writeRunReport } from "../report/index.ts";
import { holdsRetrievalRun, prepareRetrieval } from "../retrieval/index.ts";
import { dataConfigOf, datasetOfRun, openRun, readConfig, runFiles } from "../run/index.ts";
import type { Job, JobReply } from "./jobs.ts";

assert(parentPort !== null, "jobs run in a worker thread");

async function run(job: Job): Promise<unknown> {
  switch (job.type) {
    case "inspect":
      return inspect({ files: [job.file] }, job.label === undefined ? {} : { label: job.label });
    case "validate":
      return validate(dataConfigOf(readConfig(job.config)));
    case "validate-file":
      return validate(
        configFromInspection(
          await inspect({ files: [job.file] }, job.label === undefined ? {} : { label: job.label }),
        ),
      );
    case "measure": {
      const engine = await createEngine("auto", { onNotice: () => {} });
      if (holdsRetrievalRun(job.directory)) {
        const { warnings } = await writeRunReport([job.directory], join(job.directory, runFiles.report), {
          engine,
          dataPath: join(job.directory, runFiles.reportData),
          retrievalDataOf: async ({ config }) => (job.withData ? prepareRetrieval(config) : undefined),
        });
        return { warnings };
      }
      const dataset = job.withData ? await datasetOfRun(openRun(job.directory)) : undefined;
      try {
        const { warnings } = await writeRunReport([job.directory], join(job.directory, runFiles.report), {
          engine,
          dataPath: join(job.directory, runFiles.reportData),
          splitsOf: async () => dataset?.splits,
        });
        return { warnings };
      } finally {
        await dataset?.close();
      }
    }
  }
}

function replyOf(error: unknown): JobReply {
  const { message } = error as { readonly message?: string };
  const known = error instanceof MillraceError;
  return {
    ok: false,
    message: message ?? String(error),
    ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
    // A file that went away is not the program's fault either.
    own: known || (error as NodeJS.ErrnoException).code === "ENOENT",
  };
}

// From outside, a thread could be ended in the middle of native code, which takes the process with it.
parentPort.on("message", () => process.exit());

let reply: JobReply;
try {
  // As JSON, as the page will get it: bigints of 64-bit columns become numbers.
  const result = await run(workerData as Job);
  reply = {
    ok: true,
    json: JSON.stringify(result, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
  };
} catch (error) {
  reply = replyOf(error);
}
parentPort.postMessage(reply);
