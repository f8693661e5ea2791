import { expect, test } from "vitest";
import { progressText } from "./progress.ts";

test("a bar on a terminal, a plain line elsewhere", () => {
  const state = { label: "epoch 1/3", done: 0.5, note: "loss 0.2812" };
  expect(progressText(state, 10, true)).toBe(
    "epoch 1/3  [============            ]   50 %  loss 0.2812  ETA 0:10",
  );
  expect(progressText(state, 10, false)).toBe("epoch 1/3   50 %  loss 0.2812  ETA 0:10");
});

test("nothing done or all done has no time left to tell", () => {
  expect(progressText({ label: "reading", done: 0 }, 3, false)).toBe("reading    0 %");
  expect(progressText({ label: "reading", done: 1.2 }, 3, false)).toBe("reading  100 %");
});
