/**
 * The report's style sheet. Light and dark follow the reader's system; print is always light. Colours
 * keep a contrast of at least 4.5 to 1 for text and 3 to 1 for lines; series also differ by dash.
 */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b2230; --muted: #566072; --rule: #dde1e8; --soft: #eef1f5;
  --shade: #1b223026; --accent: #1d4ed8; --warn-text: #7a4100; --warn-back: #fff4dd; --warn-rule: #e8b65a;
  --s0: #8a94a6; --s1: #1d4ed8; --s2: #c2410c; --s3: #0f766e; --s4: #9333ea; --s5: #a16207; --s6: #be185d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f131a; --card: #171d27; --text: #e6eaf2; --muted: #a0abbd; --rule: #2b3443; --soft: #1f2733;
    --shade: #00000080; --accent: #8ab4ff; --warn-text: #ffd591; --warn-back: #2c2311; --warn-rule: #8a6420;
    --s0: #7d889b; --s1: #7aa8ff; --s2: #ff9b66; --s3: #4fd1bd; --s4: #c792ff; --s5: #e3b341; --s6: #ff8cc0;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--page); color: var(--text); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
header, main, footer { max-width: 1160px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
.brand { margin: 0 0 6px; color: var(--muted); font-size: 14px; letter-spacing: 0.02em; }
h1 { margin: 0 0 16px; font-size: clamp(26px, 4.2vw, 36px); line-height: 1.15; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 14px; font-size: 21px; letter-spacing: -0.01em; }
h3 { margin: 22px 0 8px; font-size: 16px; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0 0 22px; padding: 0; list-style: none; font-size: 15px; }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
section { margin: 0 0 20px; padding: 22px 24px 24px; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
section > :last-child, .summary > :last-child { margin-bottom: 0; }
.summary p { max-width: 74ch; margin: 0 0 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 18px; padding: 0; list-style: none; }
.tiles li { padding: 12px 14px; background: var(--soft); border-radius: 10px; }
.tiles .name { display: block; color: var(--muted); font-size: 13.5px; }
.tiles .value { display: block; font-size: 27px; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.tiles .beside { display: block; color: var(--muted); font-size: 13.5px; }
.warnings { margin: 0 0 20px; padding: 16px 24px; color: var(--warn-text); background: var(--warn-back); border: 1px solid var(--warn-rule); border-radius: 12px; }
.warnings h2 { margin-bottom: 6px; font-size: 17px; }
.warnings ul { margin: 0; padding-left: 20px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 8px 36px; }
.facts > div { min-width: 0; } .facts h3 { margin-top: 4px; }
.facts dl { margin: 0; font-size: 15px; }
.facts dl div { display: flex; justify-content: space-between; gap: 16px; padding: 5px 0; border-top: 1px solid var(--rule); }
.facts dt { color: var(--muted); overflow-wrap: anywhere; } .facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 26px 32px; align-items: start; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: 15.5px; }
.chart > svg { display: block; width: 100%; max-width: 620px; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; min-height: 22px; margin: 2px 0 4px; padding: 0; list-style: none; color: var(--muted); font-size: 13.5px; }
.legend li { min-width: 0; } .key { width: 24px; height: 10px; margin-right: 6px; }
.grid path { stroke: var(--rule); } .axis, .ticks path { stroke: var(--muted); fill: none; }
.ticks text, .axis-label { fill: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.line, .interval { fill: none; stroke-width: 2; stroke-linejoin: round; }
.interval { stroke-width: 1.2; opacity: 0.65; }
.area { fill-opacity: 0.2; stroke: none; }
.s0 { stroke: var(--s0); stroke-width: 1.6; } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); }
.s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); } .s6 { stroke: var(--s6); }
.line.s0 { stroke-dasharray: 1.5 3.5; } .line.s2 { stroke-dasharray: 7 4; } .line.s3 { stroke-dasharray: 3 3; }
.line.s4 { stroke-dasharray: 9 3 2 3; } .line.s5 { stroke-dasharray: 12 4; } .line.s6 { stroke-dasharray: 2 3; }
.line.again { stroke-dasharray: 9 3 2 3 2 3; } .line.once-more { stroke-dasharray: 1.5 5; }
.area.s1, .dot.s1 { fill: var(--s1); } .area.s2, .dot.s2 { fill: var(--s2); } .dot.s3 { fill: var(--s3); }
.dot.s4 { fill: var(--s4); } .dot.s5 { fill: var(--s5); } .dot.s6 { fill: var(--s6); } .dot.s0 { fill: var(--s0); }
.scroll { overflow-x: auto; /* a shade at an edge shows that the table goes on there */
  background: linear-gradient(90deg, var(--card) 40%, transparent) local, linear-gradient(270deg, var(--card) 40%, transparent) right local no-repeat,
    linear-gradient(90deg, var(--shade), transparent) left no-repeat scroll, linear-gradient(270deg, var(--shade), transparent) right no-repeat scroll;
  background-size: 36px 100%, 36px 100%, 14px 100%, 14px 100%; background-repeat: no-repeat; }
