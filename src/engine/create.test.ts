import { expect, test } from "vitest";
import { createEngine, type EngineName } from "./create.ts";

test("an engine that there is none of is refused by name", async () => {
  await expect(createEngine("gpu" as EngineName)).rejects.toThrow("there is no engine gpu");
});
