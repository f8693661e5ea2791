/**
 * The inference graph: clean ONNX from encoded ids and numbers to predictions, without anything of
 * training in it. Tables and parameters are stored in the model, or tables stay inputs so that they can
 * live beside it.
 */
import { compile, type CompiledGraph, type LeafBinding } from "../compile/index.ts";
import { type Batch, type LookupSlot, type Model, type Table, Trace, withTrace } from "../module/index.ts";
import { concat, expandDims, gather } from "../ops/index.ts";
import { type BatchLayout, batchLayout, type FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { ColumnInputs } from "./column-inputs.ts";
import { forward, predictionOf } from "./graphs.ts";

/** What holds a model's values: live weights, or those read back from files. */
export interface WeightSource {
  /** Packed `[rows, dim]`. */
  table(path: string): Float32Array;
  parameter(path: string): Float32Array;
  state(path: string): Float32Array;
}

export interface InferenceGraph extends CompiledGraph {
  /** Batch columns the graph reads, under their own names. */
  readonly columns: readonly string[];
  /** Tables that must be fed, as `table:<path>`; none when they are stored. */
  readonly tables: readonly string[];
  /** Output name by label. */
  readonly predictions: { readonly [label: string]: string };
  /** Output name of what the model shows of its inside, by the name it shows it under. */
  readonly observed: { readonly [name: string]: string };
}

export interface InferenceOptions {
  readonly model: Model;
  readonly schema: FeatureMap;
  readonly weights: WeightSource;
  /** Whether tables are stored in the model or fed beside it. */
  readonly tables: "stored" | "fed";
  /** Also output what `observe` shows, as `observed:<name>`. @default false */
  readonly observing?: boolean;
  readonly metadata?: { readonly [key: string]: string };
}

/**
 * One label gives the output `probability` (or `prediction` if real); several give `<that>_<label>`. Where a
 * feature has such a name, underscores are added; `predictions` says what each label's output is called.
 */
export function inferenceGraph({
  model,
  schema,
  weights,
  tables,
  observing = false,
  metadata,
}: InferenceOptions): InferenceGraph {
  const named = model.namedTables();
  const batch = new ColumnBatch(schema, new Map([...named].map(([path, table]) => [table, path])));
  const trace = new Trace({ training: false, observing });
  const logits = withTrace(trace, () => forward(model, schema, batch));
  const outputs: { [name: string]: Tensor } = {};
  const predictions: { [label: string]: string } = {};
  const several = Object.keys(logits).length > 1;
  for (const [label, logit] of Object.entries(logits)) {
    const real = schema.labels.some(({ name, kind }) => name === label && kind === "real");
    let name = `${real ? "prediction" : "probability"}${several ? `_${label}` : ""}`;
    while (batch.inputs.used.has(name)) name = `${name}_`; // a feature of that name keeps it
    outputs[name] = predictionOf(schema, label, logit, batch);
    predictions[label] = name;
  }
  const observed: { [name: string]: string } = {};
  for (const [name, tensor] of trace.observed ?? []) {
    observed[name] = `observed:${name}`;
    outputs[observed[name]] = tensor;
  }
  const leaves = new Map<Tensor, LeafBinding>();
  for (const [column, tensor] of batch.inputs.used) leaves.set(tensor, { name: column });
  for (const [path, tensor] of batch.tables) {
    const { rows, dim } = named.get(path) as Table;
    const stored = { dtype: "float32", dims: [rows, dim], data: weights.table(path) } as const;
    leaves.set(tensor, { name: `table:${path}`, value: tables === "stored" ? stored : undefined });
  }
  for (const [path, leaf] of model.namedParameters()) {
    leaves.set(leaf, {
      name: path,
      value: { dtype: "float32", dims: leaf.shape, data: weights.parameter(path) },
    });
  }
  for (const [path, leaf] of model.namedStates()) {
    leaves.set(leaf, {
      name: path,
      value: { dtype: "float32", dims: leaf.shape, data: weights.state(path) },
    });
  }
  const graph = compile({ outputs, leaves, metadata });
  return {
    ...graph,
    columns: graph.inputs.filter((name) => batch.inputs.used.has(name)),
    tables: [...batch.tables.keys()],
    predictions,
    observed,
  };
}

/** Look-ups straight from id columns and whole tables; no arenas, no leaves for gradients. */
export class ColumnBatch implements Batch {
  readonly schema: FeatureMap;
  readonly inputs: ColumnInputs;
  readonly tables = new Map<string, Tensor>();
  readonly #paths: ReadonlyMap<Table, string>;

  /** @param layout columns there are @default those of the schema */
  constructor(
    schema: FeatureMap,
    paths: ReadonlyMap<Table, string>,
    layout: BatchLayout = batchLayout(schema),
  ) {
    this.schema = schema;
    this.inputs = new ColumnInputs(layout);
    this.#paths = paths;
  }

  lookup(slots: readonly LookupSlot[]): Tensor {
    const parts = slots.map(({ table, column, width, sampled }) => {
      if (sampled !== undefined) throw new Error(`"${column}" is sampled in training only`);
      const rows = gather(this.#table(table), this.inputs.column(column)); // [batch, dim] or [batch, width, dim]
      return width === 1 ? expandDims(rows, 1) : rows;
    });
    return concat(parts, { axis: 1 });
  }

  numbers(columns: readonly string[]): Tensor {
    return concat(columns.map((column) => this.inputs.vector(column)));
  }

  vector(column: string): Tensor {
    return this.inputs.vector(column);
  }

  mask(feature: string): Tensor {
    return this.inputs.mask(feature);
  }

  #table(table: Table): Tensor {
    const path = this.#paths.get(table) as string;
    const known = this.tables.get(path) ?? input(`table:${path}`, [table.rows, table.dim]);
    this.tables.set(path, known);
    return known;
  }
}
