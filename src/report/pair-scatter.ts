/** Pairs of points in a plane, each joined by a thin line: two kinds of points, told apart by colour and shape. */
import { type Html, html } from "./html.ts";

export interface PairScatter {
  readonly title: string;
  /** What the picture says, in a sentence. */
  readonly description: string;
  readonly kinds: readonly [first: string, second: string];
  readonly pairs: readonly (readonly [
    first: readonly [x: number, y: number],
    second: readonly [x: number, y: number],
  ])[];
}

const SIZE = 300;
const EDGE = 12;

export function pairScatter({ title, description, kinds, pairs }: PairScatter): Html {
  const all = pairs.flat().flat();
  const most = Math.max(1e-9, ...all.map(Math.abs));
  // One scale both ways: angles and lengths are what is to be seen.
  const at = (value: number): number =>
    Math.round((EDGE + ((value / most + 1) / 2) * (SIZE - 2 * EDGE)) * 10) / 10;
  const point = ([x, y]: readonly [number, number]): [number, number] => [at(x), SIZE - at(y)];
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
<ul class="legend"><li><svg class="key" viewBox="0 0 24 10" aria-hidden="true"><circle class="dot s1" cx="12" cy="5" r="3.4"/></svg>${kinds[0]}</li><li><svg class="key" viewBox="0 0 24 10" aria-hidden="true"><rect class="dot s2" x="9" y="2" width="6" height="6"/></svg>${kinds[1]}</li></ul>
<svg viewBox="0 0 ${SIZE} ${SIZE}" style="max-width: 400px" role="img" aria-label="${title}. ${description}">
<g class="grid"><path d="M${SIZE / 2} ${EDGE}V${SIZE - EDGE}"/><path d="M${EDGE} ${SIZE / 2}H${SIZE - EDGE}"/></g>
${pairs.map(([first, second]) => {
  const [[x1, y1], [x2, y2]] = [point(first), point(second)];
  return html`<path class="line s0" style="stroke-width: 0.5; stroke-opacity: 0.5" d="M${x1} ${y1}L${x2} ${y2}"/>`;
})}
${pairs.map(([first, second]) => {
  const [[x1, y1], [x2, y2]] = [point(first), point(second)];
  return html`<circle class="dot s1" cx="${x1}" cy="${y1}" r="2.4" fill-opacity="0.75"/><rect class="dot s2" x="${x2 - 2.2}" y="${y2 - 2.2}" width="4.4" height="4.4" fill-opacity="0.75"/>`;
})}
</svg>
</figure>`;
}
