/** Writes docs/systems.md, docs/results.md and docs/multi-task-table.md from results/: `npm run build:results`. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { methodsPage } from "../src/run/methods-page.ts";
import { resultsPage } from "../src/run/results-page.ts";
import { readResults } from "../src/run/results.ts";
import { systemsTable } from "../src/run/systems-table.ts";

const root = new URL("../", import.meta.url);
const results = readResults(fileURLToPath(new URL("results", root)));
for (const [page, text] of Object.entries({
  systems: systemsTable(results),
  results: resultsPage(results),
  "multi-task-table": methodsPage(results.find(({ recipe }) => recipe === "many-tasks")),
})) {
  writeFileAtomic(fileURLToPath(new URL(`docs/${page}.md`, root)), text);
}
