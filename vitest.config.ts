import { defineConfig } from "vitest/config";
import LongFilesFirst from "./test/long-files-first.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // Two files run at a time, and threads wait by spinning.
    env: { MILLRACE_THREADS: process.env.MILLRACE_THREADS ?? "1" },
    sequence: { sequencer: LongFilesFirst },
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
