/** `millrace inspect`: what a file holds, and a first configuration that says why each choice was made. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import {
  configFromInspection,
  type InspectReport,
  inspect,
  inspectionText,
  inspectionYaml,
} from "../data/index.ts";
import { keysToSnakeCase } from "../run/index.ts";
import { placedIn } from "./data-path.ts";
import type { Outcome } from "./outcome.ts";
import { startingSections } from "./starting-sections.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly output?: string;
  readonly label?: string;
  readonly force?: boolean;
}

export const inspectVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "inspect",
    description:
      "Looks at a data file (CSV, TSV, JSON lines, Parquet, libsvm, libfm; text may be gzip) and shows what " +
      "each column holds and what it would be used for. With -o it writes a first configuration whose " +
      "comments say why each choice was made.",
    examples: [
      ["millrace inspect clicks.csv", "show columns, label candidates and warnings"],
      ["millrace inspect clicks.csv --label click -o config.yaml", "write a configuration"],
      ['millrace inspect flights.parquet --label "delay > 15"', "a label made by a comparison"],
      ["millrace inspect 'logs/*.parquet' --json", "the same for programs"],
    ],
  })
    .argument("<file...>", "data files or globs that hold the same columns")
    .option("-o, --output <config>", "write a configuration to this file")
    .option("-l, --label <label>", "the label: a column, or a comparison such as `delay > 15`")
    .option("-f, --force", "write over an existing configuration")
    .action(async (files: string[], options: Options) => shell.finish(await inspectFiles(files, options)));

async function inspectFiles(files: readonly string[], { output, label, force }: Options): Promise<Outcome> {
  if (output !== undefined && existsSync(output) && !force) {
    throw new ConfigError(`${output} exists already`, {
      details: { path: output },
      hint: "--force writes over it",
    });
  }
  const report = await inspect({ files }, { label });
  if (output !== undefined) {
    const spec = {
      ...report.spec,
      files: report.spec.files.map((file) => placedIn(dirname(resolve(output)), file)),
    };
    writeFileAtomic(
      output,
      inspectionYaml(
        { ...report, spec },
        { extra: startingSections(undefined, report.rows, report.label?.kind) },
      ),
    );
  }
  return {
    json: inspectionJson(report, output),
    text: [inspectionText(report), "", nextSteps(report, output, label)].join("\n"),
  };
}

function inspectionJson(report: InspectReport, output: string | undefined): object {
  const config = report.label === undefined ? null : keysToSnakeCase(configFromInspection(report));
  return { ...report, config, output: output ?? null };
}

function nextSteps(
  { files, label }: InspectReport,
  output: string | undefined,
  wanted: string | undefined,
): string {
  if (output !== undefined) {
    return `Wrote ${output}. Next: millrace validate ${output}, then millrace train ${output}`;
  }
  const given = wanted ?? (label === undefined ? "COLUMN" : undefined);
  const option = given === undefined ? "" : ` --label ${/[^\w]/.test(given) ? `"${given}"` : given}`;
  return `Next: millrace inspect ${files[0]}${option} -o config.yaml, or at once: millrace train ${files[0]}${option}`;
}
