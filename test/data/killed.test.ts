import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { prepareDataset } from "../../src/data/index.ts";
import { testFolder, writeText } from "./raw-files.ts";

test("a process killed while it encodes leaves no dataset, and the next one cleans up", async () => {
  const folder = testFolder("killed");
  const cacheDir = join(folder, "cache");
  const lines = Array.from({ length: 5000 }, (_, k) => `item${k % 70},${k % 2}`);
  const csv = writeText(join(folder, "log.csv"), `item,click\n${lines.join("\n")}\n`);
  const program = fileURLToPath(new URL("./encode-and-wait.ts", import.meta.url));
  for (const stage of ["read", "fit", "encode"]) {
    const { signal, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", program, csv, cacheDir, stage],
      {
        encoding: "utf8",
      },
    );
    expect(signal, stderr).toBe("SIGKILL");
    const left = readdirSync(cacheDir);
    expect(left.length).toBeGreaterThan(0);
    expect(left.every((name) => name.startsWith(".work-"))).toBe(true);
  }
  const dataset = await prepareDataset(
    {
      data: { train: csv, split: { by: "ratio", train: 0.8, valid: 0.2 } },
      features: [{ name: "item", kind: "categorical" }],
      labels: [{ name: "click" }],
    },
    { cacheDir },
  );
  expect(dataset.cached).toBe(false);
  expect(dataset.counts).toEqual({ train: 4000, valid: 1000 });
  await dataset.close();
  expect(readdirSync(cacheDir)).toHaveLength(1);
});
