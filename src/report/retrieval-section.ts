/** What retrieval models recommend: how much they find by cut-off, how popular it is, and what an index keeps of it. */
import { chart } from "./chart.ts";
import { formatBytes, formatCount, formatMetric, formatShare, formatSignificant } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportInput, ReportRetrieval } from "./report-input.ts";
import { integerScale, linearScale, logScale } from "./scale.ts";
import { dataTable } from "./table.ts";

/** What figures of ranked items stand under, where a label's name would. */
export const RANKING = "ranking";

export function retrievalSection({ retrieval = [] }: ReportInput): Html | undefined {
  if (retrieval.length === 0) return undefined;
  return html`<section id="retrieval" aria-labelledby="retrieval-title">
<h2 id="retrieval-title">Recommendations</h2>
<div class="charts">${cutoffChart(retrieval, "recall")}${cutoffChart(retrieval, "ndcg")}${popularityChart(retrieval)}${normChart(retrieval)}</div>
${popularityTable(retrieval)}
<p class="note">Measured on ${measuredOn(retrieval)}, each with all items ranked but those taken before. A tenth is a tenth of the catalogue by how many users took an item in training, the most popular items first.</p>
${indexTable(retrieval)}
</section>`;
}

/** Users and lengths of lists; by model where they are not the same. */
function measuredOn(retrieval: readonly ReportRetrieval[]): string {
  const texts = retrieval.map(
    ({ users, split, k }) => `${formatCount(users)} users of the ${split} split by lists of the ${k} best`,
  );
  return new Set(texts).size === 1
    ? texts[0]
    : retrieval.map(({ model }, i) => `${texts[i]} (${model})`).join(", ");
}

/** The first model of each data set: items, what was taken and what was held out are the same for those alike. */
function firstsByData(retrieval: readonly ReportRetrieval[]): ReportRetrieval[] {
  const dataOf = ({ users, split, popularity }: ReportRetrieval): string =>
    JSON.stringify([users, split, popularity.map(({ items, taken, heldOut }) => [items, taken, heldOut])]);
  return retrieval.filter((one, k) => retrieval.findIndex((other) => dataOf(other) === dataOf(one)) === k);
}

function cutoffChart(retrieval: readonly ReportRetrieval[], metric: "recall" | "ndcg"): Html {
  const name = metric === "recall" ? "Recall" : "NDCG";
  const series = retrieval.map(({ model, cutoffs }, i) => ({
    name: model,
    style: i + 1,
    shape: "line-and-dots" as const,
    points: cutoffs.map((cutoff) => [cutoff.k, cutoff[metric]] as const),
  }));
  const all = series.flatMap(({ points }) => points);
  const last = series.flatMap(({ name: model, points }) => {
    const end = points.at(-1);
    return end === undefined ? [] : [`${model} reaches ${formatMetric(end[1])} at ${end[0]}`];
  });
  // Smaller catalogues have fewer cut-offs.
  const cuts = [...new Set(all.map(([k]) => k))].sort((a, b) => a - b);
  const most = Math.max(2, ...cuts);
  return chart({
    title: `${name} by cut-off`,
    description: `${last.join("; ")}.`,
    x: { label: "items in the list (log)", scale: logScale(1, most), format: formatSignificant },
    y: {
      label: name,
      scale: linearScale(0, Math.max(...all.map(([, value]) => value), 1e-6)),
      format: formatSignificant,
    },
    series,
    table: {
      columns: [{ title: "model" }, ...cuts.map((k) => ({ title: `@${k}`, numeric: true }))],
      rows: series.map(({ name: model, points }) => [model, ...cellsAt(cuts, points, formatMetric)]),
    },
  });
}

/** A row's cells under columns of its x values; a dash where it has no point. */
function cellsAt(
  columns: readonly number[],
  points: readonly (readonly [number, number])[],
  format: (value: number) => string,
): string[] {
  const values = new Map(points);
  return columns.map((x) => {
    const value = values.get(x);
    return value === undefined ? "–" : format(value);
  });
}

/** Tenths that any of the runs has, from 1; catalogues of less than ten items have fewer. */
function tenthsOf(retrieval: readonly ReportRetrieval[]): number[] {
  const most = Math.max(...retrieval.map(({ popularity }) => popularity.length));
  return Array.from({ length: most }, (_, k) => k + 1);
}

