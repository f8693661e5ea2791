/** The published schema and reference page are those of the code. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configJsonSchema, configPage, type Schema } from "../../scripts/config-reference.ts";
import { models } from "../../src/models/index.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("docs/config.md is up to date (npm run build:docs)", () => {
  expect(read("docs/config.md")).toBe(configPage());
});

test("schema/config.schema.json is up to date (npm run build:docs)", () => {
  expect(JSON.parse(read("schema/config.schema.json"))).toEqual(
    JSON.parse(JSON.stringify(configJsonSchema())),
  );
});

test("the schema knows every model with its options in snake_case, and refuses other keys", () => {
  const properties = configJsonSchema().properties as { [key: string]: Schema };
  const alternatives = properties.model.anyOf as Schema[];
  const names = alternatives.map(({ properties: own = {} }) => (own.name as Schema).const);
  expect(names).toEqual(models.map(({ name }) => name));
  const dcn = alternatives[names.indexOf("DCNv2")];
  expect(Object.keys(dcn.properties ?? {})).toContain("cross_layers");
  expect(dcn.additionalProperties).toBe(false);
  expect(dcn.required).toEqual(["name"]);
});
