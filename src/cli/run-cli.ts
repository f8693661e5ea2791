/** One call of the command line: arguments in, exit code out. */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../core/node/index.ts";
import { failureJson, failureOf, failureText } from "./failure.ts";
import { jsonText } from "./json-text.ts";
import { exitCodes } from "./outcome.ts";
import { overview } from "./overview.ts";
import { Shell } from "./shell.ts";
import { verbs } from "./verbs.ts";

/**
 * Runs a verb and prints what it gives.
 *
 * @param args without the program's own name
 * @param onShell told the terminal's state once it is known, for signals
 */
export async function runCli(
  given: readonly string[],
  onShell: (shell: Shell) => void = () => {},
): Promise<number> {
  const args = repeatSettings(given);
  const shell = new Shell({ json: args.includes("--json"), quiet: args.includes("--quiet") });
  onShell(shell);
  try {
    if (args.length === 0) {
      await print(overview(packageVersion()));
      return 0;
    }
    const program = await programFor(args, shell);
    await program.parseAsync([...args], { from: "user" });
    const { outcome } = shell;
    if (outcome === undefined) return 0;
    await print(shell.json ? jsonText(outcome.json) : outcome.text);
    return outcome.exitCode ?? 0;
  } catch (error) {
    shell.progress.end();
    // Help and version arrive as errors that carry exit code 0.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = failureOf(error, calledVerb(args));
    if (shell.json) await print(jsonText(failureJson(failure)));
    else process.stderr.write(`${failureText(failure)}\n`);
    if (process.env.MILLRACE_DEBUG !== undefined && error instanceof Error) console.error(error);
    return failure.exitCode;
  }
}

/** The program with its verbs; only the one that is called is loaded. */
async function programFor(args: readonly string[], shell: Shell): Promise<Command> {
  const program = new Command("millrace")
    .description("From a raw interaction log to trained, evaluated and exported ranking models.")
    .version(packageVersion(), "-v, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .addHelpText(
      "after",
      `\nExit codes:\n${exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`).join("\n")}`,
    )
    .addHelpText("after", "\n`millrace VERB --help` explains a verb and gives examples.");
  const called = calledVerb(args);
  for (const { name, summary, load } of verbs) {
    const command = name === called ? (await load())(shell) : new Command(name);
    program.addCommand(command.summary(summary).copyInheritedSettings(program));
  }
  return program;
}

/** The verb that the arguments name, if they name one. */
function calledVerb(args: readonly string[]): string | undefined {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const word = words[0] === "help" ? words[1] : words[0];
  return verbs.find(({ name }) => name === word)?.name;
}

/** `--set a=1 b=2` means `--set a=1 --set b=2`. */
function repeatSettings(args: readonly string[]): string[] {
  const expanded: string[] = [];
  let inSettings = false;
  for (const arg of args) {
    const setting = /^[\w.]+=/.test(arg);
    if (inSettings && setting && expanded.at(-1) !== "--set") expanded.push("--set");
    expanded.push(arg);
    inSettings = arg === "--set" || (inSettings && setting);
  }
  return expanded;
}

/** Waits until the text has left the process, which may end right after. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${text}\n`, () => resolve());
  });
}
