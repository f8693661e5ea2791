/** `millrace evaluate`: metrics of a trained model, through the files of its run. */
import { Option } from "commander";
import { openRun } from "../run/index.ts";
import { measure, negativeWeight, predictSplit, restoreNegatives } from "../training/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { metricTables, metricText } from "./metric-table.ts";
import { openSource } from "./open-source.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { type Slice, SliceColumn } from "./slice-column.ts";
import { count, textTable } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly split: "train" | "valid" | "test";
  readonly by?: string;
  readonly metrics?: string;
  readonly engine: EngineChoice;
}

export const evaluateVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "evaluate",
    description:
      "Measures a trained model through its run's own files (model.onnx and tables), on a labelled data " +
      "file or, without one, on a split of the data that it was trained with.",
    examples: [
      ["millrace evaluate runs/first", "on the run's own test split"],
      ["millrace evaluate runs/first april.parquet", "on other data"],
      ["millrace evaluate runs/first --by device", "also for each value of a feature"],
      ["millrace evaluate runs/first --metrics auc,group_ndcg@5", "other metrics (docs/metrics.md)"],
    ],
  })
    .argument("<run>", "run directory")
    .argument("[data]", "labelled data file")
    .addOption(
      new Option("--split <name>", "without a data file: which split")
        .choices(["train", "valid", "test"])
        .default("test"),
    )
    .option("--by <feature>", "also by value of a categorical feature, or `domain`")
    .option("--metrics <names>", "metrics, separated by commas")
    .addOption(engineOption())
    .action(async (run: string, data: string | undefined, options: Options) =>
      shell.finish(await evaluateRun(shell, run, data, options)),
    );

async function evaluateRun(
  shell: Shell,
  directory: string,
  data: string | undefined,
  options: Options,
): Promise<Outcome> {
  const run = openRun(directory);
  const { config, map } = run;
  const slices = options.by === undefined ? undefined : new SliceColumn(map, options.by);
  const names = options.metrics?.split(",").map((name) => name.trim()) ?? config.training.metrics;
  const engine = await openEngine(shell, options.engine);
  const { source, name, close } = await openSource(shell, run, data, options.split);
  const predictor = await run.load(engine);
  try {
    const stored = await predictSplit(
      slices === undefined ? predictor : slices.watch(predictor, source.rows),
      source,
      { batchSize: config.training.batchSize, schema: map },
    );
    // Of all data, the training split alone has its negatives thinned.
    const weight = data === undefined && options.split === "train" ? negativeWeight(map.labels) : undefined;
    const predictions = weight === undefined ? stored : restoreNegatives(stored, map.labels);
    const evaluation = measure(predictions, names);
    const by = slices === undefined ? undefined : slices.measure(predictions, names);
    return {
      json: {
        run: directory,
        data: data ?? null,
        split: data === undefined ? name : null,
        ...evaluation,
        negativeWeight: weight ?? null,
        by: by ?? null,
      },
      text: [
        metricTables({ [name]: evaluation }),
        ...(weight === undefined ? [] : ["", thinnedLine(weight)]),
        ...(by === undefined ? [] : sliceTables(options.by ?? "", by)),
      ].join("\n"),
    };
  } finally {
    await predictor.release();
    await close();
  }
}

function thinnedLine(weight: number): string {
  const times = Number(weight.toPrecision(4));
  return `negative_rate left a share of the negatives here: each counts ${times} times (group_ndcg and other metrics of lists see the rows that are left)`;
}

/** A table for each label, one line a value. */
function sliceTables(by: string, slices: readonly Slice[]): string[] {
  const labels = [...new Set(slices.flatMap(({ evaluation }) => Object.keys(evaluation.metrics)))];
  return labels.flatMap((label) => {
    const metrics = [
      ...new Set(slices.flatMap(({ evaluation }) => Object.keys(evaluation.metrics[label] ?? {}))),
    ];
    const rows = slices.map(({ value, evaluation }) => [
      value,
      count(evaluation.rows),
      ...metrics.map((metric) => metricText(evaluation.metrics[label]?.[metric])),
    ]);
    const heading = labels.length > 1 ? `${label} by ${by}` : by;
    return ["", textTable([[heading, "rows", ...metrics], ...rows])];
  });
}
