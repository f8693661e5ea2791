/** Facts about the run, its configuration, and how to get it again. */
import { formatCount } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportInput } from "./report-input.ts";
import { ofShownModel } from "./shown-model.ts";

export function factsSection(input: ReportInput): Html | undefined {
  const { facts } = input;
  if (facts.length === 0) return undefined;
  return html`<section id="run" aria-labelledby="run-title">
<h2 id="run-title">The run${ofShownModel(input)}</h2>
<div class="facts">${facts.map(
    (group) =>
      html`<div><h3>${group.title}</h3><dl>${group.facts.map(
        ({ name, value }) => html`<div><dt>${name}</dt><dd>${factText(value)}</dd></div>`,
      )}</dl></div>`,
  )}</div>
</section>`;
}

export function reproduceSection(input: ReportInput): Html | undefined {
  const { config, commands } = input;
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
    : html`<details><summary>Configuration${ofShownModel(input)}</summary><pre tabindex="0"><code>${configText(config)}</code></pre></details>`
}
</section>`;
}

/** Characters of a configuration that a report holds; the run's own file has all. */
const MOST_TEXT = 200_000;
/** Lists that are longer stand with one entry a line. */
const SHORT_LIST = 12;

/** Indented JSON, entries of long lists (features, files) in one line each. */
function configText(config: unknown): string {
  const text = indented(config, "");
  if (text.length <= MOST_TEXT) return text;
  const left = formatCount(text.length - MOST_TEXT);
  return `${text.slice(0, MOST_TEXT)}\n… ${left} more characters: config.json of the run has all of it`;
}

function indented(value: unknown, indent: string): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const entries = isList
    ? value.map((entry) => (value.length > SHORT_LIST ? JSON.stringify(entry) : indented(entry, inner)))
    : Object.entries(value).flatMap(([key, entry]) =>
        entry === undefined ? [] : [`${JSON.stringify(key)}: ${indented(entry, inner)}`],
      );
  if (entries.length === 0) return isList ? "[]" : "{}";
  const [open, close] = isList ? "[]" : "{}";
  return `${open}\n${inner}${entries.join(`,\n${inner}`)}\n${indent}${close}`;
}

/** Characters of one fact, such as a list of files. */
const MOST_FACT = 300;

/** Large counts are grouped; years and seeds of four digits read better plain. */
function factText(value: string | number): string {
  return typeof value === "number" && Number.isInteger(value) && value >= 10_000
    ? formatCount(value)
    : String(value).length > MOST_FACT
      ? `${String(value).slice(0, MOST_FACT)}… (${formatCount(String(value).length)} characters)`
      : String(value);
}
