/** Metrics by split beside the oracle's, and several models side by side. */
import {
  binaryMetrics,
  type MetricValue,
  parseBinaryMetric,
  parseMetricName,
  type RankingMetricFamily,
  rankingMetrics,
} from "../evaluation/index.ts";
import { formatCount, formatMetric, formatMetricValue, formatSeconds, formatShare } from "./format.ts";
import { type Html, html } from "./html.ts";
import type {
  ReportComparison,
  ReportDifferences,
  ReportDomains,
  ReportEvaluation,
  ReportInput,
  ReportSlices,
} from "./report-input.ts";
import { longTable } from "./long-table.ts";
import { dataTable } from "./table.ts";
import { ofShownModel } from "./shown-model.ts";

type Metrics = { readonly [name: string]: MetricValue };

export function metricsSection({
  evaluations,
  domains,
  slices,
  comparison,
  otherComparisons = [],
  shownModel,
  differences,
}: ReportInput): Html | undefined {
  if (evaluations.length === 0 && comparison === undefined) return undefined;
  const labels = [...new Set(evaluations.map(({ label }) => label))];
  const names = namesOf([
    ...evaluations.map(({ metrics }) => metrics),
    ...(comparison?.models ?? []).map(({ metrics }) => metrics),
  ]);
  const of = ofShownModel({ shownModel });
  const comparisons = comparison === undefined ? [] : [comparison, ...otherComparisons];
  return html`<section id="metrics" aria-labelledby="metrics-title">
<h2 id="metrics-title">Metrics</h2>
${comparisons.map((one) => comparisonTable(one, { nameLabel: comparisons.length > 1 }))}
${differencesTable(differences)}
${labels.map((label) => {
  const own = evaluations.filter((evaluation) => evaluation.label === label);
  return html`<h3>${label} by split${of}</h3>${evaluationTable(label, own)}${notes(own)}${domains
    .filter((measured) => measured.label === label)
    .map((measured) =>
      domainTable(measured, of),
    )}${sliceTables(slices.filter((one) => one.label === label))}`;
})}
<details><summary>How these metrics are defined</summary><dl>${names.map(
    (name) => html`<div><dt>${name}</dt><dd>${definitionOf(name)}</dd></div>`,
  )}</dl></details>
</section>`;
}

function evaluationTable(label: string, evaluations: readonly ReportEvaluation[]): Html {
  const columns = evaluations.flatMap(({ split, oracle }) => [
    { title: split, numeric: true },
    ...(oracle === undefined ? [] : [{ title: `${split}, oracle`, numeric: true }]),
  ]);
  const across = (cellsOf: (evaluation: ReportEvaluation) => { model: string; oracle: string }): string[] =>
    evaluations.flatMap((evaluation) => {
      const cells = cellsOf(evaluation);
      return evaluation.oracle === undefined ? [cells.model] : [cells.model, cells.oracle];
    });
  return dataTable({
    caption: `Metrics of ${label} by split`,
    columns: [{ title: "metric" }, ...columns],
    rows: [
      [evaluations[0]?.unit ?? "rows", ...across(({ rows }) => ({ model: formatCount(rows), oracle: "" }))],
      ...(evaluations.some(({ positives }) => positives !== undefined)
        ? [
            [
              "positives",
              ...across(({ positives, rows }) => ({
                model: positives === undefined ? "–" : formatShare(positives / rows),
                oracle: "",
              })),
            ],
          ]
        : []),
      ...namesOf(evaluations.map(({ metrics }) => metrics)).map((name) => [
        name,
        ...across(({ metrics, oracle }) => ({
          model: formatMetricValue(metrics[name]),
          oracle: formatMetricValue(oracle?.[name]),
        })),
      ]),
    ],
  });
}

/** @param of whose figures they are, where several models are compared */
function domainTable({ label, split, domains }: ReportDomains, of: string): Html {
  const names = namesOf(domains.map(({ metrics }) => metrics));
  return html`<h3>${label} by domain${of}</h3>${longTable({
    caption: `Metrics of ${label} by domain, ${split} split`,
    what: "domains",
    columns: [
      { title: "domain" },
      { title: "rows", numeric: true },
      ...names.map((title) => ({ title, numeric: true })),
    ],
    rows: domains.map(({ name, rows, metrics }) => [
      name,
      formatCount(rows),
      ...names.map((metric) => formatMetricValue(metrics[metric])),
    ]),
  })}`;
}

/** One table a feature: each part's rows, and a model's metrics on them, or several models' AUC side by side. */
function sliceTables(slices: readonly ReportSlices[]): Html[] {
  return [...new Set(slices.map(({ by }) => by))].map((by) => {
    const own = slices.filter((one) => one.by === by);
    const names = [...new Set(own.flatMap(({ slices: parts }) => parts.map(({ name }) => name)))];
    const [{ label, split }] = own;
    const oracle = own.find(({ slices: parts }) => parts.some((part) => part.oracle !== undefined));
    const metrics = own.length > 1 ? ["auc"] : namesOf(own[0].slices.map((part) => part.metrics));
    const columns = own.flatMap(({ model }) =>
      metrics.map((metric) => ({ title: own.length > 1 ? `${metric}, ${model}` : metric, numeric: true })),
    );
    const rows = names.map((name) => {
      const parts = own.map(({ slices: all }) => all.find((part) => part.name === name));
      const best = oracle?.slices.find((part) => part.name === name)?.oracle?.auc;
      return [
        name,
        formatCount(parts.find((part) => part !== undefined)?.rows ?? 0),
        ...parts.flatMap((part) => metrics.map((metric) => formatMetricValue(part?.metrics[metric]))),
        ...(oracle === undefined ? [] : [formatMetricValue(best)]),
      ];
    });
    return html`<h3>${label} by popularity of ${by}</h3>${dataTable({
      caption: `Metrics of ${label} by how often training showed the value of ${by}, ${split} split`,
      columns: [
        { title: `values of ${by}` },
        { title: "rows", numeric: true },
        ...columns,
        ...(oracle === undefined ? [] : [{ title: "auc, oracle", numeric: true }]),
      ],
      rows,
    })}`;
  });
}

