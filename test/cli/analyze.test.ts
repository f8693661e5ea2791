/** `millrace analyze` on trained runs and on files, through real processes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  CollapseStudy,
  CorrelationStudy,
  EntanglementStudy,
  ExpertStudy,
  TaskStudy,
} from "../../src/analysis/index.ts";
import { prepareDataset } from "../../src/data/index.ts";
import { encodeSafetensors } from "../../src/module/index.ts";
import { dataConfigOf, finishRun, parseConfig } from "../../src/run/index.ts";
import { exampleConfig } from "../../src/world/index.ts";
import { millrace, millraceJson, smallWorld, temporaryFolder } from "./millrace.ts";

interface Analysis {
  readonly source: string;
  readonly collapse?: CollapseStudy;
  readonly correlation?: CorrelationStudy;
  readonly entanglement?: EntanglementStudy;
  readonly experts?: ExpertStudy;
  readonly tasks?: TaskStudy;
  readonly skipped: { readonly [tool: string]: string };
}

const folder = temporaryFolder("analyze");
const at = (...parts: string[]): string => join(folder.path, ...parts);

beforeAll(async () => {
  await millraceJson(smallWorld, folder.path);
  const two = ["labels=[{name: click}, {name: like}]", "training.epochs=1", "training.batch_size=512"];
  const model =
    "model={name: STEM, embedding_dim: 4, specific_experts: 1, shared_experts: 1, expert_hidden_units: [8], gate_hidden_units: [4], tower_hidden_units: [4]}";
  const measured = "training.multi_task={measure: true}";
  const train = (out: string, ...settings: string[]) =>
    millraceJson(
      ["train", "world/config.yaml", "--out", out, ...settings.flatMap((setting) => ["--set", setting])],
      folder.path,
    );
  await train("stem", ...two, model, measured);
  await train("alone", "labels=[{name: like}]", "model={name: LR}", "training.epochs=1");
  const config = parseConfig({
    ...exampleConfig(at("world"), { features: "history", historyLength: 12 }),
    model: { name: "DARE", embeddingDim: 4, k: 12, hiddenUnits: [8], searchHiddenUnits: [8] },
    training: { epochs: 1, batchSize: 512 },
  });
  await finishRun(config, { directory: at("dare"), dataset: () => prepareDataset(dataConfigOf(config)) });
}, 180_000);

afterAll(folder.remove);

describe("a run with two tasks", () => {
  let study: Analysis;
  beforeAll(async () => {
    const given = ["analyze", "stem", "--user", "user_id", "--item", "item_id", "--alone", "alone"];
    study = await millraceJson([...given, "-o", "stem.html"], folder.path);
  }, 60_000);

  test("collapse of every table, tasks' and shared ones apart and together", () => {
    const { tables = [], vocabularies = [] } = study.collapse ?? {};
    const names = tables.map(({ name }) => name);
    expect(names).toContain("own.0.tables.user_id");
    for (const { informationAbundance, dim } of tables) {
      expect(informationAbundance).toBeGreaterThanOrEqual(1);
      expect(informationAbundance).toBeLessThanOrEqual(dim);
    }
    const users = vocabularies.find(({ name }) => name === "user_id");
    expect(users).toMatchObject({ tables: 3, dim: 12 });
  });

  test("entanglement: one view a task and the shared one, shifts between them", () => {
    const { views = [], shifts = [], pictures = [] } = study.entanglement ?? {};
    expect(views.map(({ view }) => view).toSorted()).toEqual(["own.0", "own.1", "shared"]);
    expect(shifts.length).toBe(3);
    for (const { separation } of shifts) expect(Number.isFinite(separation)).toBe(true);
    expect(pictures.some(({ pairs }) => pairs.length > 10)).toBe(true);
  });

  test("experts and tasks", () => {
    expect(study.experts?.experts.length).toBe(3);
    expect(study.experts?.diversity.value).toBeLessThanOrEqual(1);
    const { gradients, recorded, transfer = [], balance } = study.tasks as TaskStudy;
    expect(gradients.tasks).toEqual(["click", "like"]);
    expect(Math.abs(gradients.cosine["click|like"] ?? Number.NaN)).toBeLessThanOrEqual(1);
    for (const { share } of gradients.weights) expect(share.click + share.like).toBeCloseTo(1, 10);
    // What STEM keeps for one task, the other's loss does not reach.
    expect(gradients.weights.filter(({ path }) => path.startsWith("own."))).toEqual([]);
    expect(Object.keys(recorded?.dominance ?? {}).length).toBeGreaterThan(0);
    expect(transfer.map(({ task, metric, alone }) => [task, metric, alone])).toEqual([
      ["like", "auc", "alone"],
    ]);
    expect(balance?.bins.length).toBe(5);
  });

  test("what does not apply says why", () => {
    expect(study.correlation).toBeUndefined();
    expect(study.skipped).toEqual({ correlation: "no history with a target is among the features" });
  });

  test("the page shows all sections and loads nothing", () => {
    const page = readFileSync(at("stem.html"), "utf8");
    for (const id of ["collapse", "entanglement", "experts", "tasks"])
      expect(page).toContain(`<section id="${id}"`);
    expect(page).not.toMatch(/<script|src=|NaN|undefined/);
  });

  test("a task's gradients on its own data: one task shares nothing", async () => {
    const alone = await millraceJson<Analysis>(["analyze", "alone", "--tools", "tasks,experts"], folder.path);
    expect(Object.keys(alone.skipped).toSorted()).toEqual(["experts", "tasks"]);
  });
});

test("attention to a history is compared with what the data say", async () => {
  const given = ["analyze", "dare", "--tools", "correlation", "--split", "train", "-o", "dare.html"];
  const { correlation } = await millraceJson<Analysis>(given, folder.path);
  expect(correlation).toMatchObject({
    history: "history_categories",
    target: "category",
    label: "click",
    shown: "weights.history_items",
    distances: 10,
  });
  const { candidates = [], categories = [] } = correlation ?? {};
  expect(candidates.length).toBeGreaterThan(5);
  for (const { information, attention, rankCorrelation } of candidates) {
    expect(information.length).toBe(categories.length);
    expect(information.flat().every((bits) => bits >= 0 && bits <= 1)).toBe(true);
    const shown = attention.flat().filter((weight) => weight !== null);
    expect(shown.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
    expect(Math.abs(rankCorrelation ?? 0)).toBeLessThanOrEqual(1);
  }
  expect(readFileSync(at("dare.html"), "utf8")).toContain("mutual information");
}, 60_000);

describe("embeddings from elsewhere", () => {
  // Three columns, of which the third repeats the first.
  const values = Float32Array.of(1, 0, 1, 0, 2, 0, 3, 0, 3, 0, 1, 0);
  const expected = { rows: 4, dim: 3 };

  test.each([
    [
      "vectors.safetensors",
      () =>
        encodeSafetensors({
          weight: { dtype: "F32", shape: [4, 3], data: values },
          bias: { dtype: "F32", shape: [3], data: values.subarray(0, 3).slice() },
        }),
    ],
    [
      "vectors.jsonl",
      () =>
        [0, 1, 2, 3]
          .map((row) =>
            JSON.stringify({ value: `v${row}`, vector: Array.from(values.subarray(3 * row, 3 * row + 3)) }),
          )
          .join("\n"),
    ],
  ])("%s", async (file, content) => {
    writeFileSync(at(file), content());
    const { collapse } = await millraceJson<Analysis>(["analyze", file], folder.path);
    const [table] = collapse?.tables ?? [];
    expect(table).toMatchObject(expected);
    // Columns of norms √20 (the first and third together) and √5: Σσ / max σ = 1.5.
    expect(table.informationAbundance).toBeCloseTo(1.5, 6);
  });

  test("mistakes are told", async () => {
    const missing = await millrace(["analyze", "nowhere.npy"], folder.path);
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain("there is no run directory and no file nowhere.npy");
    const tool = await millrace(["analyze", "stem", "--tools", "colapse"], folder.path);
    expect(tool.code).toBe(2);
    expect(tool.stderr).toContain("there is no tool colapse");
    const target = await millrace(["analyze", "stem", "-o", "stem.pdf"], folder.path);
    expect(target.code).toBe(2);
  });
});