/** Shares of lists by popularity, beside what users took then and took next. */
function popularityChart(retrieval: readonly ReportRetrieval[]): Html {
  const [first] = retrieval;
  const datasets = firstsByData(retrieval);
  const points = (of: (tenth: ReportRetrieval["popularity"][number]) => number, one: ReportRetrieval) =>
    one.popularity.map((tenth, k) => [k + 1, of(tenth)] as const);
  const series = [
    ...retrieval.map((one, i) => ({
      name: retrieval.length === 1 ? "recommended" : `recommended by ${one.model}`,
      style: i + 1,
      shape: "line-and-dots" as const,
      points: points(({ recommended }) => recommended, one),
    })),
    ...datasets.map((one) => ({
      name: datasets.length === 1 ? "held out" : `held out, ${one.model}`,
      style: 0,
      points: points(({ heldOut }) => heldOut, one),
    })),
  ];
  const top = first.popularity[0];
  const tenths = tenthsOf(retrieval);
  return chart({
    title: "Share of lists by popularity",
    description: `The most popular tenth of items fills ${formatShare(top?.recommended ?? 0)} of the lists of ${first.model}; of what users took next it was ${formatShare(top?.heldOut ?? 0)}.`,
    x: {
      label: "tenth of items, most popular first",
      scale: integerScale(1, tenths.length),
      format: String,
    },
    y: {
      label: "% of all places",
      scale: linearScale(0, Math.max(...series.flatMap((one) => one.points.map(([, share]) => share)), 1e-6)),
      format: (share) => formatSignificant(100 * share),
    },
    series,
    table: {
      columns: [{ title: "line" }, ...tenths.map((tenth) => ({ title: String(tenth), numeric: true }))],
      rows: series.map((one) => [one.name, ...cellsAt(tenths, one.points, formatShare)]),
    },
  });
}

function normChart(retrieval: readonly ReportRetrieval[]): Html {
  const series = retrieval.map(({ model, popularity }, i) => ({
    name: model,
    style: i + 1,
    shape: "line-and-dots" as const,
    points: popularity.map(({ norm }, k) => [k + 1, norm] as const),
  }));
  const tenths = tenthsOf(retrieval);
  const norms = series.flatMap(({ points }) => points.map(([, norm]) => norm));
  return chart({
    title: "Length of items' vectors by popularity",
    description:
      "With dot products longer vectors are recommended more often; a steep fall is a taste for popular items.",
    x: {
      label: "tenth of items, most popular first",
      scale: integerScale(1, tenths.length),
      format: String,
    },
    y: {
      label: "mean length",
      scale: linearScale(Math.min(0, ...norms), Math.max(...norms, 1e-6)),
      format: formatSignificant,
    },
    series,
    table: {
      columns: [{ title: "model" }, ...tenths.map((tenth) => ({ title: String(tenth), numeric: true }))],
      rows: series.map(({ name, points }) => [name, ...cellsAt(tenths, points, formatSignificant)]),
    },
  });
}

function popularityTable(retrieval: readonly ReportRetrieval[]): Html {
  const several = retrieval.length > 1;
  const datasets = firstsByData(retrieval);
  const whose = ({ model }: ReportRetrieval): string => (datasets.length > 1 ? `, ${model}` : "");
  const tenths = tenthsOf(retrieval);
  const shareOr = (share: number | undefined): string => (share === undefined ? "–" : formatShare(share));
  return html`<h3>Recommended items by popularity</h3>${dataTable({
    caption: "Share of lists and of items recommended, by tenth of popularity",
    columns: [
      { title: "tenth" },
      ...datasets.flatMap((one) => [
        { title: `items${whose(one)}`, numeric: true },
        { title: `taken in training${whose(one)}`, numeric: true },
        { title: `held out${whose(one)}`, numeric: true },
      ]),
      ...retrieval.flatMap(({ model }) => [
        { title: several ? `of lists, ${model}` : "of lists", numeric: true },
        { title: several ? `items recommended, ${model}` : "items recommended", numeric: true },
      ]),
    ],
    rows: [
      ...tenths.map((tenth, k) => [
        k === 0 ? "1, most popular" : String(tenth),
        ...datasets.flatMap(({ popularity }) => {
          const own = popularity.at(k);
          return [
            own === undefined ? "–" : formatCount(own.items),
            shareOr(own?.taken),
            shareOr(own?.heldOut),
          ];
        }),
        ...retrieval.flatMap(({ popularity }) => [
          shareOr(popularity.at(k)?.recommended),
          shareOr(popularity.at(k)?.coverage),
        ]),
      ]),
      [
        "all",
        ...datasets.flatMap(({ popularity }) => [
          formatCount(popularity.reduce((sum, { items }) => sum + items, 0)),
          "",
          "",
        ]),
        ...retrieval.flatMap(({ coverage }) => ["", formatShare(coverage)]),
      ],
    ],
    emphasised: [tenths.length],
  })}`;
}

function indexTable(retrieval: readonly ReportRetrieval[]): Html | undefined {
  const built = retrieval.flatMap(({ model, index }) => (index === undefined ? [] : [{ model, index }]));
  if (built.length === 0) return undefined;
  const shown = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? "–" : format(value);
  return html`<h3>Index</h3>${dataTable({
    caption: "Indexes in use, measured against exact search",
    columns: [
      { title: "model" },
      { title: "kind" },
      { title: "items", numeric: true },
      { title: "size", numeric: true },
      { title: "recall of exact search", numeric: true },
      { title: "searches/s", numeric: true },
      { title: "exact searches/s", numeric: true },
    ],
    rows: built.map(({ model, index: { kind, items, bytes, measured } }) => [
      model,
      kind,
      formatCount(items),
      formatBytes(bytes),
      measured === undefined ? "–" : `${formatMetric(measured.recall)} of the best ${measured.k}`,
      shown(measured?.queriesPerSecond, (value) => formatCount(Math.round(value))),
      shown(measured?.exactQueriesPerSecond, (value) => formatCount(Math.round(value))),
    ]),
  })}`;
}
