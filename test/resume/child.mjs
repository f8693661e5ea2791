/**
 * A training run in a process of its own, which the test kills. Arguments: the compiled `run/index.js`, data file, run
 * directory.
 */
const [compiled, data, directory] = process.argv.slice(2);
const { parseConfig, trainRun } = await import(compiled);
const config = parseConfig({
  data: {
    train: data,
    split: { by: "ratio", train: 0.8, valid: 0.2, seed: 1 },
    cacheDir: `${data}.cache`,
    // A tiny budget, so that the split is shuffled in blocks, as large ones are.
    shuffleMemory: 0.01,
  },
  features: [
    { name: "user", kind: "categorical" },
    { name: "item", kind: "categorical" },
    { name: "price", kind: "numeric", transform: "log_standard" },
    { name: "history", kind: "sequence", separator: " ", target: "item", maxLength: 5 },
  ],
  labels: [{ name: "click" }],
  model: { name: "DIN", embeddingDim: 6, hiddenUnits: [16, 8], batchNorm: true, netDropout: 0.3 },
  training: {
    batchSize: 64,
    epochs: 16,
    embeddingUpdate: "lazy",
    learningRate: 0.02,
    // No epoch can improve by this much, so the rate is cut after every one.
    minDelta: 0.9,
    earlyStopPatience: null,
    checkpointEverySteps: 5,
    embeddingRegularizer: 1e-4,
    embeddingRegularizerScope: "batch",
  },
});
let steps = 0;
await trainRun(config, {
  directory,
  resume: true,
  onEvent: (event) => {
    if (event.type === "step" && ++steps === Number(process.env.KILL_AFTER_STEPS))
      process.kill(process.pid, "SIGKILL");
    if (event.type === "rate") console.log(`rate ${event.to}`);
  },
});
