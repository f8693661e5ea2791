/** From a raw CSV to encoded splits and batches: 26 categorical and 13 numeric columns. */
import { join } from "node:path";
import { CounterRandom } from "../core/index.ts";
import { AppendFile } from "../core/node/index.ts";
import { prepareDataset } from "../data/index.ts";
import type { BenchContext, Benchmark, BenchRow } from "./benchmark.ts";

const ROWS = 200_000;
const FIELDS = 26;
const NUMBERS = 13;

export const prepareData: Benchmark = {
  name: "data",
  summary: `encoding a CSV of ${ROWS.toLocaleString("en-US")} rows and 40 columns, then reading it as batches`,
  run,
};

async function run({ directory, onLine }: BenchContext): Promise<BenchRow[]> {
  const path = join(directory, "rows.csv");
  onLine("writing a CSV");
  writeCsv(path);
  onLine("encoding it");
  const begun = performance.now();
  const dataset = await prepareDataset(
    {
      data: { train: path, cache: false },
      features: [
        ...Array.from({ length: FIELDS }, (_, f) => ({ name: `c${f}`, kind: "categorical" as const })),
        ...Array.from({ length: NUMBERS }, (_, f) => ({ name: `n${f}`, kind: "numeric" as const })),
      ],
      labels: [{ name: "y" }],
    },
    { cacheDir: join(directory, "encoded") },
  );
  const encoded = performance.now();
  try {
    let rows = 0;
    for await (const batch of dataset.splits.train.batches({
      batchSize: 4096,
      shuffle: { seed: 1, epoch: 0 },
    })) {
      rows += batch.size;
    }
    const read = performance.now();
    return [
      figure("encode", rows, encoded - begun, "CSV"),
      figure("read shuffled batches", rows, read - encoded, "pass over the rows"),
    ];
  } finally {
    await dataset.close();
  }
}

function figure(name: string, rows: number, milliseconds: number, unit: string): BenchRow {
  return { case: name, rowsPerSecond: (rows / milliseconds) * 1000, milliseconds, unit };
}

function writeCsv(path: string): void {
  const file = new AppendFile(path);
  const random = new CounterRandom(1, "csv");
  const names = [...columnNames("c", FIELDS), ...columnNames("n", NUMBERS), "y"];
  file.append(Buffer.from(`${names.join(",")}\n`));
  for (let start = 0; start < ROWS; start += 10_000) {
    const lines: string[] = [];
    for (let row = start; row < start + 10_000; row++) {
      const cells: (string | number)[] = [];
      for (let k = 0; k < FIELDS; k++) cells.push(Math.floor(20_000 * random.uniform(row * 40 + k) ** 3));
      for (let k = 0; k < NUMBERS; k++) cells.push(random.uniform(row * 40 + FIELDS + k).toFixed(4));
      cells.push(random.uniform(row * 40 + 39) < 0.25 ? 1 : 0);
      lines.push(cells.join(","));
    }
    file.append(Buffer.from(`${lines.join("\n")}\n`));
  }
  file.close();
}

function columnNames(prefix: string, length: number): string[] {
  return Array.from({ length }, (_, k) => `${prefix}${k}`);
}
