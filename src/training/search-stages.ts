/**
 * A two-stage model as graphs that are served apart: keys of events, made once for each event and kept; the
 * search among a user's kept keys for any number of candidates; and the representation, which reads the rows
 * of the events found and nothing of the others. Together they give what the whole model's evaluation gives.
 */
import { compile, type CompiledGraph, type LeafBinding } from "../compile/index.ts";
import { ConfigError } from "../core/index.ts";
import { batchDim, isTwoStage, type Model, type Table, type TwoStageModel } from "../module/index.ts";
import { squeeze } from "../ops/index.ts";
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { predictionOf } from "./graphs.ts";
import { ColumnBatch, type WeightSource } from "./inference.ts";
import { listMask } from "./list-mask.ts";

export interface StageGraph extends CompiledGraph {
  /** Batch columns that the graph reads, under their own names. */
  readonly columns: readonly string[];
  /** Paths of the tables that the graph reads; fed as `table:<path>` unless they are stored. */
  readonly tables: readonly string[];
}

export interface HistoryStages {
  /** The history's name. */
  readonly name: string;
  /** Columns of the events, and most of them. */
  readonly sequences: readonly string[];
  readonly length: number;
  /** Events that the search finds. */
  readonly k: number;
  readonly keyWidth: number;
  /** `sequences` `[events]` to `keys` `[events, keyWidth]`, where the events are the batch. */
  readonly keys: StageGraph;
  /**
   * The candidate's columns, `keys` `[length, keyWidth]` (oldest first, anything behind the last) and `length`
   * int32 `[1]` to `index` int64, `weights` float32 and `distances` int64, each `[batch, k]`.
   */
  readonly search: StageGraph;
}

export interface SearchStages {
  readonly histories: readonly HistoryStages[];
  /**
   * All columns but the histories', which hold the found events' ids `[batch, k]`, with `weights:<history>` and
   * `distances:<history>` of the search, to `probability` (`prediction` if the label is real) `[batch]`.
   */
  readonly represent: StageGraph;
}

export interface SearchStagesOptions {
  readonly model: Model;
  readonly schema: FeatureMap;
  readonly weights: WeightSource;
  /** Whether tables are stored in the graphs or fed beside them. */
  readonly tables: "stored" | "fed";
}

/** @throws ConfigError when the model does not search in a stage of its own */
export function searchStages({ model, schema, weights, tables }: SearchStagesOptions): SearchStages {
  if (!isTwoStage(model)) {
    throw new ConfigError(`${model.constructor.name} has no search stage that could be served apart`, {
      hint: "DARE has one",
    });
  }
  const source: StageSource = { model, schema, weights, stored: tables === "stored" };
  const histories = model.histories.map((history, i): HistoryStages => {
    const { sequences, length, k, keyWidth } = history;
    const one = new Map(sequences.map((name) => [name, 1]));
    const keys = stage(source, one, (batch) => ({
      outputs: { keys: squeeze(model.eventKeys(batch, i), 1) },
    }));
    const search = stage(source, new Map(), (batch) => {
      const cached = input("keys", [length, keyWidth]);
      const count = input("length", [1], "int32");
      const found = model.searchEvents(batch, i, { keys: cached, mask: listMask(count, length) });
      const { index, weights: shares, distances } = found;
      return { outputs: { index, weights: shares, distances }, inputs: [cached, count] };
    });
    return { name: sequences[0], sequences, length, k, keyWidth, keys, search };
  });
  const found = new Map(
    model.histories.flatMap(({ sequences, k }) => sequences.map((name) => [name, k] as const)),
  );
  const represent = stage(source, found, (batch) => {
    const fed = histories.map(({ name, k }) => ({
      weights: input(`weights:${name}`, [batchDim, k]),
      distances: input(`distances:${name}`, [batchDim, k], "int64"),
    }));
    const [label] = schema.labels;
    const real = label.kind === "real";
    const prediction = predictionOf(schema, label.name, model.represent(batch, fed), batch);
    return {
      outputs: { [real ? "prediction" : "probability"]: prediction },
      inputs: fed.flatMap((one) => [one.weights, one.distances]),
    };
  });
  return { histories, represent };
}

interface StageSource {
  readonly model: TwoStageModel;
  readonly schema: FeatureMap;
  readonly weights: WeightSource;
  readonly stored: boolean;
}

/** @param widths of list columns where they are not the schema's: 1 is one event a row */
function stage(
  { model, schema, weights, stored }: StageSource,
  widths: ReadonlyMap<string, number>,
  build: (batch: ColumnBatch) => {
    readonly outputs: { readonly [name: string]: Tensor };
    readonly inputs?: readonly Tensor[];
  },
): StageGraph {
  const named = model.namedTables();
  const layout = batchLayout(schema).map((column) => ({
    ...column,
    width: widths.get(column.name) ?? column.width,
  }));
  const batch = new ColumnBatch(schema, new Map([...named].map(([path, table]) => [table, path])), layout);
  const { outputs, inputs = [] } = build(batch);
  const leaves = new Map<Tensor, LeafBinding>();
  for (const [column, tensor] of batch.inputs.used) leaves.set(tensor, { name: column });
  for (const tensor of inputs) leaves.set(tensor, { name: (tensor.attributes as { name: string }).name });
  for (const [path, tensor] of batch.tables) {
    const { rows, dim } = named.get(path) as Table;
    const value = { dtype: "float32", dims: [rows, dim], data: weights.table(path) } as const;
    leaves.set(tensor, { name: `table:${path}`, value: stored ? value : undefined });
  }
  const kept = [
    ...[...model.namedParameters()].map(([path, leaf]) => [path, leaf, weights.parameter(path)] as const),
    ...[...model.namedStates()].map(([path, leaf]) => [path, leaf, weights.state(path)] as const),
  ];
  for (const [path, leaf, data] of kept) {
    leaves.set(leaf, { name: path, value: { dtype: "float32", dims: leaf.shape, data } });
  }
  const graph = compile({ outputs, leaves });
  return {
    ...graph,
    columns: graph.inputs.filter((name) => batch.inputs.used.has(name)),
    tables: [...batch.tables.keys()],
  };
}
