/**
 * A two-stage model's run as the files that its tiers are shipped: for the search `keys-<history>.onnx` and
 * `search-<history>.onnx` with the tables of attention in them, for the ranking `represent.onnx` with all others,
 * and `stages.json`, which says what goes in and comes out. See `training/search-stages.ts`.
 */
import { join } from "node:path";
import { writeFileAtomic, writeJsonAtomic } from "../core/node/index.ts";
import { searchStages, type StageGraph } from "../training/index.ts";
import { storedWeights } from "./observe-run.ts";
import type { OpenRun } from "./run-directory.ts";
import { buildModel } from "./train-run.ts";

interface StageFile {
  readonly file: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Tables stored in it. */
  readonly tables: readonly string[];
}

/** What `stages.json` holds. */
export interface StageFiles {
  readonly version: 1;
  readonly histories: readonly {
    readonly name: string;
    readonly sequences: readonly string[];
    readonly length: number;
    readonly k: number;
    readonly keyWidth: number;
    readonly keys: StageFile;
    readonly search: StageFile;
  }[];
  readonly represent: StageFile;
}

/** @throws ConfigError when the run's model has no search stage of its own */
export function writeStages(run: OpenRun, directory: string): StageFiles {
  const { config, map } = run;
  const { histories, represent } = searchStages({
    model: buildModel(config, map),
    schema: map,
    weights: storedWeights(run),
    tables: "stored",
  });
  const write = (name: string, { model, inputs, outputs, tables }: StageGraph): StageFile => {
    const file = `${name.replace(/[^\w.-]/g, "_")}.onnx`;
    writeFileAtomic(join(directory, file), model);
    return { file, inputs, outputs, tables };
  };
  const files: StageFiles = {
    version: 1,
    histories: histories.map(({ keys, search, ...history }) => ({
      ...history,
      keys: write(`keys-${history.name}`, keys),
      search: write(`search-${history.name}`, search),
    })),
    represent: write("represent", represent),
  };
  // Last, so that a directory that has it is complete.
  writeJsonAtomic(join(directory, "stages.json"), files);
  return files;
}
