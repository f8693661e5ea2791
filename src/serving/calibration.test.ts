import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { DataError } from "../core/index.ts";
import { calibrate, fitIsotonic, fitPlatt, readCalibrators } from "./calibration.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Predictions whose logits are off by a known slope and intercept. */
function draw(
  rows: number,
  slope: number,
  intercept: number,
): { predictions: Float32Array; labels: Float32Array } {
  const random = new CounterRandom(3);
  const predictions = new Float32Array(rows);
  const labels = new Float32Array(rows);
  for (let k = 0; k < rows; k++) {
    const x = random.normal(2 * k);
    predictions[k] = sigmoid(x);
    labels[k] = Number(random.uniform(2 * k + 200_001) < sigmoid(slope * x + intercept));
  }
  return { predictions, labels };
}

test("Platt finds the slope and intercept that labels were drawn with", () => {
  const { predictions, labels } = draw(50_000, 0.6, -1.2);
  const fitted = fitPlatt(predictions, labels);
  expect(fitted).toMatchObject({
    kind: "platt",
    slope: expect.closeTo(0.6, 1),
    intercept: expect.closeTo(-1.2, 1),
  });
  const values = Float32Array.of(0.5, 0);
  calibrate(fitted, values);
  expect(values[0]).toBeCloseTo(sigmoid(-1.2), 1);
  expect(values[1]).toBeGreaterThan(0);
});

test("isotonic regression pools violators, and is the mean where nothing can be told apart", () => {
  // By hand: 0.3 and 0.4 violate the order and are pooled, then 0.2 joins nothing.
  expect(fitIsotonic([0.4, 0.1, 0.3, 0.9], [0, 0, 1, 1])).toEqual({
    kind: "isotonic",
    from: [0.1, expect.closeTo(0.35), 0.9],
    to: [0, 0.5, 1],
  });
  expect(fitIsotonic([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 0])).toEqual({
    kind: "isotonic",
    from: [0.5],
    to: [0.25],
  });
});

test("isotonic values are monotone, keep the mean, and come nearer to the truth", () => {
  const { predictions, labels } = draw(20_000, 0.5, 1);
  const fitted = fitIsotonic(predictions, labels);
  const values = Float32Array.from(predictions);
  calibrate(fitted, values);
  const order = [...predictions.keys()].sort((a, b) => predictions[a] - predictions[b]);
  for (let k = 1; k < order.length; k++) {
    expect(values[order[k]]).toBeGreaterThanOrEqual(values[order[k - 1]]);
  }
  const error = (of: Float32Array): number =>
    of.reduce((sum, value, k) => {
      const logit = Math.log(predictions[k] / (1 - predictions[k]));
      return sum + Math.abs(value - sigmoid(0.5 * logit + 1));
    }, 0) / of.length;
  expect(error(values)).toBeLessThan(error(predictions) / 5);
  const outside = Float32Array.of(0, 1);
  calibrate(fitted, outside);
  expect([...outside].every((value) => value >= 0 && value <= 1)).toBe(true);
});

test("labels of one class, or of another count, cannot be fitted", () => {
  expect(() => fitPlatt([0.1, 0.2], [1, 1])).toThrow(DataError);
  expect(() => fitIsotonic([0.1, 0.2], [1])).toThrow("2 predictions and 1 labels");
});

const folder = mkdtempSync(join(tmpdir(), "millrace-calibration-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(calibrators: unknown): string {
  const path = join(folder, "calibrators.json");
  writeFileSync(path, JSON.stringify(calibrators));
  return path;
}

test("a file gives back what was fitted", () => {
  const { predictions, labels } = draw(500, 0.6, -1.2);
  const fitted = { click: fitPlatt(predictions, labels), like: fitIsotonic(predictions, labels) };
  expect(readCalibrators(written(fitted))).toEqual(fitted);
});

test.each([
  [null, "the file: expected an object"],
  [{ click: { kind: "spline" } }, "click.kind: "],
  [{ click: { kind: "platt", slope: 1 } }, "click.intercept: expected a number"],
  [{ click: { kind: "isotonic", from: [], to: [] } }, "click.from: expected"],
  [{ click: { kind: "isotonic", from: [0.1, 0.2], to: [1] } }, "click: expected as many values in `to`"],
  [{ click: { kind: "isotonic", from: [0.2, 0.1], to: [0, 1] } }, "click: expected `from` to ascend"],
])("a file of %j is refused", (calibrators, message) => {
  expect(() => readCalibrators(written(calibrators))).toThrow(message);
});
