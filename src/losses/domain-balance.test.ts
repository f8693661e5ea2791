import { expect, test } from "vitest";
import { judge, runGraph } from "../../test/graph/run.ts";
import { hostTensor } from "../onnx/index.ts";
import { input } from "../tensor/index.ts";
import { binaryCrossEntropy, domainBalancedWeights } from "./index.ts";

const domains = input("domains", ["batch"], "int32");
const logits = input("logits", ["batch"]);
const labels = input("labels", ["batch"]);
const given = input("given", ["batch"]);

async function run(ids: number[], weights: number[]) {
  const size = ids.length;
  const values = new Map([
    [domains, hostTensor("int32", [size], Int32Array.from(ids))],
    [
      logits,
      hostTensor(
        "float32",
        [size],
        ids.map((_, i) => i / 2 - 1),
      ),
    ],
    [
      labels,
      hostTensor(
        "float32",
        [size],
        ids.map((_, i) => i % 2),
      ),
    ],
    [given, hostTensor("float32", [size], weights)],
  ]);
  const balanced = domainBalancedWeights(domains, 6);
  const outputs = {
    balanced,
    weighted: domainBalancedWeights(domains, 6, given),
    loss: binaryCrossEntropy(logits, labels, balanced),
  };
  const results = await runGraph(judge, outputs, values);
  return (name: keyof typeof outputs) => Array.from(results[name].data as Float64Array);
}

test("each domain of the batch weighs 1 in all, in proportion to given weights", async () => {
  const result = await run([3, 3, 5, 3, 5], [1, 2, 0, 1, 4]);
  expect(result("balanced")).toEqual([1 / 3, 1 / 3, 1 / 2, 1 / 3, 1 / 2]);
  expect(result("weighted")).toEqual([0.25, 0.5, 0, 0.25, 1]);
});

test("the loss is the mean over domains of each one's mean; a domain without rows changes nothing", async () => {
  const result = await run([3, 3, 5, 3, 5], [1, 1, 1, 1, 1]);
  const each = [-1, -0.5, 0, 0.5, 1].map((z, i) => Math.log1p(Math.exp(z)) - (i % 2) * z);
  const mean = (rows: number[]) => rows.reduce((sum, row) => sum + each[row], 0) / rows.length;
  expect(result("loss")[0]).toBeCloseTo((mean([0, 1, 3]) + mean([2, 4])) / 2, 12);
});
