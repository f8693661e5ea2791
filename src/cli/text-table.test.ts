import { expect, test } from "vitest";
import { bytes, count, duration, textTable } from "./text-table.ts";

test("figures to the right, text to the left, nothing trailing", () => {
  const table = textTable([
    ["", "AUC", "note"],
    ["LR", "0.7", "first"],
    ["DCNv2", "–", ""],
    ["a model", "10.25", "x"],
  ]);
  expect(table.split("\n")).toEqual([
    "           AUC  note",
    "LR         0.7  first",
    "DCNv2        –",
    "a model  10.25  x",
  ]);
});

test("numbers for people", () => {
  expect(count(1234567.2)).toBe("1,234,567");
  expect([0, 512, 6.1 * 2 ** 20].map(bytes)).toEqual(["0 B", "512 B", "6.1 MiB"]);
  expect([0.84, 42.4, 200].map(duration)).toEqual(["0.8 s", "42 s", "3 min 20 s"]);
});
