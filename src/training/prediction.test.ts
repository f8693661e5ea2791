import { expect, test } from "vitest";
import { runGraph } from "../../test/graph/run.ts";
import { twoTaskSchema } from "../../test/models/two-tasks.ts";
import { createEngine } from "../engine/index.ts";
import type { Batch } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { input } from "../tensor/index.ts";
import { predictionOf } from "./index.ts";

test("predictions of saturated logits are probabilities, natively too", async () => {
  // ONNX Runtime 1.2x rounds the sigmoid of 17.844 and its like to 1.0000001 where it works on vectors.
  const size = 200_000;
  const logits = Float32Array.from({ length: size }, (_, k) => 17 + (2 * k) / size);
  const logit = input("logit", ["batch"]);
  const label = twoTaskSchema.labels[0].name;
  const p = predictionOf(twoTaskSchema, label, logit, undefined as unknown as Batch);
  const values = new Map([[logit, hostTensor("float32", [size], [...logits])]]);
  const results = await runGraph(await createEngine("native"), { p }, values);
  const most = (results.p.data as Float32Array).reduce((a, b) => Math.max(a, b));
  expect(most).toBe(1);
});
