import { expect, test } from "vitest";
import { z } from "zod";
import { ConfigError } from "./errors.ts";
import { parseOptions } from "./parse-options.ts";

const schema = z.strictObject({ width: z.number().default(3), depth: z.number().min(1).default(2) });

test("fills in defaults", () => {
  expect(parseOptions(schema, { depth: 5 }, "call")).toEqual({ width: 3, depth: 5 });
});

test("an unknown option is refused with the nearest name", () => {
  const attempt = () => parseOptions(schema, { widht: 4 }, "FM");
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow("FM: unknown option widht");
  expect(attempt).toThrow(expect.objectContaining({ hint: "did you mean width?" }));
});

test("a bad value is named with what is wrong", () => {
  expect(() => parseOptions(schema, { depth: 0 }, "FM")).toThrow(
    "FM: depth: expected a number of at least 1; it is 0",
  );
});
