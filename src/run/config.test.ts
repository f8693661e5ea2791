import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";

test("the metric monitored by default is one that the labels have", () => {
  const monitored = (kinds: readonly string[], training: object = {}): string =>
    parseConfig({
      data: { train: "log.csv" },
      features: [{ name: "user", kind: "categorical" }],
      labels: kinds.map((kind, k) => ({ name: `label${k}`, kind })),
      training,
    }).training.monitor;
  expect(monitored(["binary"])).toBe("auc");
  expect(monitored(["real"])).toBe("rmse");
  expect(monitored(["real", "binary"])).toBe("auc");
  expect(monitored(["real", "binary"], { monitorLabel: "label0" })).toBe("rmse");
  expect(monitored(["real"], { monitor: "mae" })).toBe("mae");
});
