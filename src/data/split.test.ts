import { expect, test } from "vitest";
import { ratioCuts } from "./split.ts";

test.each([0, 1e-5, 1e-4, 1 / 7, 0.3, 2 / 3, 0.99999])(
  "cuts of shares that sum to 1, turned by %d, give away every row once",
  (rotate) => {
    for (const rows of [10, 401, 100_000, 45_840_617]) {
      for (const [train, valid, test] of [
        [0.8, 0.1, 0.1],
        [5 / 7, 1 / 7, 1 / 7],
        [0.5, 0.25, 0.25 + 1e-9],
      ]) {
        const { counts } = ratioCuts(rows, { by: "ratio", train, valid, test, rotate, seed: 1 });
        expect(counts[2]).toBe(rows);
        expect(counts.map((count, k) => count >= (counts[k - 1] ?? 0))).not.toContain(false);
      }
    }
  },
);
