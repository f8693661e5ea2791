/** `millrace calibrate`: fits what a server makes of a model's probabilities, on rows that it was not trained on. */
import { Option } from "commander";
import { ConfigError } from "../core/index.ts";
import { writeJsonAtomic } from "../core/node/index.ts";
import { openRun } from "../run/index.ts";
import type { BatchSource } from "../schema/index.ts";
import { type Calibrators, calibrate, fitIsotonic, fitPlatt } from "../serving/index.ts";
import { measure, predictSplit, type SplitPredictions } from "../training/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { metricTables } from "./metric-table.ts";
import { openData, openSplits } from "./open-source.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly kind: keyof typeof fits;
  readonly out: string;
  readonly engine: EngineChoice;
}

const fits = { isotonic: fitIsotonic, platt: fitPlatt };
const shown = ["log_loss", "ece", "calibration_ratio"];

export const calibrateVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "calibrate",
    description:
      "Fits calibrators of a trained model's binary labels on the run's validation split, or on a labelled data " +
      "file, and measures them on the test split. A cascade names the file under `models[].calibration`.",
    examples: [
      ["millrace calibrate runs/first -o calibration.json", "on the run's own validation split"],
      ["millrace calibrate runs/first april.parquet -o calibration.json", "on other rows"],
      ["millrace calibrate runs/first --kind platt -o calibration.json", "two numbers a label"],
    ],
  })
    .argument("<run>", "run directory")
    .argument("[data]", "labelled data file that the model was not trained on")
    .addOption(
      new Option("--kind <name>", "a monotone step function, or a line through log odds")
        .choices(Object.keys(fits))
        .default("isotonic"),
    )
    .requiredOption("-o, --out <file>", "where to write them, as JSON by label")
    .addOption(engineOption())
    .action(async (run: string, data: string | undefined, options: Options) =>
      shell.finish(await calibrateRun(shell, run, data, options)),
    );

async function calibrateRun(
  shell: Shell,
  directory: string,
  data: string | undefined,
  { kind, out, engine: choice }: Options,
): Promise<Outcome> {
  const run = openRun(directory);
  const engine = await openEngine(shell, choice);
  const predictor = await run.load(engine);
  const predicted = (source: BatchSource): Promise<SplitPredictions> =>
    predictSplit(predictor, source, { batchSize: run.config.training.batchSize, schema: run.map });
  const opened: { close(): Promise<void> }[] = [];
  try {
    // The one opening gives the rows to measure on, and those to fit on where no others were named.
    const own = await openSplits(shell, run);
    opened.push(own);
    const other = data === undefined ? undefined : await openData(shell, run, data);
    if (other !== undefined) opened.push(other);
    const [fitOn, measureOn] = [other?.source ?? own.split("valid"), own.split("test")];
    const fitted = await predicted(fitOn);
    const binary = Object.entries(fitted.byLabel).filter(([, { kind: of }]) => of !== "real");
    if (binary.length === 0) {
      throw new ConfigError(`${directory} predicts real numbers alone; only probabilities are calibrated`);
    }
    const calibrators: Calibrators = Object.fromEntries(
      binary.map(([label, { predictions: of, labels }]) => [label, fits[kind](of, labels)]),
    );
    const test = await predicted(measureOn);
    const before = measure(test, shown);
    const after = measure(withCalibrators(test, calibrators), shown);
    writeJsonAtomic(out, calibrators);
    return {
      json: { run: directory, out, kind, rows: fitted.rows, test: { before, after } },
      text: [
        metricTables({ "test before": before, after }),
        "",
        `${kind} calibrators of ${binary.map(([label]) => label).join(", ")} from ${fitted.rows} rows written to ${out}`,
      ].join("\n"),
    };
  } finally {
    for (const { close } of opened) await close();
    await predictor.release();
  }
}

function withCalibrators(split: SplitPredictions, calibrators: Calibrators): SplitPredictions {
  const byLabel = Object.entries(split.byLabel).map(([label, of]) => {
    const values = of.predictions.slice();
    if (calibrators[label] !== undefined) calibrate(calibrators[label], values);
    return [label, { ...of, predictions: values }];
  });
  return { ...split, byLabel: Object.fromEntries(byLabel) };
}
