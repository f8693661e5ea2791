/**
 * The report of a run: one HTML file that needs nothing else, offline and without scripts. Its content
 * security policy forbids every request, so it cannot load anything even by mistake.
 */
import { calibrationSection } from "./calibration-section.ts";
import { curvesSection } from "./curves-section.ts";
import { featuresSection } from "./features-section.ts";
import { Html, html } from "./html.ts";
import { metricsSection } from "./metrics-section.ts";
import type { ReportInput } from "./report-input.ts";
import { retrievalSection } from "./retrieval-section.ts";
import { factsSection, reproduceSection } from "./run-section.ts";
import { spectraSection } from "./spectra-section.ts";
import { style } from "./style.ts";
import { summarySection } from "./summary.ts";

/** The whole file as text. Sections whose input is empty are left out. */
export function renderReport(input: ReportInput): string {
  const sections: readonly (readonly [id: string, name: string, section: Html | undefined])[] = [
    ["summary", "Summary", summarySection(input)],
    ["metrics", "Metrics", metricsSection(input)],
    ["retrieval", "Recommendations", retrievalSection(input)],
    ["curves", "Training", curvesSection(input)],
    ["calibration", "Calibration", calibrationSection(input)],
    ["features", "Features", featuresSection(input)],
    ["spectra", "Embeddings", spectraSection(input)],
    ["run", "The run", factsSection(input)],
    ["reproduce", "Reproduce", reproduceSection(input)],
  ];
  const present = sections.filter(([, , section]) => section !== undefined);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="Millrace ${input.millraceVersion}">
<link rel="icon" href="data:,">
<title>${input.title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<header>
<p class="brand">Millrace run report, ${dateOf(input.createdAt)}</p>
<h1>${input.title}</h1>
<nav aria-label="Sections"><ul>${present.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main>
${warnings(input)}
${present.map(([, , section]) => section)}
</main>
<footer>Made by Millrace ${input.millraceVersion}. This file is self-contained: it loads nothing and runs no script.</footer>
</body>
</html>
`.markup;
}

function warnings({ warnings: messages }: ReportInput): Html | undefined {
  if (messages.length === 0) return undefined;
  return html`<aside class="warnings" aria-labelledby="warnings-title">
<h2 id="warnings-title">Read this first</h2>
<ul>${messages.map((message) => html`<li>${message}</li>`)}</ul>
</aside>`;
}

/** `2026-01-02T03:04:05Z` as `2 January 2026, 03:04 UTC`; other text as it is. */
function dateOf(createdAt: string): string {
  const date = new Date(createdAt);
  if (Number.isNaN(date.getTime())) return createdAt;
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
  return `${format.format(date).replace(" at ", ", ")} UTC`;
}
