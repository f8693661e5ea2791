/**
 * The encoders and the scorer of a retrieval model as ONNX graphs of their own: users from their features,
 * items from theirs, scores from both. Tables are fed beside the graph; dense parameters are stored in it,
 * or fed too while they still move.
 */
import { type CompiledGraph, compile, type LeafBinding } from "../compile/index.ts";
import { Trace, withTrace } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { ColumnBatch, type WeightSource } from "../training/index.ts";
import type { RetrievalModel } from "./retrieval-model.ts";

export type Side = "user" | "item";

/** What has encoders of both sides and values. */
export type EncoderPair = Pick<
  RetrievalModel,
  "users" | "items" | "namedTables" | "namedParameters" | "namedStates"
>;

export interface TowerGraph extends CompiledGraph {
  /** Batch columns the graph reads, under their own names. */
  readonly columns: readonly string[];
  /** Paths of the tables that must be fed, as `table:<path>`. */
  readonly tables: readonly string[];
}

/** The output of tower graphs: `[batch, ...shape]`. */
export const VECTORS = "vectors";

/** @param weights stored in the graph; absent: parameters are inputs under their paths */
export function towerGraph(
  model: EncoderPair,
  side: Side,
  { schema, weights }: { schema: FeatureMap; weights?: WeightSource },
): TowerGraph {
  return encoderGraph(model, { schema, weights }, (batch) => ({
    outputs: { [VECTORS]: side === "user" ? model.users(batch) : model.items(batch) },
  }));
}

/** What a graph computes of a batch, and what it takes beside the batch. */
export interface EncoderGraphParts {
  readonly outputs: { readonly [name: string]: Tensor };
  readonly inputs?: readonly (readonly [Tensor, string])[];
}

/** The graph of something that a model with tables computes of encoded columns, in evaluation. */
export function encoderGraph(
  model: Pick<EncoderPair, "namedTables" | "namedParameters" | "namedStates">,
  { schema, weights }: { schema: FeatureMap; weights?: WeightSource },
  build: (batch: ColumnBatch) => EncoderGraphParts,
): TowerGraph {
  const named = model.namedTables();
  const batch = new ColumnBatch(schema, new Map([...named].map(([path, table]) => [table, path])));
  const { outputs, inputs = [] } = withTrace(new Trace({ training: false }), () => build(batch));
  const leaves = new Map<Tensor, LeafBinding>(inputs.map(([tensor, name]) => [tensor, { name }]));
  for (const [column, tensor] of batch.inputs.used) leaves.set(tensor, { name: column });
  for (const [path, tensor] of batch.tables) leaves.set(tensor, { name: `table:${path}` });
  bindDense(model, leaves, weights);
  const graph = compile({ outputs, leaves, metadata: { producer: "millrace" } });
  return {
    ...graph,
    columns: graph.inputs.filter((name) => batch.inputs.used.has(name)),
    tables: [...batch.tables.keys()].filter((path) => graph.inputs.includes(`table:${path}`)),
  };
}

/** Inputs `users` `[users, ...userShape]` and `items` `[items, ...itemShape]`, output `scores` `[users, items]`. */
export function scorerGraph(model: RetrievalModel, weights?: WeightSource): CompiledGraph {
  const users = input("users", ["users", ...model.userShape]);
  const items = input("items", ["items", ...model.itemShape]);
  const scores = withTrace(new Trace({ training: false }), () => model.scoreAll(users, items));
  const leaves = new Map<Tensor, LeafBinding>([
    [users, { name: "users" }],
    [items, { name: "items" }],
  ]);
  bindDense(model, leaves, weights);
  return compile({ outputs: { scores }, leaves, metadata: { producer: "millrace" } });
}

function bindDense(
  model: Pick<EncoderPair, "namedParameters" | "namedStates">,
  leaves: Map<Tensor, LeafBinding>,
  weights: WeightSource | undefined,
): void {
  const bind = (kind: "parameter" | "state", path: string, leaf: Tensor): void => {
    const dims = leaf.shape as readonly number[];
    const value = weights && ({ dtype: "float32", dims, data: weights[kind](path) } as const);
    leaves.set(leaf, { name: path, value });
  };
  for (const [path, leaf] of model.namedParameters()) bind("parameter", path, leaf);
  for (const [path, leaf] of model.namedStates()) bind("state", path, leaf);
}
