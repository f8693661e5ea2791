/** Encodes a dataset in a process that a test kills: `encode-and-wait.ts CSV CACHE STAGE`. */
import { prepareDataset } from "../../src/data/index.ts";

const [csv, cacheDir, stage] = process.argv.slice(2);
await prepareDataset(
  {
    data: { train: csv, split: { by: "ratio", train: 0.8, valid: 0.2 } },
    features: [{ name: "item", kind: "categorical" }],
    labels: [{ name: "click" }],
  },
  {
    cacheDir,
    onProgress: (progress) => {
      // No clean-up, no flushing: as if the power went.
      if (progress.stage === stage && progress.done > 0) process.kill(process.pid, "SIGKILL");
    },
  },
);
