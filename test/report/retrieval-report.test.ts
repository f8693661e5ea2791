/** The report of retrieval runs: what they recommend, alone and side by side, with and without data and index. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import { gatherReport, type ReportInput, renderReport } from "../../src/report/index.ts";
import {
  openRetrievalRun,
  parseRetrievalConfig,
  prepareRetrieval,
  trainRetrievalRun,
  writeIndex,
} from "../../src/retrieval/index.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-retrieval-report-"));
const at = (name: string): string => join(folder, name);
let engine: Engine;
let input: ReportInput;

/** Users of four tastes; low numbers within a taste are taken more often. */
function lists(): string {
  return Array.from({ length: 120 }, (_, u) => {
    const random = new CounterRandom(8, u);
    const own = new Set<number>();
    for (let k = 0; own.size < 8; k++) own.add(Math.floor(25 * random.uniform(k) ** 2));
    return [`u${u}`, ...[...own].map((k) => `i${(u % 4) + 4 * k}`)].join(" ");
  }).join("\n");
}

beforeAll(async () => {
  engine = await createEngine("native");
  writeFileSync(at("lists.txt"), lists());
  for (const [name, embeddingDim] of [
    ["narrow", 4],
    ["wide", 12],
  ] as const) {
    const config = parseRetrievalConfig({
      task: "retrieval",
      interactions: { train: at("lists.txt"), historyLength: 6 },
      model: { name: "MF", embeddingDim },
      objective: { name: "bpr" },
      batchSize: 64,
      training: { epochs: 6, learningRate: 0.02, metrics: ["recall@5", "ndcg@5"] },
    });
    await trainRetrievalRun(config, { directory: at(name), engine });
  }
  const run = openRetrievalRun(at("wide"));
  writeIndex(run.indexDirectory, run.content(), { kind: "exact" });
  input = await gatherReport([at("narrow"), at("wide")], {
    engine,
    retrievalDataOf: ({ config }) => prepareRetrieval(config),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

test("cut-offs agree with what training measured, shares add up", () => {
  expect(input.retrieval).toHaveLength(2);
  for (const [k, { cutoffs, popularity, coverage, users }] of (input.retrieval ?? []).entries()) {
    const measured = input.comparison?.models[k].metrics ?? {};
    const five = cutoffs.find((one) => one.k === 5);
    expect(five?.recall).toBeCloseTo(measured["recall@5"].value as number, 6);
    expect(five?.ndcg).toBeCloseTo(measured["ndcg@5"].value as number, 6);
    expect(users).toBe(120);
    for (const share of ["taken", "heldOut", "recommended"] as const) {
      expect(popularity.reduce((sum, tenth) => sum + tenth[share], 0)).toBeCloseTo(1, 9);
    }
    expect(popularity[0].taken).toBeGreaterThan(popularity[9].taken);
    expect(coverage).toBeGreaterThan(0.1);
    const recalls = cutoffs.map(({ recall }) => recall);
    expect(recalls).toEqual(recalls.toSorted((a, b) => a - b));
  }
  expect(input.retrieval?.[0].index).toBeUndefined();
  expect(input.retrieval?.[1].index).toMatchObject({ kind: "exact", measured: { recall: 1 } });
  expect(input.differences?.settings.map(({ key }) => key)).toEqual(["model.embedding_dim"]);
  expect(input.spectra.map(({ singularValues }) => singularValues.length)).toEqual([4, 12]);
});

test("the page says it in words, pictures and tables", () => {
  const page = renderReport(JSON.parse(JSON.stringify(input)));
  for (const text of [
    "Recommendations",
    "Recall by cut-off",
    "Share of lists by popularity",
    "For 120 users of the test split, all items ranked, recall@5 is",
    "By recall@5 on the test split the models rank",
    "Validation recall@5 by epoch",
    "hits among the first k / positives of the user",
    "recall of exact search",
    "millrace index",
    "Settings in which they differ",
  ]) {
    expect(page, text).toContain(text);
  }
  expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
});

test("catalogues of different size stand side by side, with dashes where one has no figure", () => {
  const [one, two] = input.retrieval ?? [];
  const small = { ...one, cutoffs: one.cutoffs.slice(0, 2), popularity: one.popularity.slice(0, 6) };
  for (const retrieval of [
    [small, two],
    [two, small],
  ]) {
    const page = renderReport(JSON.parse(JSON.stringify({ ...input, retrieval })));
    expect(page).toContain(`<th scope="col" class="number">@${two.cutoffs.at(-1)?.k}</th>`);
    expect(page).toContain('<td class="number">–</td>');
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  }
});

test("data that have changed since the training are not measured, and that is said", async () => {
  const lines = lists().split("\n");
  for (const [name, text] of Object.entries({
    reversed: lines.toReversed().join("\n"),
    "with a new item": `${lines.join("\n")} i999`,
    "users the other way round": [lines[4], ...lines.slice(1, 4), lines[0], ...lines.slice(5)].join("\n"),
  })) {
    writeFileSync(at("changed.txt"), text);
    const changed = await gatherReport([at("narrow")], {
      engine,
      retrievalDataOf: ({ config }) =>
        prepareRetrieval({ ...config, interactions: { ...config.interactions!, train: at("changed.txt") } }),
    });
    expect(changed.retrieval, name).toEqual([]);
    expect(changed.warnings.join(), name).toContain("have changed since the run was trained");
    expect(changed.warnings.join(), name).not.toContain("was not at hand");
  }
});

test("without data what needs it is left out and said; a ranking run cannot stand beside", async () => {
  const alone = await gatherReport([at("narrow")], { engine });
  expect(alone.retrieval).toEqual([]);
  expect(alone.warnings.join()).toContain("was not at hand: cut-offs, popularity and coverage are left out");
  expect(renderReport(alone)).not.toMatch(/NaN|undefined|Infinity|\[object/);
  await expect(gatherReport([at("narrow"), at("nothing")], { engine })).rejects.toThrow(
    "is a retrieval run, which cannot be compared with ranking runs",
  );
});

test("runs of other data have their own items and held-out shares, and a warning", async () => {
  writeFileSync(
    at("few.txt"),
    Array.from({ length: 30 }, (_, u) =>
      [`u${u}`, ...Array.from({ length: 5 }, (_, k) => `i${(u + k) % 6}`)].join(" "),
    ).join("\n"),
  );
  const config = parseRetrievalConfig({
    task: "retrieval",
    interactions: { train: at("few.txt"), historyLength: 6 },
    model: { name: "MF", embeddingDim: 4 },
    objective: { name: "bpr" },
    training: { epochs: 1, metrics: ["recall@5", "ndcg@5"] },
  });
  await trainRetrievalRun(config, { directory: at("few"), engine });
  const both = await gatherReport([at("narrow"), at("few")], {
    engine,
    retrievalDataOf: ({ config: own }) => prepareRetrieval(own),
  });
  expect(both.warnings).toEqual([
    expect.stringMatching(
      /^These runs do not rank the same items .* \(MF \(narrow\): 120 users, \d+ items; MF \(few\): 30 users, 6 items\)/,
    ),
  ]);
  const page = renderReport(both);
  for (const words of [
    "items, MF (few)",
    "held out, MF (narrow)",
    "30 users of the test split by lists of the 6 best (MF (few))",
  ]) {
    expect(page).toContain(words);
  }
  // One data set, one column of items.
  expect(renderReport(input)).toContain('<th scope="col" class="number">items</th>');
});
