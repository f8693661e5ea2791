/** `millrace export`: a run as one ONNX file that any ONNX Runtime loads alone. */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ConfigError, EngineError } from "../core/index.ts";
import type { Engine, HostDType, HostTensor, SessionOptions, TensorInfo } from "../engine/index.ts";
import { saveModel } from "../onnx/node/index.ts";
import { type OpenRun, openRun, withStoredTables } from "../run/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { exportBundle } from "./export-bundle.ts";
import type { Outcome } from "./outcome.ts";
import { sampleBatch } from "./sample-batch.ts";
import type { Shell } from "./shell.ts";
import { bytes, textTable } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly output: string;
  readonly externalData?: boolean;
  readonly browser?: boolean;
  readonly trainable?: readonly string[];
  readonly engine: EngineChoice;
}

/** Protocol buffers end at 2 GiB; the graph itself needs some of that. */
const LARGEST_FILE = 2 ** 31 - 2 ** 26;
/** How far the exported model's probabilities may lie from the run's. */
const TOLERANCE = 1e-5;
const SAMPLE_ROWS = 256;

export const exportVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "export",
    description:
      "Writes a run as one self-contained ONNX file, embedding tables included: encoded columns in, " +
      "probabilities out, any batch size. Tables beyond 2 GiB go to a side file beside it. The file is " +
      "loaded again and must give the run's own probabilities on a sample before the verb succeeds. With " +
      "--browser it is a bundle for millrace/browser instead, which pages rank with and, where --trainable names " +
      "parts of the model, learn with.",
    examples: [
      ["millrace export runs/first -o model.onnx", "one file"],
      ["millrace export runs/first -o model.onnx --external-data", "weights in model.onnx.data beside it"],
      ["millrace export runs/first -o shop.millrace --browser", "a bundle for pages that rank"],
      [
        "millrace export runs/first -o shop.millrace --browser --trainable deep embedding.tables.user",
        "the deep network and the users' rows may learn there",
      ],
    ],
  })
    .argument("<run>", "run directory")
    .requiredOption("-o, --output <file>", "where to write the model")
    .option("--external-data", "put the weights into a side file whatever their size")
    .option("--browser", "write a bundle for millrace/browser")
    .option(
      "--trainable <parts...>",
      "parts of the model, parameters and tables by their paths (* for any step), that a page may change",
    )
    .addOption(engineOption())
    .action(async (run: string, options: Options) => shell.finish(await exportRun(shell, run, options)));

async function exportRun(
  shell: Shell,
  directory: string,
  { output, externalData, browser = false, trainable, engine: choice }: Options,
): Promise<Outcome> {
  if (browser && externalData) {
    throw new ConfigError("--external-data is for ONNX files; a bundle is one file", {
      hint: "leave one of --browser and --external-data out",
    });
  }
  if (!browser && trainable !== undefined) {
    throw new ConfigError("--trainable names what pages may change, so it needs --browser", {
      details: { trainable },
    });
  }
  const run = openRun(directory);
  if (browser) {
    const engine = await openEngine(shell, choice);
    return exportBundle(run, { output, trainable: trainable ?? [], engine });
  }
  const weightBytes = run.model.byteLength + run.tables.reduce((sum, { data }) => sum + data.byteLength, 0);
  const side = externalData === true || weightBytes > LARGEST_FILE ? `${output}.data` : undefined;
  saveModel(output, withStoredTables(run.model, run.tables), { externalDataPath: side });
  const engine = await openEngine(shell, choice);
  const check = await compare(engine, run, output, side);
  const { inputs, outputs, difference } = check;
  const size = statSync(output).size + (side === undefined ? 0 : statSync(side).size);
  const shape = (info: TensorInfo): string => `${info.dtype} [${info.shape.join(", ")}]`;
  return {
    json: {
      run: directory,
      output,
      externalData: side ?? null,
      bytes: size,
      inputs,
      outputs,
      sampleRows: SAMPLE_ROWS,
      difference,
    },
    text: [
      textTable([
        ["", "name", "type"],
        ...inputs.map((info) => ["input", info.name, shape(info)]),
        ...outputs.map((info) => ["output", info.name, shape(info)]),
      ]),
      "",
      `Written to ${output}${side === undefined ? "" : ` with ${basename(side)} beside it`}, ${bytes(size)}.`,
      `Loaded by the ${engine.name} engine: probabilities equal the run's on ${SAMPLE_ROWS} rows (largest difference ${difference.toExponential(1)}).`,
      `Raw values become these inputs as ${join(directory, "feature-map.json")} says (createRowEncoder of millrace/schema).`,
    ].join("\n"),
  };
}

async function compare(
  engine: Engine,
  run: OpenRun,
  output: string,
  side: string | undefined,
): Promise<{ inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[]; difference: number }> {
  const batch = sampleBatch(run.map, SAMPLE_ROWS);
  const predictor = await run.load(engine);
  const expected = await predictor.predict(batch);
  await predictor.release();
  const options: SessionOptions =
    side === undefined ? {} : { externalData: { [basename(side)]: readFileSync(side) } };
  const session = await engine.load(readFileSync(join(dirname(output), basename(output))), options);
  try {
    const results = await session.run(feedsOf(session.inputs, batch));
    let difference = 0;
    for (const [label, name] of Object.entries(run.predictions)) {
      const given = results[name].data as Float32Array;
      for (let row = 0; row < given.length; row++) {
        difference = Math.max(difference, Math.abs(given[row] - expected[label][row]));
      }
    }
    if (!(difference <= TOLERANCE)) {
      throw new EngineError(`${output} differs from the run by ${difference}, more than ${TOLERANCE}`, {
        details: { output, difference, tolerance: TOLERANCE },
      });
    }
    return { inputs: session.inputs, outputs: session.outputs, difference };
  } finally {
    await session.release();
  }
}

function feedsOf(
  inputs: readonly TensorInfo[],
  { size, columns }: EncodedBatch,
): { [name: string]: HostTensor } {
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const dims = shape.map((dim) => (typeof dim === "number" ? dim : size));
      return [name, { dtype: dtype as HostDType, dims, data: columns[name] as Float32Array }];
    }),
  );
}
