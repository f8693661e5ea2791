/** The analyses of a run, or of embeddings from elsewhere, as one self-contained page or as sections of another. */
import {
  type CollapseStudy,
  type CorrelationStudy,
  type EntanglementStudy,
  type ExpertStudy,
  histogramBins,
  type PairKind,
  type TaskStudy,
} from "../analysis/index.ts";
import { packageVersion } from "../core/node/index.ts";
import { chart } from "./chart.ts";
import { formatCount, formatMetricValue, formatSignificant } from "./format.ts";
import { heatMap } from "./heat-map.ts";
import { Html, html } from "./html.ts";
import { pairScatter } from "./pair-scatter.ts";
import { integerScale, linearScale, logScale } from "./scale.ts";
import { style } from "./style.ts";
import { dataTable } from "./table.ts";

/** What was studied; tools that were not asked for or did not fit are left out. */
export interface AnalysisPageInput {
  readonly source: string;
  readonly collapse?: CollapseStudy;
  readonly correlation?: CorrelationStudy;
  readonly entanglement?: EntanglementStudy;
  readonly experts?: ExpertStudy;
  readonly tasks?: TaskStudy;
  /** Why tools said nothing, by tool. */
  readonly skipped: { readonly [tool: string]: string };
}

/** Tables that get a colour of their own in the plot of spectra. */
const NAMED = 6;
/** Smaller shares of the largest singular value are rounding noise of float32 tables. */
const FLOOR = 1e-4;
const dash = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? "–" : value.toFixed(digits);

