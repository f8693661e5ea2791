/** Facts about the run, its configuration, and how to get it again. */
import { formatCount } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportInput } from "./report-input.ts";

export function factsSection({ facts }: ReportInput): Html | undefined {
  if (facts.length === 0) return undefined;
  return html`<section id="run" aria-labelledby="run-title">
<h2 id="run-title">The run</h2>
<div class="facts">${facts.map(
    (group) =>
      html`<div><h3>${group.title}</h3><dl>${group.facts.map(
        ({ name, value }) => html`<div><dt>${name}</dt><dd>${factText(value)}</dd></div>`,
      )}</dl></div>`,
  )}</div>
</section>`;
}

export function reproduceSection({ config, commands }: ReportInput): Html | undefined {
  if (config === undefined && commands.length === 0) return undefined;
  return html`<section id="reproduce" aria-labelledby="reproduce-title">
<h2 id="reproduce-title">Reproduce</h2>
${
  commands.length === 0
    ? undefined
    : html`<ol class="commands">${commands.map(
        ({ purpose, command }) =>
          html`<li><p>${purpose}</p><pre tabindex="0"><code>${command}</code></pre></li>`,
      )}</ol>`
}
${
  config === undefined
    ? undefined
    : html`<details><summary>Configuration</summary><pre tabindex="0"><code>${JSON.stringify(config, null, 2)}</code></pre></details>`
}
</section>`;
}

/** Large counts are grouped; years and seeds of four digits read better plain. */
function factText(value: string | number): string {
  return typeof value === "number" && Number.isInteger(value) && value >= 10_000
    ? formatCount(value)
    : String(value);
}
