import { describe, expect, test } from "vitest";
import { exampleReportInput } from "../../test/report/example-input.ts";
import { html } from "./html.ts";
import type { ReportInput } from "./report-input.ts";
import { renderReport } from "./render-report.ts";
import { sentences } from "./summary.ts";

const empty: ReportInput = {
  title: "Nothing",
  createdAt: "yesterday",
  millraceVersion: "0.0.0",
  summary: [],
  warnings: [],
  facts: [],
  evaluations: [],
  domains: [],
  slices: [],
  comparison: undefined,
  curves: [],
  calibration: [],
  scores: [],
  features: [],
  importanceMeaning: undefined,
  importances: [],
  differences: undefined,
  spectra: [],
  config: undefined,
  commands: [],
};

describe("html", () => {
  test("escapes what is interpolated, joins lists, keeps markup", () => {
    expect(html`<p title="${'"&'}">${["<b>", html`<i>${1}</i>`]}${undefined}</p>`.markup).toBe(
      '<p title="&#34;&#38;">&#60;b&#62;<i>1</i></p>',
    );
  });
});

describe("report", () => {
  const page = renderReport(exampleReportInput());

  test("asks for nothing from outside and runs nothing", () => {
    expect(page).not.toMatch(/<script|<link[^>]+stylesheet|@import|url\(|src=|https?:/);
    expect(page).toContain("default-src 'none'");
  });

  test("is the same for the same input", () => {
    expect(renderReport(exampleReportInput())).toBe(page);
  });

  test("survives JSON: the input is plain data", () => {
    expect(renderReport(JSON.parse(JSON.stringify(exampleReportInput())))).toBe(page);
  });

  test("never shows NaN, undefined or an infinite number", () => {
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test("of nothing is still a page, without sections but the summary", () => {
    const nothing = renderReport(empty);
    expect(nothing.match(/<section/g)).toHaveLength(1);
    expect(nothing).toContain("<h1>Nothing</h1>");
  });

  test("names from data cannot become markup", () => {
    const hostile = '<img src=x onerror=alert(1)>"';
    const input = exampleReportInput();
    const attacked = renderReport({
      ...input,
      title: hostile,
      warnings: [hostile],
      features: input.features.map((feature) => ({ ...feature, name: hostile, kind: hostile })),
      spectra: input.spectra.map((spectrum) => ({ ...spectrum, table: hostile })),
      curves: input.curves.map((curve) => ({ ...curve, model: hostile })),
      config: { [hostile]: hostile },
    });
    expect(attacked).not.toContain("<img");
  });

  test("a thousand features: the most important in sight, all behind a line, the file bounded", () => {
    const input = exampleReportInput();
    const [feature] = input.features;
    const table = feature.table as NonNullable<typeof feature.table>;
    const names = Array.from({ length: 1000 }, (_, k) => `f${String(k).padStart(4, "0")}`);
    const wide: ReportInput = {
      ...input,
      features: names.map((name, k) => ({
        ...feature,
        name,
        table: { ...table, name },
        importance: ((k * 7919) % 1000) / 1e5,
      })),
      importances: input.importances.map(({ model }) => ({
        model,
        byFeature: Object.fromEntries(names.map((name, k) => [name, ((k * 7919) % 1000) / 1e5])),
      })),
      spectra: names.map((name) => ({
        table: name,
        singularValues: Array.from({ length: 16 }, (_, k) => 0.9 ** k),
      })),
      config: { features: names.map((name) => ({ name, kind: "categorical", min_count: 1 })), seed: 1 },
    };
    const page = renderReport(wide);
    const [before, after] = [page.indexOf("<details>"), page.indexOf("All 1,000 features")];
    expect(before).toBeLessThan(after);
    expect(page).toContain("The first 30 of 1,000 features, the most important first.");
    expect(page).toContain("<summary>All 1,000 tables</summary>");
    const shut = page.replace(/<details>[\s\S]*?<\/details>/g, "");
    expect(shut.match(/<th scope="row">f\d{4}/g)).toHaveLength(2 * 30 + 12);
    expect(shut.match(/<path class="line/g)?.length).toBeLessThan(80);
    expect(page.match(/<th scope="row">f0999/g)?.length).toBeGreaterThanOrEqual(3);
    expect(page).toContain('{"name":"f0000","kind":"categorical","min_count":1}'.replaceAll('"', "&#34;"));
    expect(page.length).toBeLessThan(800_000);
    const tenfold = { ...wide, features: Array.from({ length: 10 }, () => wide.features).flat() };
    expect(renderReport(tenfold)).toContain(
      "The first 2,000 of 10,000; the others would make this file too large.",
    );
  });

  test("an undefined metric shows a dash and its reason", () => {
    const evaluation = {
      label: "click",
      split: "test",
      rows: 3,
      positives: 3,
      metrics: { auc: { value: null, reason: "only one class: no negatives" } },
      oracle: undefined,
    };
    const shown = renderReport({ ...empty, evaluations: [evaluation] });
    expect(shown).toContain("auc on test: undefined, only one class: no negatives.");
    expect(shown).toContain('<td class="number">–</td>');
  });

  test("many models: every line has a colour, no two look alike, and a model keeps its own on every chart", () => {
    const input = exampleReportInput();
    const models = Array.from({ length: 14 }, (_, k) => `model ${k}`);
    const page = renderReport({
      ...input,
      curves: models.map((model, k) => ({
        ...input.curves[0],
        model,
        // Whose event file is gone has no steps.
        steps: k === 0 ? [] : input.curves[0].steps,
      })),
      calibration: models.slice(2).map((model) => ({ ...input.calibration[0], model })),
    });
    const legends = page
      .split('<ul class="legend">')
      .slice(1)
      .map((text) => text.slice(0, text.indexOf("</ul>")));
    const inkOf = (legend: string, model: number): string | undefined =>
      new RegExp(`<path class="line ([^"]+)" d="M1 5H23"/></svg>model ${model}<`).exec(legend)?.[1];
    const drawn = legends.filter((legend) => legend.includes("model 13"));
    expect(drawn).toHaveLength(4);
    const [loss, auc, , calibration] = drawn;
    const inks = models.map((_, k) => inkOf(auc, k));
    expect(new Set(inks).size).toBe(models.length);
    for (const ink of inks) expect(page).toContain(`.${ink?.split(" ")[0]} { stroke: var(--`);
    expect(models.map((_, k) => inkOf(loss, k))).toEqual([undefined, ...inks.slice(1)]);
    expect(models.map((_, k) => inkOf(calibration, k))).toEqual([undefined, undefined, ...inks.slice(2)]);
  });

  test("odd inputs draw: one epoch, one bin, bins without positives, a table of zeros, one column", () => {
    const input = exampleReportInput();
    const bin = {
      rows: 5,
      weight: 5,
      meanPrediction: 0.1,
      meanLabel: 0,
      lowestPrediction: 0.1,
      highestPrediction: 0.1,
    };
    const odd = renderReport({
      ...input,
      curves: input.curves.map((curve) => ({
        ...curve,
        steps: curve.steps.slice(0, 1),
        epochs: curve.epochs.slice(0, 1),
      })),
      calibration: [{ model: "m", label: "click", split: "test", bins: [bin] }],
      scores: [
        {
          model: "m",
          label: "click",
          split: "test",
          bins: [{ from: 0.1, to: 0.1, positives: 0, negatives: 5 }],
        },
      ],
      spectra: [
        { table: "zeros", singularValues: [0, 0] },
        { table: "narrow", singularValues: [2] },
      ],
    });
    expect(odd).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("summary sentences", () => {
  const said = sentences(exampleReportInput()).map((sentence) => sentence.replaceAll("\u00a0", " "));

  test("say what the figures mean", () => {
    expect(said[0]).toMatch(
      /^On the test split \(6,000 rows, 13\.2 % of them positive\), a positive for click scores above a negative 81\.\d % of the time; the true probabilities themselves reach 83\.\d %, so the model closes 9\d\.\d % of the way/,
    );
    expect(said.join(" ")).toMatch(/By AUC on the test split the models rank: DCNv2 .*, DeepFM .*, LR/);
    expect(said.join(" ")).toMatch(
      /use less than a quarter of their directions: city \(\d\.\d of 16\), title_words/,
    );
  });

  test("say nothing where there are no figures", () => {
    expect(sentences(empty)).toEqual([]);
  });
});

test("one epoch is one epoch", () => {
  const { curves, ...rest } = exampleReportInput();
  const [first] = curves;
  const short = {
    ...rest,
    curves: [{ ...first, epochs: first.epochs.slice(0, 1), bestEpoch: 1 }],
    comparison: undefined,
  };
  expect(sentences(short).join(" ")).toContain("Training ran for 1 epoch; the weights");
});
