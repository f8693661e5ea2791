/** A learner on given rows with small options, and what tests ask of it. */
import { createHash } from "node:crypto";
import type { Engine } from "../../src/engine/index.ts";
import type { Model } from "../../src/module/index.ts";
import { type BatchLayout, batchLayout, type FeatureMap } from "../../src/schema/index.ts";
import type { z } from "zod";
import {
  defaultObjective,
  Learner,
  multiTaskOptions,
  type Objective,
  type OptimizerOptions,
  optimizerOptions,
  type WeightSource,
  weightViews,
} from "../../src/training/index.ts";

export interface LearnerChoices {
  readonly engine: Engine;
  readonly batchSize: number;
  readonly optimizer?: Partial<OptimizerOptions>;
  readonly objective?: Objective;
  /** @default the schema's columns */
  readonly layout?: BatchLayout;
  readonly seed?: number;
  readonly threads?: number;
  readonly multiTask?: z.input<typeof multiTaskOptions>;
  readonly still?: boolean;
}

export function makeLearner(model: Model, schema: FeatureMap, choices: LearnerChoices): Promise<Learner> {
  const { engine, batchSize, optimizer = {}, seed = 1, threads = 1, multiTask, still } = choices;
  return Learner.create({
    model,
    schema,
    layout: choices.layout ?? batchLayout(schema),
    engine,
    objective: choices.objective ?? defaultObjective(schema),
    optimizer: optimizerOptions.parse(optimizer),
    batchSize,
    seed,
    threads,
    multiTask: multiTask === undefined ? undefined : multiTaskOptions.parse(multiTask),
    still,
  });
}

/** A hash of every byte a later step depends on. */
export function hashOf({ weights }: Learner): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of weightViews(weights)) hash.update(name).update(bytes);
  return hash.digest("hex");
}

/** The learner's weights as exports read them. */
export function weightSource({ weights, options }: Learner): WeightSource {
  const { model } = options;
  const at = <T>(leaves: Map<string, T>, path: string): T => {
    const leaf = leaves.get(path);
    if (leaf === undefined) throw new Error(`the model has nothing at ${path}`);
    return leaf;
  };
  return {
    table: (path) => weights.table(at(model.namedTables(), path)),
    parameter: (path) => weights.parameter(at(model.namedParameters(), path)),
    state: (path) => weights.state(at(model.namedStates(), path)),
  };
}
