/** `millrace validate`: every problem of a configuration's data, with its place and what training does about it. */
import { dataConfigOf, readConfig, runFiles } from "../run/index.ts";
import { join } from "node:path";
import { configFromInspection, inspect, validate, validationText } from "../data/index.ts";
import { overrides, targetKind } from "./config-target.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly label?: string;
  readonly set?: readonly string[];
}

export const validateVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "validate",
    description:
      "Reads all data that a configuration names and reports every problem: file, row, column, value, and " +
      "what training will do about it. Warnings do not stop training; with errors the exit code is 3.",
    examples: [
      ["millrace validate config.yaml", "check a configuration and its data"],
      ["millrace validate clicks.csv --label click", "check a bare file as `train` would read it"],
      ["millrace validate config.yaml --json", "problems as JSON"],
    ],
  })
    .argument("<config|file>", "a configuration (.yaml, .json) or a data file")
    .option("-l, --label <label>", "the label, if it is not the one that is configured or found")
    .option("--set <key=value>", "change a key of the configuration; may be repeated", collect)
    .action(async (target: string, options: Options) =>
      shell.finish(await validateTarget(shell, target, options)),
    );

async function validateTarget(shell: Shell, target: string, options: Options): Promise<Outcome> {
  const report = await validate(await dataSection(shell, target, options));
  return { json: { target, ...report }, text: validationText(report), exitCode: report.ok ? 0 : 3 };
}

async function dataSection(shell: Shell, target: string, { label, set = [] }: Options): Promise<unknown> {
  const kind = targetKind(target);
  if (kind !== "data") {
    const path = kind === "run" ? join(target, runFiles.config) : target;
    return dataConfigOf(readConfig(path, set, overrides({ label })));
  }
  shell.notice(`inspecting ${target}`);
  return configFromInspection(await inspect({ files: [target] }, { label }));
}
