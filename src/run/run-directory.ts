/**
 * A run directory, the unit that everything passes on:
 *
 *     config.json        the configuration with all defaults filled in
 *     feature-map.json   encoders and order of inputs
 *     model.onnx         inference graph: encoded columns and tables in, predictions out
 *     tables/*.safetensors   one embedding table a file
 *     bundle.json        what belongs together: table files, outputs by label, a digest of each file
 *     metrics.json       what was measured
 *     checkpoint/        to go on training
 *     events.out.*       for TensorBoard
 *     report.html        what a person looks at; report.json: the same as data
 *     status.json        where training stands, see `run-status.ts`
 *     lock               who writes it, while someone does
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../core/index.ts";
import { readJson, writeFileAtomic, writeJsonAtomic } from "../core/node/index.ts";
import type { Engine } from "../engine/index.ts";
import { decodeSafetensors, encodeSafetensors, type Model } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { inferenceGraph, type ModelWeights } from "../training/index.ts";
import { type Config, isRetrievalConfig, keysToCamelCase, parseConfig, retrievalHint } from "./config.ts";
import { type NamedTable, OnnxPredictor } from "./predictor.ts";
import { digestsOf, type RunBundle, readRunBundle } from "./run-bundle.ts";
import { runFiles } from "./run-files.ts";

/** Writes the trained model; the bundle file comes last, so a directory that has it is complete. */
export function writeBundle(
  directory: string,
  { model, map, weights }: { model: Model; map: FeatureMap; weights: ModelWeights },
): void {
  const named = model.namedTables();
  const graph = inferenceGraph({
    model,
    schema: map,
    tables: "fed",
    weights: {
      table: (path) => weights.table(tableAt(named, path)),
      parameter: (path) => weights.parameter(tableAt(weights.parameters, path)),
      state: (path) => weights.state(tableAt(weights.states, path)),
    },
    metadata: { producer: "millrace", model: model.constructor.name },
  });
  const tables = graph.tables.map((path) => {
    const table = tableAt(named, path);
    const file = join(runFiles.tables, `${path.replace(/[^\w.-]/g, "_")}.safetensors`);
    const data = weights.table(table) as Float32Array<ArrayBuffer>;
    const { rows, dim } = table;
    writeFileAtomic(
      join(directory, file),
      encodeSafetensors({ weight: { dtype: "F32", shape: [rows, dim], data } }),
    );
    return { name: `table:${path}`, file, rows, dim };
  });
  writeJsonAtomic(join(directory, runFiles.featureMap), map);
  writeFileAtomic(join(directory, runFiles.model), graph.model);
  const bundle: RunBundle = {
    version: 1,
    tables,
    predictions: graph.predictions,
    files: digestsOf(directory, [runFiles.featureMap, runFiles.model, ...tables.map(({ file }) => file)]),
  };
  writeJsonAtomic(join(directory, runFiles.bundle), bundle);
}

function tableAt<T>(named: ReadonlyMap<string, T>, path: string): T {
  const value = named.get(path);
  if (value === undefined) throw new Error(`the model has nothing at ${path}`);
  return value;
}

/** A finished run, read back. */
export interface OpenRun {
  readonly directory: string;
  readonly config: Config;
  readonly map: FeatureMap;
  readonly model: Uint8Array;
  readonly tables: readonly NamedTable[];
  readonly predictions: { readonly [label: string]: string };
  load(engine: Engine): Promise<OnnxPredictor>;
}

/** What a directory without a file of a ranking run is refused with. */
export function noFinishedRun(directory: string, missing: string): DataError {
  const config = join(directory, runFiles.config);
  // A retrieval run has no model of rows: it may well have finished.
  if (existsSync(config) && isRetrievalConfig(readJson(config))) {
    return new DataError(`${directory} is a retrieval run, and a ranking run is expected`, {
      details: { directory, missing },
      hint: retrievalHint,
    });
  }
  return new DataError(`${directory} holds no finished run: ${missing} is missing`, {
    details: { directory, missing },
    hint: existsSync(join(directory, runFiles.checkpoint))
      ? "training has not finished: go on with `millrace train … --resume`"
      : "name a directory that `millrace train --out` wrote",
  });
}

/** @throws DataError when the directory holds no finished run, naming what is missing, or files of several */
export function openRun(directory: string): OpenRun {
  for (const file of [runFiles.config, runFiles.featureMap, runFiles.model, runFiles.bundle]) {
    if (existsSync(join(directory, file))) continue;
    throw noFinishedRun(directory, file);
  }
  const config = parseConfig(keysToCamelCase(readJson(join(directory, runFiles.config))));
  const map = readJson(join(directory, runFiles.featureMap)) as FeatureMap;
  const bundle = readRunBundle(directory);
  const model = readFileSync(join(directory, runFiles.model));
  const tables = bundle.tables.map(({ name, file, rows, dim }) => ({
    name,
    rows,
    dim,
    data: readTable(join(directory, file), rows, dim),
  }));
  const { predictions } = bundle;
  return {
    directory,
    config,
    map,
    model,
    tables,
    predictions,
    load: (engine) => OnnxPredictor.load(engine, model, tables, predictions),
  };
}

function readTable(path: string, rows: number, dim: number): Float32Array {
  const { weight } = decodeSafetensors(readFileSync(path)).tensors;
  if (weight?.dtype !== "F32" || weight.shape[0] !== rows || weight.shape[1] !== dim) {
    throw new DataError(`${path} does not hold the table that the run was saved with`, {
      details: { path, expected: [rows, dim], received: weight?.shape ?? null },
    });
  }
  return weight.data as Float32Array;
}
