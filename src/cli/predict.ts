/** `millrace predict`: a trained model's predictions for a data file, row by row in its order. */
import { existsSync, realpathSync } from "node:fs";
import { extname } from "node:path";
import { ConfigError } from "../core/index.ts";
import { encodeForMap, type EncodedSource, writeScores } from "../data/index.ts";
import { historyOf, type OnnxPredictor, openRun } from "../run/index.ts";
import { dataLike, noteRowsCountedTwice } from "./data-like.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { count } from "./text-table.ts";
import { dataProgress } from "./training-progress.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly output: string;
  readonly columns?: string;
  readonly engine: EngineChoice;
}

const formats = { ".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl" } as const;

export const predictVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "predict",
    description:
      "Writes the model's probabilities for every row of a data file, in its order: the row's number from 1, " +
      "the input columns asked for, and one column a label. Labels need not be there; values that training " +
      "did not show are counted, never an error. Memory stays bounded whatever the file's size.",
    examples: [
      ["millrace predict runs/first new.csv -o scores.csv", "row and probability"],
      ["millrace predict runs/first new.parquet -o scores.parquet --columns user_id,item_id", "with ids"],
      ["millrace predict runs/first new.jsonl -o scores.jsonl --columns all", "with every input column"],
    ],
  })
    .argument("<run>", "run directory")
    .argument("<data>", "data file or glob")
    .requiredOption("-o, --output <file>", "where to write: .csv, .parquet or .jsonl")
    .option("--columns <names>", "input columns to write too, separated by commas, or `all`")
    .addOption(engineOption())
    .action(async (run: string, data: string, options: Options) =>
      shell.finish(await predictFile(shell, run, data, options)),
    );

async function predictFile(
  shell: Shell,
  directory: string,
  data: string,
  options: Options,
): Promise<Outcome> {
  const { output, columns } = options;
  const format = formats[extname(output).toLowerCase() as keyof typeof formats];
  if (format === undefined) {
    throw new ConfigError(`-o ${output}: predictions are written as .csv, .parquet or .jsonl`, {
      details: { output, expected: Object.keys(formats) },
    });
  }
  if (existsSync(output) && existsSync(data) && realpathSync(output) === realpathSync(data)) {
    throw new ConfigError(`-o ${output}: that is the data themselves, which would be written over`, {
      details: { output, data },
      hint: "name another file; --columns takes input columns along",
    });
  }
  const run = openRun(directory);
  const spec = dataLike(run.config, data);
  const engine = await openEngine(shell, options.engine);
  const { cacheDir, onBadRow } = run.config.data;
  const source = await encodeForMap(run.map, spec, {
    cacheDir,
    onBadRow,
    history: historyOf(run.config),
    onProgress: dataProgress(shell),
  });
  noteRowsCountedTwice(shell, source);
  const predictor = await run.load(engine);
  try {
    await writeScores({
      path: output,
      format,
      spec,
      inputs: columns === "all" ? "all" : (columns?.split(",").map((name) => name.trim()) ?? []),
      names: Object.values(run.predictions),
      scores: scoresOf(shell, source, predictor, run.predictions),
      cacheDir,
    });
  } finally {
    await predictor.release();
    await source.close();
  }
  return outcomeOf(directory, data, output, source);
}

/** Batches of predictions by output name. */
async function* scoresOf(
  shell: Shell,
  source: EncodedSource,
  predictor: OnnxPredictor,
  outputs: { readonly [label: string]: string },
): AsyncGenerator<readonly Float32Array[]> {
  let rows = 0;
  for await (const batch of source.batches({ batchSize: 4096 })) {
    const predicted = await predictor.predict(batch);
    yield Object.keys(outputs).map((label) => predicted[label]);
    rows += batch.size;
    shell.progress.update({ label: "predicting", done: rows / source.rows });
  }
}

function outcomeOf(run: string, data: string, output: string, { rows, report }: EncodedSource): Outcome {
  const features = Object.entries(report.features).map(([name, counts]) => ({ name, ...counts }));
  const unknown = features.filter(({ outOfVocabulary }) => outOfVocabulary > 0);
  const missing = features.filter((feature) => feature.missing > 0);
  const list = (entries: typeof features, key: "outOfVocabulary" | "missing"): string =>
    entries.map((feature) => `${feature.name} ${count(feature[key])}`).join(", ");
  const lines = [`${count(rows)} rows of ${data} predicted, written to ${output}`];
  if (unknown.length > 0)
    lines.push(`values that training did not show: ${list(unknown, "outOfVocabulary")}`);
  if (missing.length > 0) lines.push(`missing values: ${list(missing, "missing")}`);
  if (report.dropped > 0) lines.push(`${count(report.dropped)} unusable rows left out`);
  return {
    json: { run, data, output, rows, dropped: report.dropped, features: report.features },
    text: lines.join("\n"),
  };
}
