/** `millrace index`: the items of a retrieval run as an index that a server searches and takes up while it runs. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { listDirectory } from "../core/node/index.ts";
import {
  ExactIndex,
  type HnswOptions,
  type IndexKind,
  measureIndex,
  openIndex,
  openRetrievalRun,
  writeIndex,
} from "../retrieval/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { bytes, count } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly kind: IndexKind;
  readonly connectivity?: number;
  readonly buildExpansion?: number;
  readonly searchExpansion?: number;
  readonly precision?: "f32" | "f16" | "i8";
  readonly at: number;
  readonly engine: EngineChoice;
}

export const indexVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "index",
    description:
      "Builds an index of a retrieval run's items and makes it the current one: servers that have the run " +
      "open take it up without a restart. The index is then measured against exact search with users of the run.",
    examples: [
      ["millrace index runs/tower", "exact search"],
      ["millrace index runs/tower --kind hnsw", "approximate search in a graph, by usearch"],
      ["millrace index runs/tower --kind hnsw --precision f16", "half the memory"],
    ],
  })
    .argument("<run>", "directory of a retrieval run")
    .addOption(new Option("--kind <name>", "how to search").choices(["exact", "hnsw"]).default("exact"))
    .option("--connectivity <n>", "hnsw: neighbours of an item in the graph (default 32)", positive)
    .option("--build-expansion <n>", "hnsw: candidates looked at while building (default 256)", positive)
    .option("--search-expansion <n>", "hnsw: candidates looked at in a search (default 256)", positive)
    .addOption(new Option("--precision <name>", "hnsw: how vectors are stored").choices(["f32", "f16", "i8"]))
    .option("--at <k>", "measure recall of the best k items", positive, 100)
    .addOption(engineOption())
    .action(async (run: string, options: Options) => shell.finish(await indexRun(shell, run, options)));

async function indexRun(shell: Shell, directory: string, options: Options): Promise<Outcome> {
  const { kind, at, connectivity, buildExpansion, searchExpansion, precision } = options;
  const run = openRetrievalRun(directory);
  const engine = await openEngine(shell, options.engine);
  const content = run.content();
  const hnsw: HnswOptions = { connectivity, buildExpansion, searchExpansion, precision };
  shell.notice(`building the index of ${count(content.keys.length)} items`);
  const began = performance.now();
  const folder = writeIndex(run.indexDirectory, content, { kind, hnsw });
  const seconds = (performance.now() - began) / 1000;
  const opened = await openIndex(run.indexDirectory, { engine });
  const exact = await ExactIndex.create({ engine, ...content });
  const queries = run.queries();
  const k = Math.min(at, content.keys.length);
  const measure = queries.length === 0 ? null : await measureIndex(opened.index, exact, queries, { k });
  await opened.index.close();
  await exact.close();
  const place = join(run.indexDirectory, folder);
  const size = listDirectory(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0);
  const dim = content.itemShape.reduce((product, width) => product * width, 1);
  const measured =
    measure === null
      ? "The run kept no users to measure it by."
      : `recall@${k} ${measure.recall.toFixed(4)} of exact search over ${count(measure.queries)} users; ` +
        `${count(measure.queriesPerSecond)} searches/s, exact ${count(measure.exactQueriesPerSecond)}`;
  return {
    json: {
      run: directory,
      index: place,
      version: folder,
      kind,
      items: content.keys.length,
      dim,
      bytes: size,
      seconds,
      measure,
    },
    text: [
      `${kind} index of ${count(content.keys.length)} items of ${dim}: ${bytes(size)}, built in ${seconds.toFixed(1)} s`,
      measured,
      `Written to ${place}; it is the current version.`,
    ].join("\n"),
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a positive integer");
}
