/** What every verb's command has: the two common options and examples in its help. */
import { Command } from "commander";

export interface VerbCommandOptions {
  readonly name: string;
  readonly description: string;
  /** Lines such as `millrace inspect clicks.csv`, with what they do. */
  readonly examples: readonly (readonly [command: string, what: string])[];
}

export function verbCommand({ name, description, examples }: VerbCommandOptions): Command {
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`);
  return new Command(name)
    .description(description)
    .option("--json", "print one JSON object on stdout")
    .option("--quiet", "no progress on stderr")
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}
