import { describe, expect, test } from "vitest";
import { oracleFigures } from "./oracle.ts";

const all = (length: number) => Int32Array.from({ length }, (_, i) => i);

describe("oracleFigures", () => {
  test("a small case by hand, with a tie", () => {
    const probabilities = Float32Array.of(0.5, 0.25, 0.5, 0.75);
    const labels = Uint8Array.of(1, 0, 0, 1);
    // Pairs: (0.5, 0.25) won, (0.5, 0.5) tied, (0.75, both) won.
    expect(oracleFigures(probabilities, labels, all(4))).toEqual({
      rows: 4,
      clickRate: 0.5,
      calibrationRatio: 1,
      auc: 3.5 / 4,
      logLoss: expect.closeTo(-(Math.log(0.5) + Math.log(0.75) + Math.log(0.5) + Math.log(0.75)) / 4, 12),
    });
  });

  test("looks at the rows asked for only", () => {
    const figures = oracleFigures(
      Float32Array.of(0.9, 0.1, 0.2),
      Uint8Array.of(0, 0, 1),
      Int32Array.of(1, 2),
    );
    expect(figures.auc).toBe(1);
    expect(figures.rows).toBe(2);
  });

  test("has no AUC where one class is missing", () => {
    const figures = oracleFigures(Float32Array.of(0.3, 0.2), Uint8Array.of(0, 0), all(2));
    expect(figures.auc).toBeNull();
    expect(figures.calibrationRatio).toBeNull();
  });
});
