/** Names of the files of a run directory; what they are stands in `run-directory.ts`. */
export const runFiles = {
  config: "config.json",
  featureMap: "feature-map.json",
  model: "model.onnx",
  bundle: "bundle.json",
  metrics: "metrics.json",
  encoding: "encoding.json",
  report: "report.html",
  reportData: "report.json",
  status: "status.json",
  stopRequest: "stop-after-epoch",
  lock: "lock",
  checkpoint: "checkpoint",
  tables: "tables",
} as const;
