/** A grid of numbers as shades: one quantity by row and column, lowest pale and highest full, its numbers as a table. */
import { type Html, html } from "./html.ts";
import { dataTable } from "./table.ts";

export interface HeatMap {
  readonly title: string;
  /** What the picture says, in a sentence. */
  readonly description: string;
  readonly rowTitle: string;
  readonly rows: readonly string[];
  readonly columnTitle: string;
  readonly columns: readonly string[];
  /** `[rows][columns]`; null has no shade. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly format: (value: number) => string;
  /** Shades run over this range. @default that of the values */
  readonly range?: readonly [low: number, high: number];
}

const CELL = 24;
const LEFT = 120;
const TOP = 6;
const LONGEST = 16;

export function heatMap({
  title,
  description,
  rowTitle,
  rows,
  columnTitle,
  columns,
  values,
  format,
  range,
}: HeatMap): Html {
  const known = values.flat().filter((value) => value !== null);
  const [low, high] = range ?? [Math.min(...known), Math.max(...known)];
  const shade = (value: number): string =>
    (0.06 + 0.94 * Math.min(1, Math.max(0, high === low ? 0 : (value - low) / (high - low)))).toFixed(3);
  const width = LEFT + columns.length * CELL + 8;
  const floor = TOP + rows.length * CELL;
  // Long names stand upright below, so that columns stay narrow.
  const upright = columns.some((name) => name.length > 3);
  const height = floor + (upright ? 92 : 20) + 18;
  const short = (name: string): string => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name);
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
<p class="note">Down: ${rowTitle}. Across: ${columnTitle}. ${
    known.length === 0 ? "Nothing to show." : `From ${format(low)} (pale) to ${format(high)} (full).`
  }</p>
<svg viewBox="0 0 ${width} ${height}" style="max-width: ${width * 1.25}px" role="img" aria-label="${title}. ${description}">
<g class="ticks">${rows.map(
    (name, i) =>
      html`<text x="${LEFT - 6}" y="${TOP + i * CELL + CELL / 2 + 4}" text-anchor="end">${short(name)}</text>`,
  )}${columns.map((name, j) => {
    const x = LEFT + j * CELL + CELL / 2;
    return upright
      ? html`<text transform="translate(${x + 4} ${floor + 8}) rotate(90)">${short(name)}</text>`
      : html`<text x="${x}" y="${floor + 16}" text-anchor="middle">${name}</text>`;
  })}</g>
${values.map((row, i) =>
  row.map((value, j) =>
    value === null
      ? html`<rect class="grid-cell" x="${LEFT + j * CELL}" y="${TOP + i * CELL}" width="${CELL - 1}" height="${CELL - 1}" fill="none" stroke="currentColor" stroke-opacity="0.15"/>`
      : html`<rect class="dot s1" x="${LEFT + j * CELL}" y="${TOP + i * CELL}" width="${CELL - 1}" height="${CELL - 1}" style="stroke: none" fill-opacity="${shade(value)}"><title>${rows[i]}, ${columns[j]}: ${format(value)}</title></rect>`,
  ),
)}
</svg>
<details><summary>Data of “${title}”</summary>${dataTable({
    caption: title,
    columns: [{ title: rowTitle }, ...columns.map((name) => ({ title: name, numeric: true }))],
    rows: rows.map((name, i) => [name, ...values[i].map((value) => (value === null ? "–" : format(value)))]),
  })}</details>
</figure>`;
}
