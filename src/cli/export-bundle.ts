/** `millrace export --browser`: a run as one file that a page ranks with, and learns from where parts are named. */
import { loadBundle, Ranker } from "../browser/index.ts";
import { EngineError } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { exportForDevice, type OpenRun } from "../run/index.ts";
import type { Outcome } from "./outcome.ts";
import { sampleBatch } from "./sample-batch.ts";
import { bytes, count, textTable } from "./text-table.ts";

/** How far a page's probabilities may lie from the run's. */
const TOLERANCE = 1e-5;
const SAMPLE_ROWS = 256;

export interface ExportBundleOptions {
  readonly output: string;
  /** Patterns of parts that pages may change. */
  readonly trainable: readonly string[];
  /** What the run's own probabilities are computed with. */
  readonly engine: Engine;
}

/** Writes the bundle once it gives the run's own probabilities, by the engine that pages use. */
export async function exportBundle(
  run: OpenRun,
  { output, trainable, engine }: ExportBundleOptions,
): Promise<Outcome> {
  const { bytes: file, id, manifest } = await exportForDevice(run, { trainable });
  const difference = await compare(run, file, engine);
  if (!(difference <= TOLERANCE)) {
    throw new EngineError(`the bundle differs from the run by ${difference}, more than ${TOLERANCE}`, {
      details: { output, difference, tolerance: TOLERANCE },
    });
  }
  writeFileAtomic(output, file);
  const { labels, tables, parameters } = manifest;
  const elements = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
  const parts = [
    ...parameters.map(({ path, shape }) => ({ path, kind: "parameters", shape })),
    ...tables.map(({ path, rows, dim }) => ({ path, kind: "rows", shape: [rows, dim] })),
  ];
  return {
    json: {
      run: run.directory,
      output,
      id,
      bytes: file.length,
      labels,
      trainable: parts.map(({ path, kind, shape }) => ({ path, kind, shape })),
      sampleRows: SAMPLE_ROWS,
      difference,
    },
    text: [
      ...(parts.length === 0
        ? ["Pages can rank with it and change nothing (--trainable names parts that may learn)."]
        : [
            textTable([
              ["trainable", "", "values"],
              ...parts.map(({ path, kind, shape }) => [path, kind, count(elements(shape))]),
            ]),
          ]),
      "",
      `Written to ${output}, ${bytes(file.length)}, id ${id}.`,
      `Loaded by the WASM engine: probabilities equal the run's on ${SAMPLE_ROWS} rows (largest difference ${difference.toExponential(1)}).`,
      "Pages load it with loadBundle of millrace/browser.",
    ].join("\n"),
  };
}

async function compare(run: OpenRun, file: Uint8Array, engine: Engine): Promise<number> {
  const batch = sampleBatch(run.map, SAMPLE_ROWS);
  const predictor = await run.load(engine);
  const expected = await predictor.predict(batch);
  await predictor.release();
  const ranker = await Ranker.create(await loadBundle(file), { engine: await createEngine("wasm") });
  const given = await ranker.predict(batch);
  await ranker.release();
  return Math.max(
    ...Object.entries(expected).flatMap(([label, values]) =>
      Array.from(values, (value, row) => Math.abs(value - given[label][row])),
    ),
  );
}