table { width: 100%; border-collapse: collapse; font-size: 14.5px; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 6px; text-align: left; color: var(--muted); }
th, td { padding: 7px 10px; text-align: left; border-top: 1px solid var(--rule); vertical-align: top; white-space: nowrap; }
thead th { border-top: 0; border-bottom: 1px solid var(--muted); color: var(--muted); font-weight: 600; font-size: 13.5px; vertical-align: bottom; white-space: normal; }
tbody th { font-weight: 600; } th:first-child, td:first-child { padding-left: 0; }
.number { text-align: right; }
.long { min-width: 22ch; max-width: 44ch; white-space: normal; overflow-wrap: anywhere; }
tr.emphasised th, tr.emphasised td { border-top: 2px solid var(--muted); }
.bar { display: inline-block; width: 40px; height: 8px; margin-left: 8px; background: var(--soft); border-radius: 4px; overflow: hidden; vertical-align: 1px; }
.bar i { display: block; height: 100%; background: var(--s1); }
.note { margin: 10px 0 0; color: var(--muted); font-size: 14px; max-width: 80ch; }
details { margin-top: 10px; font-size: 14.5px; }
summary { color: var(--accent); cursor: pointer; }
details > :not(summary) { margin-top: 8px; }
details dt { font-weight: 600; } details dd { margin: 0 0 6px; color: var(--muted); }
pre { margin: 6px 0 14px; padding: 12px 14px; overflow-x: auto; background: var(--soft); border-radius: 8px; font: 13.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.commands { margin: 0; padding: 0; list-style: none; } .commands p { margin: 0; }
footer { padding-top: 4px; padding-bottom: 40px; color: var(--muted); font-size: 14px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 560px) {
  header, main, footer { padding-left: 14px; padding-right: 14px; }
  section, .warnings { padding: 16px 14px 18px; border-radius: 10px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } .tiles .value { font-size: 23px; }
  .ticks text, .axis-label { font-size: 14px; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --card: #ffffff; --text: #000000; --muted: #444444; --rule: #bbbbbb; --soft: #f2f2f2; --accent: #000000; --shade: #ffffff00;
    --warn-text: #000000; --warn-back: #ffffff; --warn-rule: #777777;
    --s0: #777777; --s1: #1d4ed8; --s2: #c2410c; --s3: #0f766e; --s4: #9333ea; --s5: #a16207; --s6: #be185d;
  }
  body { font-size: 11pt; } nav { display: none; }
  section { padding: 0; border: 0; } figure, .tiles, tr, pre { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll, pre { overflow: visible; } pre { white-space: pre-wrap; } table { font-size: 8.5pt; } thead th { font-size: 8pt; } th, td { padding: 4px 5px; white-space: normal; } .long { min-width: 0; }
  .charts > .scroll { grid-column: 1 / -1; }
  .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; } .tiles { grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 6px; } .tiles li { padding: 6px 8px; } .tiles .value { font-size: 15pt; }
}
`;
