import { expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatMetric,
  formatSeconds,
  formatShare,
  formatSignificant,
} from "./format.ts";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");

test("numbers as a reader wants them", () => {
  expect(formatCount(1234567)).toBe("1,234,567");
  expect([0.75, 1, -0.00012, 12345.678].map(formatMetric)).toEqual(["0.7500", "1.0000", "-0.0001", "12346"]);
  expect([0, 0.5, 0.1 + 0.2, 1e-4, 1.5e-5, 2e6, 1234.5].map((value) => formatSignificant(value))).toEqual([
    "0",
    "0.5",
    "0.3",
    "0.0001",
    "1.5e-5",
    "2e6",
    "1230",
  ]);
  expect([0, 999, 1000, 1_284_000, 64e9].map(formatBytes).map(plain)).toEqual([
    "0 B",
    "999 B",
    "1 kB",
    "1.28 MB",
    "64 GB",
  ]);
  expect([0, 0.00001, 0.0213, 0.5, 1].map(formatShare).map(plain)).toEqual([
    "0 %",
    "<0.01 %",
    "2.1 %",
    "50.0 %",
    "100.0 %",
  ]);
  expect([0.25, 59.4, 59.9, 185].map(formatSeconds).map(plain)).toEqual([
    "0.25 s",
    "59.4 s",
    "1 min 0 s",
    "3 min 5 s",
  ]);
});
