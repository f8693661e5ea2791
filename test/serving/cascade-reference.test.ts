/** The published schema and reference page of cascades are those of the code. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cascadeJsonSchema, cascadePage } from "../../scripts/cascade-reference.ts";
import type { Schema } from "../../scripts/config-reference.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("docs/cascade-config.md is up to date (npm run build:docs)", () => {
  expect(read("docs/cascade-config.md")).toBe(cascadePage());
});

test("schema/cascade.schema.json is up to date (npm run build:docs)", () => {
  expect(JSON.parse(read("schema/cascade.schema.json"))).toEqual(
    JSON.parse(JSON.stringify(cascadeJsonSchema())),
  );
});

test("it has snake_case keys, refuses others, and leaves sources their own", () => {
  const { properties = {}, additionalProperties, required } = cascadeJsonSchema() as Schema;
  const of = (key: string): Schema => properties[key] as Schema;
  expect(additionalProperties).toBe(false);
  expect(required).toEqual(["models", "stages"]);
  expect(Object.keys((of("models").items as Schema).properties ?? {})).toContain("row_timeout_ms");
  expect(Object.keys((of("stages").items as Schema).properties ?? {})).toContain("budget_ms");
  expect(of("candidates").additionalProperties).not.toBe(false);
});
