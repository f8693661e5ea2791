import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { hardRecall, kendallTau, softRecall, valueDivergence } from "./index.ts";

const values = fc.array(fc.double({ min: -5, max: 20, noNaN: true }), { minLength: 6, maxLength: 40 });
const pair = fc.tuple(values, values).map(([a, b]) => ({
  early: a.slice(0, Math.min(a.length, b.length)),
  final: b.slice(0, Math.min(a.length, b.length)),
}));

describe("by hand", () => {
  const request = { early: [5, 4, 3, 2, 1], final: [1, 8, 0, 9, 2] };

  test("soft recall: what the early top two are worth, over the best two", () => {
    expect(softRecall(request, 2)).toBeCloseTo((1 + 8) / (9 + 8), 12);
  });

  test("hard recall: one of the best two is among the early three", () => {
    expect(hardRecall(request, 2, 3)).toBe(0.5);
    expect(hardRecall(request, 2, 4)).toBe(1);
  });

  test("divergence and tau", () => {
    expect(valueDivergence([request])).toBeCloseTo((4 + 4 + 3 + 7 + 1) / 20, 12);
    // Pairs in early order of final values 1 8 0 9 2: falling ones agree.
    expect(kendallTau(request)).toBeCloseTo((4 - 6) / 10, 12);
    expect(kendallTau({ early: [1, 1, 2], final: [1, 2, 3] })).toBeCloseTo(2 / Math.sqrt(2 * 3), 12);
  });

  test("values below 0 are worth nothing, and a request without any worth has no soft recall", () => {
    expect(softRecall({ early: [2, 1], final: [-3, 4] }, 1)).toBe(0);
    expect(softRecall({ early: [2, 1], final: [-3, -4] }, 1)).toBeNull();
    expect([
      hardRecall({ early: [], final: [] }, 3, 5),
      valueDivergence([]),
      kendallTau({ early: [1], final: [1] }),
    ]).toEqual([null, null, null]);
  });
});

describe("identities", () => {
  test("the final stage as early stage has recall 1, tau 1 and no divergence", () => {
    fc.assert(
      fc.property(values, (final) => {
        const request = { early: final, final };
        expect(softRecall(request, 5) ?? 1).toBe(1);
        expect(hardRecall(request, 5, 5)).toBe(1);
        expect(kendallTau(request) ?? 1).toBeCloseTo(1, 12);
        expect(valueDivergence([request]) ?? 0).toBe(0);
      }),
    );
  });

  test("soft recall is at most 1; everything kept is hard recall 1", () => {
    fc.assert(
      fc.property(pair, (request) => {
        expect(softRecall(request, 4) ?? 0).toBeLessThanOrEqual(1 + 1e-12);
        expect(hardRecall(request, 4, request.final.length)).toBe(1);
      }),
    );
  });

  test("a monotone transform of the early value changes no recall", () => {
    const ranks = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(ranks, ranks, (early, final) => {
        const moved = early.map((value) => 2 ** (value / 4) - 7);
        for (const k of [1, 3]) {
          expect(softRecall({ early: moved, final }, k)).toBe(softRecall({ early, final }, k));
          expect(hardRecall({ early: moved, final }, k, 5)).toBe(hardRecall({ early, final }, k, 5));
        }
      }),
    );
  });

  test("random early values have hard recall about N over the candidates", () => {
    const random = new CounterRandom(3, "requests");
    const [requests, candidates, n] = [400, 100, 20];
    let sum = 0;
    for (let r = 0; r < requests; r++) {
      const draw = (side: number): number[] =>
        Array.from({ length: candidates }, (_, i) => random.uniform((r * 2 + side) * candidates + i));
      sum += hardRecall({ early: draw(0), final: draw(1) }, 5, n) ?? 0;
    }
    // 2000 draws of p = 0.2: a standard error below 0.009.
    expect(Math.abs(sum / requests - n / candidates)).toBeLessThan(0.035);
  });
});
