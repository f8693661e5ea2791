/** What goes into the model: each feature's kind, vocabulary, missing and unknown shares, table and weight. */
import { formatBytes, formatCount, formatShare, formatSignificant } from "./format.ts";
import { Html, html } from "./html.ts";
import type { ReportFeature, ReportInput } from "./report-input.ts";
import { longTable } from "./long-table.ts";
import { ofShownModel } from "./shown-model.ts";

export function featuresSection(input: ReportInput): Html | undefined {
  const { features, importanceMeaning, importances } = input;
  if (features.length === 0) return undefined;
  const splits = [...new Set(features.flatMap(({ rates }) => Object.keys(rates)))];
  const hasImportance = features.some(({ importance }) => importance !== undefined);
  const largest = Math.max(...features.map(({ importance }) => importance ?? 0), 1e-12);
  const shown = hasImportance
    ? features.toSorted((a, b) => (b.importance ?? 0) - (a.importance ?? 0))
    : features;
  const tables = new Map(
    features.flatMap(({ table }) => (table === undefined ? [] : [[table.name, table.bytes] as const])),
  );
  const bytes = [...tables.values()].reduce((sum, size) => sum + size, 0);
  const shared = tables.size < features.filter(({ table }) => table !== undefined).length;
  const cells = (feature: ReportFeature, drawn: Drawn): (string | Html)[] => [
    feature.name,
    feature.kind,
    ...(hasImportance ? [drawn(feature.importance, (feature.importance ?? 0) / largest)] : []),
    feature.vocabularySize === undefined ? "–" : formatCount(feature.vocabularySize),
    sharesOf(splits.map((split) => feature.rates[split]?.missing)),
    sharesOf(splits.map((split) => feature.rates[split]?.outOfVocabulary)),
    ...tableCells(feature, shared, drawn),
  ];
  return html`<section id="features" aria-labelledby="features-title">
<h2 id="features-title">Features${ofShownModel(input)}</h2>
${longTable({
  caption: `${formatCount(features.length)} features; ${formatCount(tables.size)} tables take ${formatBytes(bytes)}`,
  showCaption: true,
  what: "features",
  ...(hasImportance && { order: "the most important first" }),
  columns: [
    { title: "feature" },
    { title: "kind" },
    ...(hasImportance ? [{ title: "importance", numeric: true }] : []),
    { title: "vocabulary", numeric: true },
    { title: "missing", numeric: true },
    { title: "unknown", numeric: true },
    { title: "table", numeric: true },
    { title: "size", numeric: true },
    { title: "directions used", numeric: true },
  ],
  rows: shown.map((feature) => cells(feature, withBar)),
  plainRows: shown.map((feature) => cells(feature, withoutBar)),
})}
<p class="note">Missing and unknown are shares of rows${splits.length > 1 ? ` (${splits.join(" / ")} where they differ)` : ""}. Unknown values are those that the training split did not show (or showed too rarely); they share one row. Directions used is the information abundance of the table, Σσ / max σ, out of its width: 1 means that all rows lie on one line.${
    hasImportance && importanceMeaning !== undefined ? ` Importance: ${importanceMeaning}.` : ""
  }</p>
${importanceTable(importances)}
</section>`;
}

/** What several models lean on, side by side; those that differ in nothing have one column. */
function importanceTable(importances: ReportInput["importances"]): Html | undefined {
  if (importances.length < 2) return undefined;
  const largestOf = (name: string): number =>
    Math.max(...importances.map(({ byFeature }) => byFeature[name] ?? Number.NEGATIVE_INFINITY));
  const names = [...new Set(importances.flatMap(({ byFeature }) => Object.keys(byFeature)))].sort(
    (a, b) => largestOf(b) - largestOf(a),
  );
  const largest = Math.max(...names.map(largestOf), 1e-12);
  const cells = (name: string, drawn: Drawn): (string | Html)[] => [
    name,
    ...importances.map(({ byFeature }) => drawn(byFeature[name], (byFeature[name] ?? 0) / largest)),
  ];
  return html`<h3>Importance by model</h3>${longTable({
    caption: "AUC that each model loses when a feature's values are shuffled among rows",
    what: "features",
    order: "those that matter most to any model first",
    columns: [{ title: "feature" }, ...importances.map(({ model }) => ({ title: model, numeric: true }))],
    rows: names.map((name) => cells(name, withBar)),
    plainRows: names.map((name) => cells(name, withoutBar)),
  })}`;
}

function tableCells({ name, table }: ReportFeature, nameShared: boolean, drawn: Drawn): (string | Html)[] {
  if (table === undefined) return ["–", "–", "–"];
  const { informationAbundance: abundance, dim, rows, bytes } = table;
  const shared = nameShared && table.name !== name ? ` (${table.name})` : "";
  return [
    `${formatCount(rows)} × ${dim}${shared}`,
    formatBytes(bytes),
    abundance === undefined ? "–" : drawn(abundance, abundance / dim, `${abundance.toFixed(1)} of ${dim}`),
  ];
}

/** A number, with its share drawn beside it or not. */
type Drawn = (value: number | undefined, share: number, text?: string) => Html | string;

const withoutBar: Drawn = (value, _, text) =>
  value === undefined ? "–" : (text ?? formatSignificant(value));

/** A number with its share drawn beside it. */
function withBar(value: number | undefined, share: number, text?: string): Html | string {
  if (value === undefined) return "–";
  const width = new Html(String(Math.round(100 * Math.min(1, Math.max(0, share)))));
  return html`${text ?? formatSignificant(value)}<span class="bar" aria-hidden="true"><i style="width:${width}%"></i></span>`;
}

/** One share where all splits agree, else one a split. */
function sharesOf(shares: readonly (number | undefined)[]): string {
  const texts = shares.map((share) => (share === undefined ? "–" : formatShare(share)));
  if (new Set(texts).size <= 1) return texts[0] ?? "–";
  return `${texts.map((text) => text.replace(/\s%$/, "")).join(" / ")}\u00a0%`;
}
