import { expect, test } from "vitest";
import type { Label } from "../schema/index.ts";
import { checkMonitor, monitoredValue } from "./monitor.ts";

const label = (name: string, kind: Label["kind"]): Label => ({
  name,
  column: name,
  threshold: undefined,
  positive: undefined,
  kind,
});
const map = { labels: [label("click", "binary"), label("spent", "real"), label("like", "binary")] };
const metrics = {
  click: { auc: { value: 0.8 } },
  spent: { rmse: { value: 3 } },
  like: { auc: { value: 0.6 } },
};

test("the monitored value is one label's, or the mean over all that have the metric", () => {
  expect(monitoredValue(metrics, map, { monitor: "AUC", monitorLabel: undefined })?.value).toBeCloseTo(0.7);
  expect(monitoredValue(metrics, map, { monitor: "auc", monitorLabel: "like" })).toEqual({ value: 0.6 });
  expect(monitoredValue(metrics, map, { monitor: "rmse", monitorLabel: "spent" })).toEqual({ value: 3 });
  // A model of the first label alone is judged by it.
  const { click } = metrics;
  expect(monitoredValue({ click }, map, { monitor: "auc", monitorLabel: undefined })).toEqual({ value: 0.8 });
});

test("undefined metrics stay undefined, unmeasured ones say so", () => {
  const missing = { ...metrics, like: { auc: { value: null, reason: "one class" } } };
  expect(monitoredValue(missing, map, { monitor: "auc", monitorLabel: undefined })).toEqual({
    value: null,
    reason: "one class",
  });
  expect(monitoredValue(metrics, map, { monitor: "ne", monitorLabel: "click" })).toBeUndefined();
});

test("a monitor nobody has is refused before training", () => {
  expect(() => checkMonitor(map, { monitor: "auc", monitorLabel: "spent" })).toThrow(
    "monitor: auc is not a metric of spent, which is a real number",
  );
  expect(() => checkMonitor(map, { monitor: "auc", monitorLabel: "lik" })).toThrow("no label lik");
});
