/** Our side of the data benchmark, in a process of its own: encode a CSV, read it back as batches. */
import { prepareDataset } from "../../src/data/index.ts";
import { CATEGORIES, NUMBERS } from "./generate.ts";

const [csv, cacheDir] = process.argv.slice(2);
const usage = process.cpuUsage();
const start = performance.now();
const dataset = await prepareDataset(
  {
    data: { train: csv, cache: false },
    features: [
      ...NUMBERS.map((name) => ({ name, kind: "numeric" as const, transform: "standard" as const })),
      ...CATEGORIES.map((name) => ({ name, kind: "categorical" as const })),
    ],
    labels: [{ name: "label" }],
  },
  { cacheDir },
);
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(usage);
const encodePeak = process.resourceUsage().maxRSS * 1024;

/** The second pass over the batches: the first one also starts the thread and reads the parts. */
let batchSeconds = 0;
for (const epoch of [0, 1]) {
  const passStart = performance.now();
  let rows = 0;
  const batches = dataset.splits.train.batches({ batchSize: 4096, shuffle: { seed: 1, epoch } });
  for await (const batch of batches) rows += batch.size;
  if (rows !== dataset.counts.train) throw new Error(`batches hold ${rows} rows`);
  batchSeconds = (performance.now() - passStart) / 1000;
}
const rows = dataset.counts.train ?? 0;
const distinct = Object.values(dataset.encodingReport.encoders).reduce(
  (sum, e) => sum + (e.distinct ?? 0),
  0,
);
await dataset.close();
console.log(
  JSON.stringify({
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: encodePeak,
    peakBytesWithBatches: process.resourceUsage().maxRSS * 1024,
    rows,
    distinct,
    batchRowsPerSecond: rows / batchSeconds,
  }),
);
