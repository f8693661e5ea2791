/** Writes docs/systems.md from results/: `npx tsx scripts/write-systems.ts`. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { readResults } from "../src/run/results.ts";
import { systemsTable } from "../src/run/systems-table.ts";

const root = new URL("../", import.meta.url);
const results = readResults(fileURLToPath(new URL("results", root)));
writeFileAtomic(fileURLToPath(new URL("docs/systems.md", root)), systemsTable(results));
