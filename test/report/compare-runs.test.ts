/** The report of several runs, from their directories: what differs, and what each does on which rows. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PreparedDataset, prepareDataset } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { gatherReport, type ReportInput, renderReport } from "../../src/report/index.ts";
import { dataConfigOf } from "../../src/run/index.ts";
import { makeShop, trainShop } from "../serving/shop.ts";

const shop = makeShop();
let input: ReportInput;

beforeAll(async () => {
  const early = await trainShop(shop, "early", "early");
  const final = await trainShop(shop, "final", "final");
  const opened: PreparedDataset[] = [];
  input = await gatherReport([early, final], {
    engine: await createEngine("native"),
    splitsOf: async ({ config }) => {
      const dataset = await prepareDataset(dataConfigOf(config));
      opened.push(dataset);
      return dataset.splits;
    },
  });
  for (const dataset of opened) await dataset.close();
});
afterAll(() => rmSync(shop.folder, { recursive: true }));

test("settings that differ, and only those", () => {
  const settings = new Map(input.differences?.settings.map(({ key, values }) => [key, values]));
  expect(settings.get("model.name")).toEqual(["DCNv2", "DIN"]);
  expect(settings.has("training.learning_rate")).toBe(false);
  expect(input.differences?.total).toBeGreaterThan(settings.size);
});

test("calibration, scores, importance and slices of each", () => {
  const models = ["DCNv2", "DIN"];
  expect(input.calibration.map(({ model }) => model)).toEqual(models);
  expect(input.scores.map(({ model }) => model)).toEqual(models);
  expect(input.importances.map(({ model }) => model)).toEqual(models);
  expect(Object.keys(input.importances[0].byFeature)).toEqual(["user_id", "category", "price"]);
  const slices = input.slices.filter(({ model }) => model === "DIN");
  expect(slices[0]).toMatchObject({ by: "item_id", label: "click", split: "valid" });
  const rows = slices[0].slices.reduce((sum, slice) => sum + slice.rows, 0);
  expect(rows).toBeGreaterThan(250);
});

test("the page says it in words and tables, and survives JSON", () => {
  const page = renderReport(JSON.parse(JSON.stringify(input)));
  expect(page).toContain("Settings in which they differ");
  const { shownModel } = input;
  expect(["DCNv2", "DIN"]).toContain(shownModel);
  for (const words of [
    `all below that is said of one model, are those of ${shownModel}, the best by AUC.`,
    `<h3>click by split of ${shownModel}</h3>`,
    `Features of ${shownModel}</h2>`,
    `Embedding spectra of ${shownModel}</h2>`,
    `The run of ${shownModel}</h2>`,
  ]) {
    expect(page).toContain(words);
  }
  expect(input.warnings).toEqual(input.warnings.filter((warning) => warning.includes("no test split")));
  expect(page).toContain("Their configurations differ in ");
  expect(page).toContain("click by popularity of item_id");
  expect(page).toContain("Importance by model");
  expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
});

test("runs that were measured on other rows, or without the label, are compared with a warning", async () => {
  const [other, without] = ["other-rows", "without-label"].map((name) => shop.path(name));
  const change = (run: string, name: string, by: (text: string) => string): void =>
    writeFileSync(`${run}/${name}`, by(readFileSync(`${run}/${name}`, "utf8")));
  for (const run of [other, without]) cpSync(shop.path("early"), run, { recursive: true });
  change(other, "encoding.json", (text) => {
    const { splits, ...rest } = JSON.parse(text);
    return JSON.stringify({
      ...rest,
      splits: { ...splits, valid: { ...splits.valid, labelMeans: { click: 0.5 } } },
    });
  });
  change(without, "metrics.json", (text) => {
    const { valid, ...rest } = JSON.parse(text);
    return JSON.stringify({ ...rest, valid: { ...valid, metrics: {} } });
  });
  const engine = await createEngine("native");
  const { warnings } = await gatherReport([shop.path("early"), other, without], { engine });
  expect(warnings[0]).toMatch(
    /^The valid splits of these runs are not the same rows \(click of DCNv2 \(early\): \d+ rows, mean 0\.\d+; DCNv2 \(other-rows\): \d+ rows, mean 0\.5; /,
  );
  expect(warnings[1]).toBe("DCNv2 (without-label) has no figures of click on the valid split.");
});

test("other labels that several runs predict are compared as well", () => {
  const { comparison } = input;
  if (comparison === undefined) throw new Error("two runs are compared");
  const page = renderReport({ ...input, otherComparisons: [{ ...comparison, label: "buy" }] });
  expect(page).toContain("Models on the valid split: click</h3>");
  expect(page).toContain("Models on the valid split: buy</h3>");
  expect(renderReport(input)).toContain("Models on the valid split</h3>");
});

test("figures that lack something are refused by file and field", async () => {
  const run = shop.path("torn");
  cpSync(shop.path("early"), run, { recursive: true });
  const path = `${run}/metrics.json`;
  const metrics = JSON.parse(readFileSync(path, "utf8"));
  const engine = await createEngine("native");
  const refused = async (content: unknown): Promise<string> => {
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    const error = await gatherReport([run], { engine }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ name: "DataError" });
    return (error as Error).message;
  };
  expect(await refused({})).toBe(`${path}: model: expected a text; it is nothing`);
  expect(await refused({ ...metrics, history: [null] })).toBe(
    `${path}: history[0]: expected an object; it is null`,
  );
  expect(await refused({ ...metrics, history: [{ ...metrics.history[0], seconds: "soon" }] })).toBe(
    `${path}: history[0].seconds: expected a number; it is "soon"`,
  );
  expect(await refused('{"version": 1, "mod')).toMatch(/metrics\.json is not valid JSON/);
});

test("runs of one model and one folder name are told apart, and their commands can be pasted", async () => {
  const [a, b] = ["a/it's/same", "b/it's/same"].map((path) => shop.path(path));
  for (const to of [a, b]) cpSync(shop.path("early"), to, { recursive: true });
  const engine = await createEngine("native");
  const both = await gatherReport([a, b], { engine });
  expect(both.curves.map(({ model }) => model)).toEqual(["DCNv2 (a/it's/same)", "DCNv2 (b/it's/same)"]);
  expect(both.commands.at(-1)?.command).toContain("/a/it'\\''s/same' '");
  await expect(gatherReport([a, `${a}/`], { engine })).rejects.toThrow("is named twice");
});
