#!/usr/bin/env node
/** The `millrace` program: signals, and the exit code of one call. */
import { runCli } from "./run-cli.ts";
import type { Shell } from "./shell.ts";

let shell: Shell | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (shell?.interrupt() === "winds down") return;
    shell?.progress.end();
    if (shell?.hasNativeThreads !== true) process.exit(130);
    // Without a listener the system ends the process, as it is.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
// A reader such as `head` that has seen enough closes the pipe: no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exit(await runCli(process.argv.slice(2), (started) => (shell = started)));