function differencesTable(differences: ReportDifferences | undefined): Html | undefined {
  if (differences === undefined) return undefined;
  const { models, settings, total } = differences;
  if (settings.length === 0) return html`<p class="note">The runs have the same configuration.</p>`;
  return html`<h3>Settings in which they differ</h3>${longTable({
    caption: "Settings that are not the same in all runs",
    what: "settings",
    columns: [{ title: "setting" }, ...models.map((title) => ({ title }))],
    rows: settings.map(({ key, values }) => [key, ...values.map((value) => value ?? "–")]),
  })}<p class="note">${formatCount(total - settings.length)} other settings are the same.</p>`;
}

/** Why values are missing, and what was counted beside them: one line for metrics of which the same is to be said. */
function notes(evaluations: readonly ReportEvaluation[]): Html {
  const lines = namesOf(evaluations.map(({ metrics }) => metrics)).flatMap((name) => {
    const remarks = evaluations.flatMap(({ split, metrics: { [name]: metric } }) => {
      if (metric === undefined) return [];
      const missing = metric.value === null ? [`undefined, ${metric.reason ?? "no reason given"}`] : [];
      const counted = Object.entries(metric.counts ?? {}).map(
        ([what, count]) => `${formatCount(count)} ${wordsOf(what)}`,
      );
      const said = [...missing, ...counted];
      return said.length === 0 ? [] : [`${split}: ${said.join(", ")}`];
    });
    return remarks.length === 0 ? [] : [{ name, said: `on ${remarks.join("; on ")}.` }];
  });
  const texts = [...new Set(lines.map(({ said }) => said))].map((said) => {
    const names = lines.filter((line) => line.said === said).map(({ name }) => name);
    return `${names.join(", ")} ${said}`;
  });
  return html`${texts.map((text) => html`<p class="note">${text}</p>`)}`;
}

function comparisonTable(
  { label, split, models, oracle }: ReportComparison,
  { nameLabel }: { readonly nameLabel: boolean },
): Html {
  const names = namesOf(models.map(({ metrics }) => metrics));
  const parameters = models.some((model) => model.parameters !== undefined);
  const seconds = models.some((model) => model.trainSeconds !== undefined);
  const row = (name: string, metrics: Metrics, model?: ReportComparison["models"][number]): string[] => [
    name,
    ...names.map((metric) => formatMetricValue(metrics[metric])),
    ...(parameters ? [model?.parameters === undefined ? "–" : formatCount(model.parameters)] : []),
    ...(seconds ? [model?.trainSeconds === undefined ? "–" : formatSeconds(model.trainSeconds)] : []),
  ];
  const oracleRows = oracle === undefined ? [] : [row("oracle", oracle)];
  return html`<h3>Models on the ${split} split${nameLabel ? `: ${label}` : ""}</h3>${dataTable({
    caption: `Models compared on ${label}, ${split} split`,
    columns: [
      { title: "model" },
      ...names.map((title) => ({ title, numeric: true })),
      ...(parameters ? [{ title: "parameters", numeric: true }] : []),
      ...(seconds ? [{ title: "training", numeric: true }] : []),
    ],
    rows: [...models.map((model) => row(model.name, model.metrics, model)), ...oracleRows],
    emphasised: oracleRows.length === 0 ? [] : [models.length],
  })}${gapNote(models, oracle)}`;
}

function gapNote(models: ReportComparison["models"], oracle: Metrics | undefined): Html | undefined {
  const best = oracle?.auc?.value ?? null;
  const own = Math.max(...models.map(({ metrics }) => metrics.auc?.value ?? Number.NEGATIVE_INFINITY));
  if (best === null || !Number.isFinite(own)) return undefined;
  return html`<p class="note">The oracle predicts the true probabilities, with which the labels were drawn; no model can do better except by luck. The best model here is ${formatMetric(best - own)} AUC below it.</p>`;
}

function namesOf(all: readonly Metrics[]): string[] {
  return [...new Set(all.flatMap((metrics) => Object.keys(metrics)))];
}

function definitionOf(name: string): string {
  try {
    return binaryMetrics[parseBinaryMetric(name).family].definition;
  } catch {
    // Of ranked items, then.
  }
  try {
    const families = Object.keys(rankingMetrics) as RankingMetricFamily[];
    return rankingMetrics[parseMetricName(name, families).family].definition;
  } catch {
    return "a metric of the caller's own";
  }
}

/** `droppedGroups` becomes `dropped groups`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
