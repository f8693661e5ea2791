import { expect, test, vi } from "vitest";
import { createEngine, type EngineName } from "./create.ts";

test("an engine that there is none of is refused by name", async () => {
  await expect(createEngine("gpu" as EngineName)).rejects.toThrow("there is no engine gpu");
});

test("the number of threads in the environment must be one", async () => {
  vi.stubEnv("MILLRACE_THREADS", "two");
  await expect(createEngine("native")).rejects.toThrow('MILLRACE_THREADS is "two"');
  vi.stubEnv("MILLRACE_THREADS", "1");
  await expect(createEngine("native")).resolves.toMatchObject({ name: "native" });
  vi.unstubAllEnvs();
});
