import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  compareRows,
  type RecipeResult,
  type ResultPart,
  type ResultRow,
  readResults,
  recipeResult,
  resultRow,
  writeResult,
} from "./results.ts";
import { systems } from "./systems.ts";
import { resultsPage } from "./results-page.ts";
import { NOT_MEASURED, systemsTable } from "./systems-table.ts";
import { overallVerdict, pairedDifference, verdictOf } from "./verdict.ts";

const row = (variant: string, values: (number | null)[], metric = "auc"): ResultRow =>
  resultRow({
    data: "world",
    setting: { conflict: "strong" },
    variant,
    role: variant === "stem" ? "method" : "baseline",
    task: "like",
    domain: null,
    metric,
    values,
    parameters: 1000,
    trainSeconds: 2.5,
    trials: 8,
  });

const example = (): RecipeResult =>
  recipeResult({
    system: "S07",
    recipe: "stem",
    claim: "beats MMoE",
    date: "2026-01-02T03:04:05Z",
    machine: "2 cores",
    codeCommit: "abc",
    configHash: "def",
    cpuMinutes: 12,
    rows: [row("stem", [0.72, 0.73, 0.74]), row("mmoe", [0.7, 0.715, 0.72])],
    comparisons: [compareRows(row("stem", [0.72, 0.73, 0.74]), row("mmoe", [0.7, 0.715, 0.72]))],
    note: "",
  });

describe("paired differences", () => {
  test("mean and t interval equal scipy's", () => {
    // scipy 1.17.1: ttest_rel([0.72, 0.73, 0.74], [0.7, 0.715, 0.72]).confidence_interval(0.95)
    const { difference, interval95 } = pairedDifference([0.72, 0.73, 0.74], [0.7, 0.715, 0.72]);
    expect(difference).toBeCloseTo(0.018333333333333333, 12);
    expect(interval95?.[0]).toBeCloseTo(0.011162245450417543, 12);
    expect(interval95?.[1]).toBeCloseTo(0.025504421216249126, 12);
  });

  test("pairs with an undefined side are left out; fewer than two give no interval", () => {
    expect(pairedDifference([0.5, null], [0.25, 0.5])).toEqual({
      difference: 0.25,
      interval95: null,
      pairs: 1,
    });
    expect(pairedDifference([null], [0.5])).toEqual({ difference: null, interval95: null, pairs: 0 });
  });

  test("std is with n - 1", () => {
    expect(row("a", [1, 2, 3, null])).toMatchObject({ mean: 2, std: 1 });
    expect(row("a", [4])).toMatchObject({ mean: 4, std: null });
    expect(row("a", [null])).toMatchObject({ mean: null, std: null });
  });
});

describe("verdicts", () => {
  test.each([
    [[0.001, 0.003], true, "holds"],
    [[0.001, 0.003], false, "does-not-hold"],
    [[-0.003, -0.001], false, "holds"],
    [[-0.001, 0.003], true, "inconclusive"],
    [null, true, "inconclusive"],
  ] as const)("interval %j, higher is better %s: %s", (interval, higherIsBetter, verdict) => {
    expect(verdictOf(interval, higherIsBetter)).toBe(verdict);
  });

  test("a margin must be cleared; short of it is partly, never reaching it does not hold", () => {
    const claim = { kind: "better", margin: 0.002 } as const;
    expect(verdictOf([0.002, 0.004], true, claim)).toBe("holds");
    expect(verdictOf([0.001, 0.004], true, claim)).toBe("partly");
    expect(verdictOf([-0.001, 0.004], true, claim)).toBe("inconclusive");
    expect(verdictOf([-0.001, 0.001], true, claim)).toBe("does-not-hold");
  });

  test("not worse by more than a tolerance", () => {
    const claim = { kind: "not-worse", tolerance: 0.001 } as const;
    expect(verdictOf([-0.001, 0.002], true, claim)).toBe("holds");
    expect(verdictOf([-0.002, 0.001], true, claim)).toBe("inconclusive");
    expect(verdictOf([-0.004, -0.002], true, claim)).toBe("does-not-hold");
    expect(verdictOf([-0.002, 0.001], false, claim)).toBe("holds");
  });

  test("of a recipe", () => {
    expect(overallVerdict(["holds", "holds"])).toBe("holds");
    expect(overallVerdict(["holds", "inconclusive"])).toBe("partly");
    expect(overallVerdict(["partly"])).toBe("partly");
    expect(overallVerdict(["does-not-hold", "inconclusive"])).toBe("does-not-hold");
    expect(overallVerdict(["inconclusive"])).toBe("inconclusive");
    expect(overallVerdict([])).toBe("inconclusive");
  });
});

