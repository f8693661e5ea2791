/** What a later call keeps of a result that is recorded part by part, and what it adds. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readResult, resultRow } from "../run/index.ts";
import { type PartsPlan, recordParts } from "./record-parts.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-parts-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const recipe: Recipe = {
  name: "letters",
  system: "foundation",
  summary: "",
  claim: "",
  defaultSeeds: [1],
  inParts: true,
  run: () => Promise.resolve(undefined),
};
const row = (variant: string, value: number) =>
  resultRow({
    ...{ data: "world", setting: {}, role: "method", task: null, domain: null, metric: "auc", trials: 1 },
    ...{ variant, values: [value], parameters: 1, trainSeconds: 1 },
  });

/** Runs the recipe on parts of these names; `b` has two rows, each row the value given. */
async function record(
  names: readonly string[],
  { value = 0.5, ...more }: Partial<RecipeContext> & { readonly value?: number } = {},
) {
  const measured: string[] = [];
  const seen: string[][] = [];
  const plan: PartsPlan<string> = {
    parts: () => names,
    nameOf: (name) => name,
    measure: (name, before) => {
      measured.push(name);
      seen.push(before.map(({ variant }) => variant));
      if (name === "broken") throw new Error("stopped here");
      const rows = name === "b" ? [row("b", value), row("b2", value)] : [row(name, value)];
      const variants = [{ name: `${name}/lr`, config: { data: "", value } }];
      return Promise.resolve({ rows, comparisons: [], variants, remark: `Of ${name}.` });
    },
    note: (variants, remarks) => [...remarks, ...variants].join(" "),
  };
  const context: RecipeContext = {
    ...{ seeds: [1], quick: false, workDirectory: directory, dataDirectory: directory },
    ...{ resultsDirectory: directory, onLine: () => undefined },
    ...more,
  };
  const failure: unknown = await recordParts(recipe, plan, context).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { measured, seen, failure };
}

const path = () => join(directory, "letters.json");
const variants = () => readResult(path()).rows.map(({ variant, mean }) => `${variant} ${mean}`);

test("an interrupted recipe has recorded its parts and says what is to come", async () => {
  const { failure } = await record(["a", "b", "broken", "c"]);
  expect(failure).toEqual(new Error("stopped here"));
  const { parts, note } = readResult(path());
  expect(variants()).toEqual(["a 0.5", "b 0.5", "b2 0.5"]);
  expect(parts?.map(({ name, rows }) => [name, rows])).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  expect(note).toBe("Of a. Of b. a/lr b/lr Not measured yet: broken, c.");
});

test("missing parts are added in their places; the others keep their figures and provenance", async () => {
  await record(["b"]);
  const [before] = readResult(path()).parts ?? [];
  const { measured, seen } = await record(["a", "b", "c"], { missing: true, value: 0.7 });
  expect(measured).toEqual(["a", "c"]);
  expect(seen).toEqual([[], ["a", "b", "b2"]]);
  expect(variants()).toEqual(["a 0.7", "b 0.5", "b2 0.5", "c 0.7"]);
  const { parts = [], note } = readResult(path());
  expect(parts[1]).toEqual(before);
  expect(parts[1].configHash).not.toBe(parts[0].configHash);
  expect(note).toBe("Of a. Of b. Of c. a/lr b/lr c/lr");
});

test("without `missing` every part is measured again", async () => {
  await record(["a", "b"]);
  const { measured } = await record(["a"], { value: 0.7 });
  expect(measured).toEqual(["a"]);
  expect(variants()).toEqual(["a 0.7"]);
});

test("some parts alone are recorded only where they are added", async () => {
  await record(["a", "b"]);
  await record(["c"], { only: ["c"] });
  expect(variants()).toEqual(["a 0.5", "b 0.5", "b2 0.5"]);
  await record(["c"], { only: ["c"], missing: true });
  expect(variants()).toEqual(["a 0.5", "b 0.5", "b2 0.5", "c 0.5"]);
});

test("a result that does not tell its parts apart is not added to, and stays", async () => {
  await record(["a", "b"]);
  const { parts, ...whole } = JSON.parse(readFileSync(path(), "utf8")) as { readonly parts: unknown };
  writeFileSync(path(), JSON.stringify(whole));
  const { failure, measured } = await record(["a", "c"], { missing: true });
  expect(String(failure)).toMatch(/letters\.json does not say which rows are of which part/);
  expect([parts !== undefined, measured]).toEqual([true, []]);
  expect(variants()).toEqual(["a 0.5", "b 0.5", "b2 0.5"]);
});

test("two parts of one name are refused", async () => {
  const { failure, measured } = await record(["a", "a"]);
  expect(String(failure)).toContain("the recipe letters has two parts a");
  expect(measured).toEqual([]);
});
