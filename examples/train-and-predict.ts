import { createEngine, createRowEncoder, openRun, parseConfig, trainRun } from "millrace";

const config = parseConfig({
  data: { train: "examples/clicks.csv", split: { by: "ratio", train: 0.8, valid: 0.1, test: 0.1 } },
  features: [
    { name: "user", kind: "categorical" },
    { name: "page", kind: "categorical" },
    { name: "item", kind: "categorical" },
    { name: "price", kind: "numeric", transform: "log_standard" },
    { name: "history", kind: "sequence", separator: "|", target: "item" },
  ],
  labels: [{ name: "click" }],
  model: { name: "DIN", hiddenUnits: [64, 32] },
  training: { batchSize: 128 },
});
const { test } = await trainRun(config, { directory: "runs/example" });
console.log(`test AUC ${test?.metrics.click.auc.value}`);

const run = openRun("runs/example"); // encoders, ONNX model and tables, as training wrote them
const predictor = await run.load(await createEngine());
const rows = [{ user: "u047", page: "search", item: "i096", price: 5.47, history: "i068|i015" }];
const { click } = await predictor.predict(createRowEncoder(run.map).encode(rows));
console.log(`probability of a click ${click[0]}`);
