/**
 * A ranking model that factors into towers, served as such: users encoded once a request, items once a version,
 * and their vectors scored together.
 *
 *     p(user, item) = answer(score(users(user), items(item)))
 *
 * What the towers give is what the model's own graph gives, to rounding.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import type { Batch, Model } from "../module/index.ts";
import { sum } from "../ops/index.ts";
import { buildModel, keysToCamelCase, openRun, parseConfig, runFiles, runWeights } from "../run/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { predictionOf, type WeightSource } from "../training/index.ts";
import { encoderGraph, towerGraph, VECTORS } from "./tower-graph.ts";

/** What a model offers that factors. */
export interface FactoredModel extends Model {
  readonly userWidth: number;
  readonly itemWidth: number;
  /** `[batch, userWidth]` */
  users(batch: Batch): Tensor;
  /** `[batch, itemWidth]` */
  items(batch: Batch): Tensor;
  /** Logits by label, `[batch]`; one user goes with any number of items. */
  score(users: Tensor, items: Tensor): { readonly [label: string]: Tensor };
  /** Logits as `forward` gives them in evaluation. */
  answers(logits: { readonly [label: string]: Tensor }): { readonly [label: string]: Tensor };
}

function isFactored(model: Model): model is FactoredModel {
  return (["users", "items", "score", "answers"] as const).every((part) => part in model);
}

const SCORED = "scored:";

/** Input of the scoring graph: items' vectors, `[items, itemWidth]`. No column of a feature has such a name. */
const ITEM_VECTORS = "vectors:items";

/** A model's towers as graphs of the tables that its run holds, which are inputs under their names. */
export interface FactoredGraphs {
  /** Encoded columns that the user's side reads. */
  readonly userColumns: readonly string[];
  readonly items: {
    /** Encoded columns of items in, their vectors out. */
    readonly model: Uint8Array;
    readonly columns: readonly string[];
    readonly output: string;
    /** Of a vector. */
    readonly width: number;
  };
  readonly scores: {
    /** Encoded columns of one user and vectors of items in, predictions out, `[items]` each. */
    readonly model: Uint8Array;
    readonly vectors: string;
    /** Outputs by label. */
    readonly predictions: { readonly [label: string]: string };
  };
}

/** The towers of a run's model, or undefined where it does not factor (or cannot be built again). */
export function factoredGraphs(directory: string): FactoredGraphs | undefined {
  const model = modelOf(directory);
  if (model === undefined || !isFactored(model)) return undefined;
  const run = openRun(directory);
  const { map: schema } = run;
  // Such predictions read a feature of the row, which scores of vectors do not see.
  if (schema.labels.some(({ exposureWeight }) => exposureWeight !== undefined)) return undefined;
  const weights = runWeights(run);
  const items = towerGraph(model, "item", { schema, weights });
  const user = towerGraph(model, "user", { schema, weights });
  return {
    userColumns: user.columns,
    items: { model: items.model, columns: items.columns, output: VECTORS, width: model.itemWidth },
    scores: scoringGraph(model, schema, weights),
  };
}

/** `answer(score(users(user), items))`, of one user. */
function scoringGraph(
  model: FactoredModel,
  schema: FeatureMap,
  weights: WeightSource,
): FactoredGraphs["scores"] {
  const items = input(ITEM_VECTORS, ["items", model.itemWidth]);
  const predictions: { [label: string]: string } = {};
  const { model: bytes } = encoderGraph(model, { schema, weights }, (batch) => {
    // A batch of one row is its own sum, whose one row goes with every item.
    const user = sum(model.users(batch), { axis: 0, keepDims: true }); // [1, userWidth]
    const outputs: { [name: string]: Tensor } = {};
    for (const [label, logit] of Object.entries(model.answers(model.score(user, items)))) {
      predictions[label] = `${SCORED}${label}`;
      outputs[predictions[label]] = predictionOf(schema, label, logit, batch);
    }
    return { outputs, inputs: [[items, ITEM_VECTORS]] };
  });
  return { model: bytes, vectors: ITEM_VECTORS, predictions };
}

/** The model of a run directory; undefined where it was written by other means or another version. */
function modelOf(directory: string): Model | undefined {
  const [config, map] = [runFiles.config, runFiles.featureMap].map((file) => join(directory, file));
  if (!existsSync(config)) return undefined;
  try {
    return buildModel(parseConfig(keysToCamelCase(readJson(config))), readJson(map) as FeatureMap);
  } catch (error) {
    // Its graph can be served all the same.
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}
