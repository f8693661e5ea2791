/** Singular values of the embedding tables: how evenly their directions are used. */
import { informationAbundance } from "../numerics/index.ts";
import { chart } from "./chart.ts";
import { formatCount, formatSignificant } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportInput } from "./report-input.ts";
import { integerScale, logScale } from "./scale.ts";
import { longTable } from "./long-table.ts";
import { ofShownModel } from "./shown-model.ts";

/** Tables that get a colour and a name in the plot; the others are drawn muted. */
const NAMED = 6;
/** Tables that are drawn when there are many: the most collapsed, and those of the most important features. */
const DRAWN_COLLAPSED = 12;
const DRAWN_IMPORTANT = 24;
/** Below this share of the largest, a singular value counts as zero (rounding noise of float32 tables). */
const FLOOR = 1e-4;

export function spectraSection(input: ReportInput): Html | undefined {
  const { spectra, features, retrieval } = input;
  const tables = spectra
    .flatMap(({ table, singularValues }) => {
      const abundance = informationAbundance(singularValues);
      if (abundance === undefined) return []; // a table of zeros has no spectrum
      const largest = Math.max(...singularValues);
      const shares = singularValues.map((value) => value / largest).filter((share) => share >= FLOOR);
      return [{ table, width: singularValues.length, abundance, shares }];
    })
    // A table with fewer rows than its width has no more directions than rows to use.
    .sort((a, b) => a.abundance / a.shares.length - b.abundance / b.shares.length);
  if (tables.length === 0) return undefined;
  const important = new Set(
    features
      .toSorted((a, b) => (b.importance ?? 0) - (a.importance ?? 0))
      .flatMap(({ table }) => (table === undefined ? [] : [table.name]))
      .slice(0, DRAWN_IMPORTANT),
  );
  const few = tables.length <= DRAWN_COLLAPSED + DRAWN_IMPORTANT;
  const drawn = few ? tables : tables.filter(({ table }, k) => k < DRAWN_COLLAPSED || important.has(table));
  const lowest = Math.min(0.5, ...drawn.flatMap(({ shares }) => shares));
  const [collapsed] = tables;
  const columns = [
    { title: "table" },
    { title: "directions used", numeric: true },
    { title: "above zero", numeric: true },
    { title: "width", numeric: true },
  ];
  const rows = tables.map(({ table, abundance, shares, width }) => [
    table,
    abundance.toFixed(2),
    String(shares.length),
    String(width),
  ]);
  return html`<section id="spectra" aria-labelledby="spectra-title">
<h2 id="spectra-title">Embedding spectra${retrieval === undefined ? ofShownModel(input) : ""}</h2>
<div class="charts">${chart({
    title: "Singular values relative to the largest",
    description: `The most collapsed table is ${collapsed.table}: it uses ${collapsed.abundance.toFixed(1)} of ${collapsed.width} directions.`,
    x: {
      label: "singular value, by rank",
      scale: integerScale(1, Math.max(...drawn.map(({ width }) => width))),
      format: String,
    },
    y: { label: "share of the largest (log)", scale: logScale(lowest, 1), format: formatSignificant },
    series: drawn.map(({ table, shares }, i) => ({
      name: table,
      style: i < NAMED ? i + 1 : 0,
      legend: i < NAMED,
      points: shares.map((share, k) => [k + 1, share] as const),
    })),
    table: {
      columns: [{ title: "table" }, { title: "shares of the largest, by rank" }],
      rows: drawn.map(({ table, shares }) => [
        table,
        shares.map((share) => formatSignificant(share)).join(", "),
      ]),
    },
  })}
<div>${longTable({ caption: "Directions used by each table, most collapsed first", columns, rows, what: "tables", inSight: 12, showCaption: true })}
<p class="note">A flat line uses all its directions alike; one that falls steeply has collapsed onto a few, and making it wider would not help. Directions used: Σσ / max σ.${
    tables.length > NAMED
      ? ` The ${NAMED} most collapsed of ${formatCount(tables.length)} tables are coloured, the others muted.${few ? "" : ` Drawn are the ${DRAWN_COLLAPSED} most collapsed and those of the ${DRAWN_IMPORTANT} most important features.`}`
      : ""
  } Shares below ${formatSignificant(FLOOR)} count as zero.</p></div></div>
</section>`;
}