describe("comparisons", () => {
  test("know each metric's direction, and ask where there is none", () => {
    const [better, worse] = [
      [0.3, 0.31, 0.32],
      [0.4, 0.41, 0.425],
    ];
    expect(compareRows(row("a", better, "log_loss"), row("b", worse, "log_loss")).verdict).toBe("holds");
    expect(compareRows(row("a", worse, "sampled_ndcg@10"), row("b", better, "sampled_ndcg@10")).verdict).toBe(
      "holds",
    );
    expect(() => compareRows(row("a", better, "bytes"), row("b", worse, "bytes"))).toThrow(
      "no direction is known",
    );
    const options = { higherIsBetter: false };
    expect(compareRows(row("a", better, "bytes"), row("b", worse, "bytes"), options).verdict).toBe("holds");
  });

  test("refuse rows that do not belong together", () => {
    expect(() => compareRows(row("a", [1]), row("b", [1], "ne"))).toThrow("metric is auc and ne");
    expect(() => compareRows(row("a", [1]), row("b", [1, 2]))).toThrow("a has 1 seeds and b 2");
  });
});

describe("result files", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "millrace-results-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("are read as written", () => {
    expect(example().verdict).toBe("holds");
    expect(writeResult(directory, example(), { quick: false })).toBe(join(directory, "stem.json"));
    expect(readResults(directory)).toEqual([example()]);
    expect(readResults(join(directory, "none"))).toEqual([]);
  });

  test("are never written by a quick run", () => {
    expect(writeResult(directory, example(), { quick: true })).toBeUndefined();
    expect(existsSync(join(directory, "stem.json"))).toBe(false);
  });

  test("a damaged one is an error that names the file and the field", () => {
    const { claim: _, ...rest } = example();
    writeFileSync(join(directory, "stem.json"), JSON.stringify(rest));
    expect(() => readResults(directory)).toThrow(/stem\.json is not a result file: claim: /);
    expect(() => writeResult(directory, { ...example(), cpuMinutes: Number.NaN }, { quick: false })).toThrow(
      "cpuMinutes",
    );
  });
});

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("docs/systems.md", () => {
  test("has a row for each of the fifty-two systems", () => {
    expect(systems).toHaveLength(52);
    expect(new Set(systems.map(({ arxiv }) => arxiv)).size).toBe(52);
    const page = systemsTable([]);
    expect(page.split("\n").filter((line) => /^\| S\d\d \|/.test(line))).toHaveLength(52);
    expect(page.split(NOT_MEASURED)).toHaveLength(53);
  });

  test("shows figures and verdicts, and recipes that belong to no system", () => {
    const page = systemsTable([example(), { ...example(), system: "foundation", recipe: "bars-frappe" }]);
    expect(page).toContain(
      "**holds** ([stem](../results/stem.json))<br>world, like: auc +0.0183 [+0.0112, +0.0255], stem over mmoe |",
    );
    expect(page).toContain("1 of 52 are measured so far");
    expect(page).toMatch(/## Other recipes[\s\S]*bars-frappe/);
  });

  test("is up to date with results/", () => {
    const page = systemsTable(readResults(join(root, "results")));
    expect(readFileSync(join(root, "docs/systems.md"), "utf8"), "run npm run build:results").toBe(page);
  });
});

describe("docs/results.md", () => {
  test("parts measured apart say with what", () => {
    const part = { rows: 0, comparisons: 0, configHash: "f", cpuMinutes: 1, variants: [], machine: "M" };
    const first = { ...part, name: "first", codeCommit: "a1", date: "2026-01-01T10:00:00Z" };
    const second = { ...part, name: "second", codeCommit: "b2", date: "2026-02-02T10:00:00Z" };
    const page = (parts: ResultPart[]): string => resultsPage([{ ...example(), parts }]);
    const third = { ...first, name: "third", date: "2026-01-01T12:00:00Z" };
    expect(page([first, second, third])).toContain(
      ": first, third with code a1, 2026-01-01, M; second with code b2, 2026-02-02, M.",
    );
    expect(page([first, third])).toContain(": code a1, 2026-01-01, M.");
    expect(page([])).toContain(": code abc, ");
  });

  test("has a line a variant, with mean and deviation of each metric", () => {
    const page = resultsPage([example()]);
    const { rows } = example();
    const [{ variant, metric, mean, std }] = rows;
    const line = page.split("\n").find((text) => text.includes(`| ${variant} |`));
    expect(page).toContain(`| data | variant | ${metric} |`);
    expect(line).toContain(`${mean?.toFixed(4)} ± ${std?.toFixed(4)}`);
    expect(page).toContain("stem against mmoe");
  });

  test("is up to date with results/", () => {
    const page = resultsPage(readResults(join(root, "results")));
    expect(readFileSync(join(root, "docs/results.md"), "utf8"), "run npm run build:results").toBe(page);
  });
});
