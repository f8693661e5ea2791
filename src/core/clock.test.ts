import { expect, test } from "vitest";
import { clock } from "./clock.ts";

test("clock", () => {
  expect([7.4, 750, 3723].map(clock)).toEqual(["0:07", "12:30", "1:02:03"]);
});
