import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { methodsPage } from "./methods-page.ts";
import { readResults, recipeResult, type ResultRow, resultRow } from "./results.ts";

const row = (given: Partial<Parameters<typeof resultRow>[0]> & { variant: string }): ResultRow =>
  resultRow({
    data: "world",
    setting: { rho: 0 },
    role: "baseline",
    task: "click",
    domain: null,
    metric: "auc",
    values: [0.7, 0.8],
    parameters: 1000,
    trainSeconds: 2,
    trials: 2,
    ...given,
  });

const page = (rows: readonly ResultRow[]): string[] =>
  methodsPage(
    recipeResult({
      system: "foundation",
      recipe: "many-tasks",
      claim: "a claim",
      date: "2026-11-23T00:00:00.000Z",
      machine: "a machine",
      codeCommit: "0123456789ab",
      configHash: "01234567",
      cpuMinutes: 1,
      rows,
      comparisons: [],
      note: "A note.",
    }),
  ).split("\n");

describe("the page of methods", () => {
  test("has a line a method; models of single tasks are added up", () => {
    const lines = page([
      row({ variant: "single-task" }),
      row({ variant: "single-task", task: "like", values: [0.6], parameters: 900, trainSeconds: 1 }),
      row({ variant: "shared-bottom", values: [0.8], parameters: 1100, trainSeconds: 2.6 }),
      row({ variant: "shared-bottom", task: "like", values: [0.5], parameters: 1100, trainSeconds: 2.6 }),
      row({ variant: "shared-bottom", task: null, metric: "cost_ratio", values: [1] }),
      row({ variant: "card: shared-bottom", task: null, metric: "cost_ratio", values: [3] }),
    ]);
    expect(lines).toContain("| method | world rho 0: click | world rho 0: like | parameters | s | cost |");
    expect(lines).toContain("| single-task | 0.7500 | **0.6000** | 1,900 | 3 | – |");
    expect(lines).toContain("| shared-bottom | **0.8000** | 0.5000 | 1,100 | 3 | 1.00 |");
    expect(lines.filter((line) => line.startsWith("| "))).toHaveLength(4);
  });

  test("of data with domains shows all rows and the worst domain", () => {
    const lines = page([
      row({ variant: "pooled" }),
      row({ variant: "pooled", domain: "a", values: [0.9] }),
      row({ variant: "pooled", domain: "b", values: [0.55] }),
    ]);
    expect(lines).toContain("## Domains");
    expect(lines).toContain("| pooled | **0.7500** | **0.5500** | 1,000 | 2 | – |");
  });

  test("is what results/ say", () => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const result = readResults(join(root, "results")).find(({ recipe }) => recipe === "many-tasks");
    expect(readFileSync(join(root, "docs/multi-task-table.md"), "utf8")).toBe(methodsPage(result));
  });

  test("says so where nothing is measured", () => {
    expect(methodsPage(undefined)).toContain("Not measured yet.");
  });
});
