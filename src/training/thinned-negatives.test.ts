import { expect, test } from "vitest";
import { everyKind } from "../../test/models/every-kind.ts";
import { measure } from "./evaluate.ts";
import { WindowPredictions } from "./streaming/window-metrics.ts";
import { negativeWeight, restoreNegatives } from "./thinned-negatives.ts";

const [click] = everyKind.labels;
const labels = [{ ...click, negativeRate: 0.25 }];
// Of two positives in ten rows, with two of the eight negatives left: predictions speak of the ten.
const columns = { click: Float32Array.of(1, 0, 1, 0) };
const predictions = new Float32Array(4).fill(0.2);

test("thinned negatives count as often as they stand for others, beside the rows' own weights", () => {
  const split = {
    rows: 4,
    byLabel: { click: { predictions, labels: columns.click, truth: undefined } },
    groups: undefined,
    domains: undefined,
    weights: Float32Array.of(1, 1, 1, 2),
  };
  expect(negativeWeight(labels)).toBe(4);
  expect(restoreNegatives(split, labels).weights).toEqual(Float32Array.of(1, 4, 1, 8));
  const whole = restoreNegatives({ ...split, weights: undefined }, labels);
  const { metrics } = measure(whole, ["calibration_ratio", "ne"]);
  expect(metrics.click.calibration_ratio.value).toBeCloseTo(1, 6);
  expect(metrics.click.ne.value).toBeCloseTo(1, 6);
  expect(negativeWeight([click])).toBeUndefined();
  expect(restoreNegatives(split, [click])).toBe(split);
});

test("windows of a stream are rows of the training split", async () => {
  const window = new WindowPredictions({ ...everyKind, labels }, [{ name: "click", shape: [] }] as never);
  await window.add({ predict: async () => ({ click: predictions }) }, { size: 4, columns } as never);
  const { metrics } = measure(window.split(), ["calibration_ratio"]);
  expect(metrics.click.calibration_ratio.value).toBeCloseTo(1, 6);
});
