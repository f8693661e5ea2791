/**
 * Charts as inline SVG: axes, lines, markers and areas in colours of the page's palette. Each is a
 * figure with a caption, a legend, a description for those who cannot see it, and its data as a table.
 */
import { type Html, html } from "./html.ts";
import type { Scale } from "./scale.ts";
import { dataTable, type TableColumn } from "./table.ts";

export interface ChartSeries {
  readonly name: string;
  /** From 1 on picks a colour and a dash of the palette, whose six colours come again with other dashes; 0 is muted. */
  readonly style: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** @default "line" */
  readonly shape?: "line" | "line-and-dots" | "area";
  /** Lower and upper ends of error bars, one a point. */
  readonly intervals?: readonly (readonly [low: number, high: number])[];
  /** Lines that only frame the others need no legend. @default true */
  readonly legend?: boolean;
}

export interface ChartAxis {
  readonly label: string;
  readonly scale: Scale;
  readonly format: (value: number) => string;
}

export interface Chart {
  readonly title: string;
  /** What the picture says, in a sentence or two. */
  readonly description: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  /** The first is drawn on top. */
  readonly series: readonly ChartSeries[];
  /** The same figures as a table. */
  readonly table: { readonly columns: readonly TableColumn[]; readonly rows: readonly (readonly string[])[] };
}

const COLOURS = 6;
const WIDTH = 460;
const HEIGHT = 270;
// Six characters of a tick at the narrow page's size stand beside the axis label.
const AREA = { left: 72, right: 12, top: 10, bottom: 40 };
const INNER_WIDTH = WIDTH - AREA.left - AREA.right;
const INNER_HEIGHT = HEIGHT - AREA.top - AREA.bottom;

export function chart({ title, description, x, y, series, table }: Chart): Html {
  const toX = (value: number): number => round(AREA.left + x.scale.at(value) * INNER_WIDTH);
  const toY = (value: number): number => round(AREA.top + (1 - y.scale.at(value)) * INNER_HEIGHT);
  const floor = AREA.top + INNER_HEIGHT;
  const named = series.filter(({ legend = true }) => legend);
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
<ul class="legend">${named.map(
    ({ name, style, shape }) =>
      html`<li><svg class="key" viewBox="0 0 24 10" aria-hidden="true">${
        shape === "area"
          ? html`<rect class="area ${inkOf(style)}" width="24" height="10"/><path class="line ${inkOf(style)}" d="M0 1H24"/>`
          : html`<path class="line ${inkOf(style)}" d="M1 5H23"/>`
      }</svg>${name}</li>`,
  )}</ul>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}. ${description}">
<g class="grid">${y.scale.ticks.map((tick) => html`<path d="M${AREA.left} ${toY(tick)}H${WIDTH - AREA.right}"/>`)}</g>
<path class="axis" d="M${AREA.left} ${floor}H${WIDTH - AREA.right}"/>
<g class="ticks">${y.scale.ticks.map(
    (tick) =>
      html`<text x="${AREA.left - 7}" y="${toY(tick) + 4}" text-anchor="end">${y.format(tick)}</text>`,
  )}${x.scale.ticks.map(
    (tick) =>
      html`<path d="M${toX(tick)} ${floor}v4"/><text x="${toX(tick)}" y="${floor + 17}" text-anchor="middle">${x.format(tick)}</text>`,
  )}</g>
<text class="axis-label" x="${AREA.left + INNER_WIDTH / 2}" y="${HEIGHT - 5}" text-anchor="middle">${x.label}</text>
<text class="axis-label" transform="translate(12 ${AREA.top + INNER_HEIGHT / 2}) rotate(-90)" text-anchor="middle">${y.label}</text>
${series.toReversed().map((one) => drawSeries(one))}
</svg>
<details><summary>Data of “${title}”</summary>${dataTable({ caption: title, ...table })}</details>
</figure>`;

  function drawSeries({ name, style, points, shape = "line", intervals = [] }: ChartSeries): Html {
    const path = points.map(([px, py]) => `${toX(px)} ${toY(py)}`).join("L");
    const ink = inkOf(style);
    if (points.length === 0) return html``;
    if (shape === "area") {
      const [first, last] = [points[0][0], points[points.length - 1][0]];
      const closed = `M${toX(first)} ${floor}L${path}L${toX(last)} ${floor}Z`;
      return html`<path class="area ${ink}" d="${closed}"/><path class="line ${ink}" d="M${path}"/>`;
    }
    const bars = intervals.map(
      ([low, high], i) =>
        html`<path class="interval ${ink}" d="M${toX(points[i][0])} ${toY(low)}V${toY(high)}"/>`,
    );
    // A line of one point would be invisible.
    const withDots = shape === "line-and-dots" || points.length === 1;
    const dots = points.map(
      ([px, py]) =>
        html`<circle class="dot ${ink}" cx="${toX(px)}" cy="${toY(py)}" r="3.2"><title>${name}: ${x.format(px)}, ${y.format(py)}</title></circle>`,
    );
    return html`${bars}<path class="line ${ink}" d="M${path}"/>${withDots ? dots : undefined}`;
  }
}

/** Classes of the style sheet: a colour, and from the seventh series on a dash that no colour has by itself. */
function inkOf(style: number): string {
  const place = Math.max(0, style - 1);
  const colour = style === 0 ? 0 : (place % COLOURS) + 1;
  return place < COLOURS ? `s${colour}` : `s${colour} ${place < 2 * COLOURS ? "again" : "once-more"}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
