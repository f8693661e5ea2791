/** `millrace bench`: how fast this machine does what training is made of. */
import { mkdtempSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { benchmarkNamed, benchmarks } from "../bench/index.ts";
import { removePath } from "../core/node/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { count, textTable } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly engine: EngineChoice;
}

export const benchVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "bench",
    description:
      "Measures this machine on made-up data: training steps, predictions, encoding. Figures of another " +
      "engine or machine are comparable; comparisons with other systems are scripts of the repository.",
    examples: [
      ["millrace bench list", "which benchmarks there are"],
      ["millrace bench train", "training samples a second, by model"],
      ["millrace bench predict --engine wasm", "predictions by the WASM engine"],
    ],
  })
    .argument("<name>", "a benchmark, or `list`")
    .addOption(engineOption())
    .action(async (name: string, options: Options) =>
      shell.finish(name === "list" ? listBenchmarks() : await runBenchmark(shell, name, options)),
    );

function listBenchmarks(): Outcome {
  const listed = benchmarks.map(({ name, summary }) => ({ name, summary }));
  return {
    json: { benchmarks: listed },
    text: textTable([["benchmark", ""], ...listed.map(({ name, summary }) => [name, summary])]),
  };
}

async function runBenchmark(shell: Shell, name: string, { engine: choice }: Options): Promise<Outcome> {
  const benchmark = benchmarkNamed(name);
  const engine = await openEngine(shell, choice);
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  try {
    const rows = await benchmark.run({ engine, directory, onLine: (line) => shell.notice(line) });
    const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version };
    const lines = rows.map((row) => [
      row.case,
      count(row.rowsPerSecond),
      `${row.milliseconds.toFixed(1)} ms a ${row.unit}`,
    ]);
    return {
      json: { benchmark: name, machine, engine: engine.name, rows },
      text: [
        `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${engine.name} engine`,
        "",
        textTable([["", "rows/s", "time"], ...lines]),
      ].join("\n"),
    };
  } finally {
    removePath(directory);
  }
}