/** The whole file as text: it loads nothing and runs no script. */
export function renderAnalysis(input: AnalysisPageInput): string {
  const sections = analysisSections(input);
  const version = packageVersion();
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="Millrace ${version}">
<link rel="icon" href="data:,">
<title>Analysis of ${input.source}</title>
<style>${new Html(style)}</style>
</head>
<body>
<header>
<p class="brand">Millrace analysis</p>
<h1>${input.source}</h1>
<nav aria-label="Sections"><ul>${sections.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main>
${sections.map(({ section }) => section)}
${skippedSection(input)}
</main>
<footer>Made by Millrace ${version}. This file is self-contained: it loads nothing and runs no script.</footer>
</body>
</html>
`.markup;
}

/** The same as sections for a page that has a head of its own. */
export function analysisSections(
  input: AnalysisPageInput,
): readonly { readonly id: string; readonly name: string; readonly section: Html }[] {
  const { collapse, correlation, entanglement, experts, tasks } = input;
  return [
    { id: "collapse", name: "Collapse", section: collapse && collapseSection(collapse) },
    { id: "correlation", name: "Correlation", section: correlation && correlationSection(correlation) },
    { id: "entanglement", name: "Entanglement", section: entanglement && entanglementSection(entanglement) },
    { id: "experts", name: "Experts", section: experts && expertSection(experts) },
    { id: "tasks", name: "Tasks", section: tasks && taskSection(tasks) },
  ].flatMap(({ id, name, section }) => (section === undefined ? [] : [{ id, name, section }]));
}

function skippedSection({ skipped }: AnalysisPageInput): Html | undefined {
  const entries = Object.entries(skipped);
  if (entries.length === 0) return undefined;
  return html`<section><h2>Not shown</h2><ul>${entries.map(([tool, why]) => html`<li>${tool}: ${why}</li>`)}</ul></section>`;
}

function collapseSection({ tables, vocabularies, meanAbundance, subEmbeddings }: CollapseStudy): Html {
  const lines = tables.flatMap(({ name, singularValues }) => {
    const [largest] = singularValues;
    if (!(largest > 0)) return [];
    return [
      { name, shares: singularValues.map((value) => value / largest).filter((share) => share >= FLOOR) },
    ];
  });
  const columns = [
    { title: "table" },
    { title: "rows", numeric: true },
    { title: "width", numeric: true },
    { title: "abundance", numeric: true },
    { title: "drawn", numeric: true },
    { title: "effective rank", numeric: true },
  ];
  return html`<section id="collapse" aria-labelledby="collapse-title">
<h2 id="collapse-title">Dimensional collapse</h2>
<div class="charts">${
    lines.length === 0
      ? undefined
      : chart({
          title: "Singular values relative to the largest",
          description: "A line that falls steeply belongs to a table that uses few of its directions.",
          x: {
            label: "singular value, by rank",
            scale: integerScale(1, Math.max(...lines.map(({ shares }) => shares.length))),
            format: String,
          },
          y: {
            label: "share of the largest (log)",
            scale: logScale(Math.min(0.5, ...lines.flatMap(({ shares }) => shares)), 1),
            format: formatSignificant,
          },
          series: lines.map(({ name, shares }, i) => ({
            name,
            style: i < NAMED ? i + 1 : 0,
            legend: i < NAMED,
            points: shares.map((share, k) => [k + 1, share] as const),
          })),
          table: {
            columns: [{ title: "table" }, { title: "shares of the largest, by rank" }],
            rows: lines.map(({ name, shares }) => [
              name,
              shares.map((share) => formatSignificant(share)).join(", "),
            ]),
          },
        })
  }
<div>${dataTable({
    caption: "Directions used by each table",
    showCaption: true,
    columns,
    rows: tables.map((table) => [
      table.name,
      formatCount(table.rows),
      String(table.dim),
      dash(table.informationAbundance, 2),
      table.randomAbundance.toFixed(2),
      dash(table.effectiveRank, 2),
    ]),
  })}
<p class="note">Abundance is Σσ / max σ, between 1 and the width; “drawn” is that of a fresh random table of the same shape. Mean over tables: ${dash(meanAbundance, 2)}.</p></div>
${
  vocabularies.length === 0
    ? undefined
    : html`<div>${dataTable({
        caption: "Tables of one vocabulary side by side",
        showCaption: true,
        columns: [
          { title: "vocabulary" },
          { title: "tables", numeric: true },
          { title: "width", numeric: true },
          { title: "abundance", numeric: true },
          { title: "of one alone", numeric: true },
        ],
        rows: vocabularies.map((one) => [
          one.name,
          String(one.tables),
          String(one.dim),
          dash(one.informationAbundance, 2),
          dash(one.meanAbundance, 2),
        ]),
      })}</div>`
}
${subEmbeddings.map(({ place, fields, abundance }) =>
  heatMap({
    title: `What fields show each other (${place})`,
    description: "Information abundance of the part of a field's table that meets another field.",
    rowTitle: "field",
    rows: fields,
    columnTitle: "the field it is shown to",
    columns: fields,
    values: abundance,
    format: (value) => value.toFixed(2),
  }),
)}</div>
</section>`;
}

function correlationSection(study: CorrelationStudy): Html {
  const { categories, distances, candidates, history, target, label, shown, meanRankCorrelation } = study;
  const columns = Array.from({ length: distances }, (_, k) => String(k + 1));
  return html`<section id="correlation" aria-labelledby="correlation-title">
<h2 id="correlation-title">Feature correlation</h2>
<p>What attention (${shown}) has learnt of ${history} for a candidate's ${target}, beside the mutual information of the same events with ${label}. Mean rank correlation over ${candidates.length} candidates: <strong>${dash(meanRankCorrelation, 2)}</strong>.</p>
<div class="charts">${candidates.slice(0, 3).map(({ candidate, information, attention }) => [
    heatMap({
      title: `${target} ${candidate}: mutual information`,
      description: "What an event of a category at a distance tells about the label, in bits.",
      rowTitle: "category of the event",
      rows: categories,
      columnTitle: "distance",
      columns,
      values: information,
      format: (value) => formatSignificant(value, 2),
    }),
    heatMap({
      title: `${target} ${candidate}: attention`,
      description: "Mean attention weight of such events.",
      rowTitle: "category of the event",
      rows: categories,
      columnTitle: "distance",
      columns,
      values: attention,
      format: (value) => formatSignificant(value, 2),
    }),
  ])}
<div>${dataTable({
    caption: "Rank correlation of both maps, by candidate",
    showCaption: true,
    columns: [
      { title: target },
      { title: "rows", numeric: true },
      { title: "rank correlation", numeric: true },
    ],
    rows: candidates.map((one) => [one.candidate, formatCount(one.rows), dash(one.rankCorrelation, 2)]),
  })}</div></div>
</section>`;
}

function entanglementSection({ user, item, tasks, views, shifts, pictures }: EntanglementStudy): Html {
  const names: { readonly [kind in PairKind]: string } = {
    "10": `${tasks[0]}, not ${tasks[1]}`,
    "01": `${tasks[1]}, not ${tasks[0]}`,
    "11": "both",
  };
  const kinds = ["10", "01", "11"] as const;
  const bin = (k: number): number => ((k + 0.5) * 2) / histogramBins;
  return html`<section id="entanglement" aria-labelledby="entanglement-title">
<h2 id="entanglement-title">Interest entanglement</h2>
<p>Cosine distances between ${user} and ${item} of pairs that ${tasks[0]} and ${tasks[1]} disagree on, in every view of the model.</p>
<div class="charts">${views.map(({ view, histograms, distances }) =>
    chart({
      title: `Distances in ${view}`,
      description: "Shares of pairs by cosine distance, by what the two tasks say of them.",
      x: { label: "cosine distance", scale: linearScale(0, 2), format: (value) => formatSignificant(value) },
      y: {
        label: "share of pairs",
        scale: linearScale(0, Math.max(0.05, ...kinds.flatMap((kind) => histograms[kind]))),
        format: (value) => formatSignificant(value),
      },
      series: kinds
        .filter((kind) => distances[kind].pairs > 0)
        .map((kind, k) => ({
          name: names[kind],
          style: k + 1,
          points: histograms[kind].map((share, at) => [bin(at), share] as const),
        })),
      table: {
        columns: [{ title: "distance" }, ...kinds.map((kind) => ({ title: names[kind], numeric: true }))],
        rows: Array.from({ length: histogramBins }, (_, k) => [
          bin(k).toFixed(2),
          ...kinds.map((kind) => histograms[kind][k].toFixed(3)),
        ]),
      },
    }),
  )}
<div>${dataTable({
    caption: "Mean distances",
    showCaption: true,
    columns: [{ title: "view" }, ...kinds.map((kind) => ({ title: names[kind], numeric: true }))],
    rows: views.map(({ view, distances }) => [view, ...kinds.map((kind) => dash(distances[kind].mean))]),
  })}${
    shifts.length === 0
      ? undefined
      : dataTable({
          caption: "Shifts between views",
          showCaption: true,
          columns: [
            { title: "views" },
            { title: names["10"], numeric: true },
            { title: names["01"], numeric: true },
            { title: "separation", numeric: true },
          ],
          rows: shifts.map(({ a, b, shift, separation }) => [
            `${a} − ${b}`,
            dash(shift["10"]),
            dash(shift["01"]),
            dash(separation),
          ]),
        })
  }<p class="note">Views that each hold one task's taste move the two kinds of pairs in opposite directions; a table that both tasks share is one view and cannot.</p></div>
${pictures
  .filter(({ pairs }) => pairs.length > 0)
  .map(({ view, kind, pairs, share }) =>
    pairScatter({
      title: `${names[kind]}, in ${view}`,
      description: `Users and items at unit length in the plane of their two first principal components, which holds ${(share * 100).toFixed(0)} % of their variance.`,
      kinds: [user, item],
      pairs: pairs.map((pair) => [pair.user, pair.item] as const),
    }),
  )}</div>
</section>`;
}

function expertSection({ rows, experts, covariance, diversity, correlation }: ExpertStudy): Html {
  return html`<section id="experts" aria-labelledby="experts-title">
<h2 id="experts-title">Experts</h2>
<p>On ${formatCount(rows)} rows: mean |covariance| between experts ${formatMetricValue(covariance)}, diversity (1 − mean |correlation|) ${formatMetricValue(diversity)}.</p>
<div class="charts">${heatMap({
    title: "How far experts repeat each other",
    description: "Mean absolute correlation of the dimensions of two experts.",
    rowTitle: "expert",
    rows: experts,
    columnTitle: "expert",
    columns: experts,
    values: correlation,
    format: (value) => value.toFixed(3),
    range: [0, 1],
  })}</div>
</section>`;
}

function taskSection({ gradients, recorded, transfer, balance }: TaskStudy): Html {
  const { tasks, weights, cosine, conflict, batches } = gradients;
  const pairs = Object.keys(cosine);
  const numeric = (title: string) => ({ title, numeric: true });
  return html`<section id="tasks" aria-labelledby="tasks-title">
<h2 id="tasks-title">Tasks</h2>
<div class="charts"><div>${dataTable({
    caption: `Gradients of tasks on shared weights, over ${batches} batches`,
    showCaption: true,
    columns: [{ title: "pair" }, numeric("cosine"), numeric("batches in conflict")],
    rows: pairs.map((pair) => [
      pair.replace("|", " and "),
      dash(cosine[pair]),
      `${(conflict[pair] * 100).toFixed(0)} %`,
    ]),
  })}${
    transfer.length === 0
      ? undefined
      : dataTable({
          caption: "Gain over a run of the task alone",
          showCaption: true,
          columns: [{ title: "task" }, { title: "alone" }, numeric(`${transfer[0].metric} gained`)],
          rows: transfer.map(({ task, alone, gain }) => [task, alone, formatMetricValue(gain)]),
        })
  }</div>
<div>${dataTable({
    caption: "Shared weights: cosine, and share of the squared gradient",
    showCaption: true,
    columns: [
      { title: "weight" },
      ...pairs.map((pair) => numeric(pair)),
      ...tasks.map((task) => numeric(task)),
    ],
    rows: weights.map((one) => [
      one.path,
      ...pairs.map((pair) => dash(one.cosine[pair])),
      ...tasks.map((task) => dash(one.share[task])),
    ]),
  })}</div>
${
  recorded?.dominance === undefined
    ? undefined
    : html`<div>${dataTable({
        caption: "Shares of squared updates in training (rAU)",
        showCaption: true,
        columns: [{ title: "weight" }, ...tasks.map((task) => numeric(task))],
        rows: Object.entries(recorded.dominance).map(([path, shares]) => [
          path,
          ...tasks.map((task) => dash(shares[task])),
        ]),
      })}</div>`
}
${
  balance === undefined
    ? undefined
    : html`<div>${dataTable({
        caption: `AUC by how a ${balance.user}'s positive feedback divides between ${balance.tasks.join(" and ")}`,
        showCaption: true,
        columns: [
          { title: `share of ${balance.tasks[0]}` },
          numeric("rows"),
          ...tasks.map((task) => numeric(task)),
        ],
        rows: balance.bins.map(({ from, to, rows, auc }) => [
          `${from} to ${to}`,
          formatCount(rows),
          ...tasks.map((task) => formatMetricValue(auc[task])),
        ]),
      })}</div>`
}</div>
</section>`;
}
