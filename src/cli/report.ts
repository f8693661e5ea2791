/** `millrace report`: one HTML page from a run, or several side by side. */
import { MillraceError, hashKey } from "../core/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import { type RunSplits, writeRunReport } from "../report/index.ts";
import { type OpenRetrievalRun, prepareRetrieval, type RetrievalData } from "../retrieval/index.ts";
import { dataConfigOf, datasetOfRun, type OpenRun } from "../run/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { dataProgress } from "./training-progress.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly output: string;
  readonly title?: string;
  readonly engine: EngineChoice;
}

export const reportVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "report",
    description:
      "Makes one self-contained HTML page: metrics beside the oracle's, curves, calibration, features and " +
      "embedding spectra; of retrieval runs recall and NDCG by cut-off, popularity and coverage of what is " +
      "recommended, and the index. Several runs of one kind are compared. It loads nothing and runs no script.",
    examples: [
      ["millrace report runs/first -o first.html", "one run"],
      ["millrace report runs/lr runs/dcnv2 -o both.html", "two, side by side"],
    ],
  })
    .argument("<run...>", "run directories")
    .requiredOption("-o, --output <file>", "where to write the page")
    .option("--title <text>", "the page's title")
    .addOption(engineOption())
    .action(async (runs: string[], options: Options) => shell.finish(await makeReport(shell, runs, options)));

async function makeReport(shell: Shell, runs: readonly string[], options: Options): Promise<Outcome> {
  const { output, title } = options;
  const engine = await openEngine(shell, options.engine);
  const datasets = new Map<string, PreparedDataset | undefined>();
  try {
    const { warnings } = await writeRunReport(runs, output, {
      engine,
      title,
      splitsOf: (run) => splitsOf(shell, run, datasets),
      retrievalDataOf: (run) => retrievalDataOf(shell, run),
    });
    for (const warning of warnings) shell.warn(warning);
    return { json: { output, runs, warnings }, text: `Report of ${runs.join(", ")} written to ${output}` };
  } finally {
    for (const dataset of datasets.values()) await dataset?.close();
  }
}

/** A retrieval run's data, or nothing where its files are gone. */
async function retrievalDataOf(
  shell: Shell,
  { config, directory }: OpenRetrievalRun,
): Promise<RetrievalData | undefined> {
  try {
    return await prepareRetrieval(config);
  } catch (error) {
    if (!(error instanceof MillraceError) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    shell.warn(`data of ${directory}: ${(error as Error).message}`);
    return undefined;
  }
}

/** A run's encoded data, or nothing where its files are gone; runs on the same data, encoded alike, share it. */
async function splitsOf(
  shell: Shell,
  run: OpenRun,
  datasets: Map<string, PreparedDataset | undefined>,
): Promise<RunSplits | undefined> {
  const { config, map, directory } = run;
  const key = `${JSON.stringify(dataConfigOf(config))} ${hashKey(JSON.stringify(map))}`;
  if (!datasets.has(key)) {
    try {
      datasets.set(key, await datasetOfRun(run, { onProgress: dataProgress(shell) }));
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      shell.warn(`data of ${directory}: ${error.message}`);
      datasets.set(key, undefined);
    }
  }
  return datasets.get(key)?.splits;
}
