/** `millrace analyze`: what the embeddings, attention, experts and tasks of a trained model are like inside. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import {
  collapseOfMatrices,
  collapseOfRun,
  correlationOfRun,
  entanglementOfRun,
  expertsOfRun,
  type NotApplicable,
  readMatrices,
  tasksOfRun,
  type ToolName,
  toolNames,
} from "../analysis/index.ts";
import { ConfigError } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import { type AnalysisPageInput, renderAnalysis } from "../report/index.ts";
import { datasetOfRun, openRun, runFiles } from "../run/index.ts";
import { analysisText } from "./analysis-text.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { jsonText } from "./json-text.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { dataProgress } from "./training-progress.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly tools?: string;
  readonly split: "train" | "valid" | "test";
  readonly rows: number;
  readonly topValues?: number;
  readonly history?: string;
  readonly user?: string;
  readonly item?: string;
  readonly alone?: readonly string[];
  readonly output?: string;
  readonly engine: EngineChoice;
}

type Study = Omit<AnalysisPageInput, "source">;

/** Tools that read the run's files alone; the others look at rows too. */
const withoutRows: ReadonlySet<ToolName> = new Set(["collapse"]);

export const analyzeVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "analyze",
    description:
      "Looks inside a trained model: do its embedding tables collapse into few directions, does its attention " +
      "know which events matter, do its tables tell two tasks' interests apart, do experts repeat each other, do " +
      "tasks pull the same way? Embeddings from elsewhere are checked for collapse.",
    examples: [
      ["millrace analyze runs/first", "everything that applies"],
      ["millrace analyze runs/first -o inside.html", "the same as a page with pictures"],
      ["millrace analyze runs/stem --tools entanglement --user user_id --item item_id", "one tool"],
      ["millrace analyze runs/mmoe --tools tasks --alone runs/click --alone runs/like", "gains of transfer"],
      ["millrace analyze vectors.npy --json", "a matrix from elsewhere"],
    ],
  })
    .argument(
      "<source>",
      "run directory, or embeddings: .npy, .safetensors, or a table of values and vectors",
    )
    .option(
      "--tools <names>",
      `which, separated by commas: ${toolNames.join(", ")}; all that apply otherwise`,
    )
    .addOption(
      new Option("--split <name>", "rows to look at").choices(["train", "valid", "test"]).default("test"),
    )
    .option("--rows <n>", "most rows to look at", wholeNumber("--rows"), 20_000)
    .option(
      "--top-values <n>",
      "collapse: only the most frequent values of a vocabulary",
      wholeNumber("--top-values"),
    )
    .option("--history <feature>", "correlation: the sequence whose values are the categories")
    .option("--user <feature>", "entanglement, tasks: the feature that tells users apart")
    .option("--item <feature>", "entanglement: the feature that tells items apart")
    .option("--alone <run>", "tasks: a run that learns one task alone (several allowed)", collect)
    .option("-o, --output <file>", "write the analysis to a file: .html with pictures, .json")
    .addOption(engineOption())
    .action(async (source: string, options: Options) => shell.finish(await analyze(shell, source, options)));

async function analyze(shell: Shell, source: string, options: Options): Promise<Outcome> {
  const wanted = toolsOf(options.tools);
  const { output } = options;
  if (output !== undefined && !/\.(html|json)$/i.test(output)) {
    throw new ConfigError(`-o ${output}: an analysis is written as .html or .json`, { details: { output } });
  }
  const isRun = existsSync(source) && statSync(source).isDirectory();
  const study = isRun ? await studyRun(shell, source, wanted, options) : await studyFile(source, wanted);
  const json = { source, ...study };
  if (output !== undefined) {
    const page = /\.html$/i.test(output);
    writeFileAtomic(output, page ? renderAnalysis({ source, ...study }) : `${jsonText(json)}\n`);
  }
  const written = output === undefined ? [] : ["", `Written to ${output}`];
  return { json: { ...json, output: output ?? null }, text: [analysisText(study), ...written].join("\n") };
}

function toolsOf(names: string | undefined): readonly ToolName[] {
  if (names === undefined) return toolNames;
  return names.split(",").map((part) => {
    const name = toolNames.find((known) => known === part.trim());
    if (name !== undefined) return name;
    throw new ConfigError(`--tools: there is no tool ${part.trim()}`, {
      details: { received: part.trim(), known: toolNames },
      hint: `the tools are ${toolNames.join(", ")}`,
    });
  });
}

async function studyFile(source: string, wanted: readonly ToolName[]): Promise<Study> {
  if (!wanted.includes("collapse")) {
    throw new ConfigError(`${wanted.join(", ")}: needs a run, ${source} is a file`, {
      details: { tools: wanted, source },
      hint: "of embeddings alone only collapse can be told",
    });
  }
  return { collapse: collapseOfMatrices(await readMatrices(source)), skipped: {} };
}

async function studyRun(
  shell: Shell,
  directory: string,
  wanted: readonly ToolName[],
  options: Options,
): Promise<Study> {
  const run = openRun(directory);
  const collapse = wanted.includes("collapse") ? collapseOfRun(run, { rows: options.topValues }) : undefined;
  const others = wanted.filter((tool) => !withoutRows.has(tool));
  if (others.length === 0) return { collapse, skipped: {} };
  const engine = await openEngine(shell, options.engine);
  const dataset = await datasetOfRun(run, { onProgress: dataProgress(shell) });
  try {
    const source = dataset.splits[options.split];
    if (source === undefined) {
      throw new ConfigError(`the data of ${directory} has no ${options.split} split`, {
        details: { split: options.split, known: Object.keys(dataset.counts) },
        hint: "name another --split",
      });
    }
    const studied = { run, engine, source, rows: options.rows };
    const skipped: { [tool: string]: string } = {};
    /** A tool's findings, or nothing and the reason kept. */
    const use = async <T extends object>(
      tool: ToolName,
      study: () => Promise<T | NotApplicable>,
    ): Promise<T | undefined> => {
      if (!wanted.includes(tool)) return undefined;
      const found = await study();
      if (!("skipped" in found)) return found as T;
      skipped[tool] = found.skipped;
      return undefined;
    };
    const { history, user, item } = options;
    const alone = (options.alone ?? []).map((other) => openRun(other));
    const train = dataset.splits.train;
    return {
      collapse,
      correlation: await use("correlation", () => correlationOfRun(studied, { history })),
      entanglement: await use("entanglement", () => entanglementOfRun(studied, { user, item })),
      experts: await use("experts", () => expertsOfRun(studied)),
      tasks: existsSync(join(directory, runFiles.metrics))
        ? await use("tasks", () => tasksOfRun(studied, { alone, user, train }))
        : undefined,
      skipped,
    };
  } finally {
    await dataset.close();
  }
}

function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    throw new ConfigError(`${option} must be a whole number above 0`, { details: { received: text } });
  };
}
