import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { BulkHistogram } from "./bulk-histogram.ts";

test("what is no number is not counted, so that sums stay numbers", async () => {
  const registry = new Registry();
  const histogram = new BulkHistogram({ name: "score", help: "Scores", buckets: [0.5] }, registry);
  histogram.observe({ model: "m" }, [0.25, Number.NaN, 0.75, Number.POSITIVE_INFINITY]);
  const text = await registry.metrics();
  expect(text).toContain('score_bucket{model="m",le="0.5"} 1\n');
  expect(text).toContain('score_sum{model="m"} 1\n');
  expect(text).toContain('score_count{model="m"} 2\n');
});
