/** Times with an offset are the instants that they name, in whatever text they come. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readAll, testFolder, writeParquet, writeText } from "../../test/data/raw-files.ts";
import type { DataConfigInput } from "./config.ts";
import { prepareDataset } from "./dataset.ts";
import { inspect } from "./inspect.ts";

const times = ["2024-01-01T00:30:00+01:00", "2023-12-31T23:40:00Z", "2023-12-31 23:50:00"];

async function write(folder: string, format: string): Promise<string> {
  const file = join(folder, `log.${format}`);
  if (format === "parquet") {
    return writeParquet(
      file,
      { t: "VARCHAR", y: "BIGINT" },
      times.map((t, y) => ({ t, y: BigInt(y) })),
    );
  }
  const lines = times.map((t, y) => (format === "csv" ? `${t},${y}` : JSON.stringify({ t, y })));
  return writeText(file, [...(format === "csv" ? ["t,y"] : []), ...lines].join("\n"));
}

test.each(["csv", "jsonl"])("%s, inspected", async (format) => {
  const folder = testFolder("offset");
  const text = JSON.stringify(await inspect({ files: [await write(folder, format)] }));
  // The least of them is the first, an hour earlier than it looks.
  expect(text).toContain("2023-12-31T23:30:00");
  expect(text).not.toContain("2024-01-01");
});

test.each(["csv", "jsonl", "parquet"])("%s, split and kept in order", async (format) => {
  const folder = testFolder("offset");
  const config: DataConfigInput = {
    data: {
      train: await write(folder, format),
      split: { by: "time", testFrom: "2023-12-31T23:45:00Z" },
    },
    features: [{ name: "t", kind: "numeric", transform: "raw" }],
    labels: [{ name: "y", kind: "real" }],
    timestamp: "t",
  };
  const dataset = await prepareDataset(config, { cacheDir: join(folder, "cache") });
  expect(dataset.counts).toEqual({ train: 2, test: 1 });
  const seconds = Date.parse("2023-12-31T23:30:00Z") / 1000;
  expect((await readAll(dataset.splits.train)).t).toEqual([seconds, seconds + 600].map(Math.fround));
  await dataset.close();
});
