/**
 * A trained model as files: ONNX with its tables beside it. It predicts from encoded batches through
 * any engine and knows nothing of how it was trained.
 */
import type { Engine, HostTensor, Session } from "../engine/index.ts";
import { decodeModel, encodeModel, type HostDType, type ModelProto, tensorFromHost } from "../onnx/index.ts";
import type { EncodedBatch } from "../schema/index.ts";

export interface NamedTable {
  /** As the model calls it: `table:<path>`. */
  readonly name: string;
  readonly rows: number;
  readonly dim: number;
  readonly data: Float32Array;
}

export class OnnxPredictor {
  readonly #session: Session;
  readonly #tables: { readonly [name: string]: HostTensor };
  readonly #outputs: { readonly [label: string]: string };

  private constructor(
    session: Session,
    tables: { readonly [name: string]: HostTensor },
    outputs: { readonly [label: string]: string },
  ) {
    this.#session = session;
    this.#tables = tables;
    this.#outputs = outputs;
  }

  /** @param predictions output name by label */
  static async load(
    engine: Engine,
    model: Uint8Array,
    tables: readonly NamedTable[],
    predictions: { readonly [label: string]: string },
  ): Promise<OnnxPredictor> {
    // WASM copies its inputs at every run: there, tables are better inside the model.
    const fed = engine.name !== "wasm";
    const session = await engine.load(fed ? model : storeTables(model, tables));
    const feeds: { [name: string]: HostTensor } = {};
    for (const { name, rows, dim, data } of fed ? tables : []) {
      feeds[name] = { dtype: "float32", dims: [rows, dim], data };
    }
    return new OnnxPredictor(session, feeds, predictions);
  }

  /** Predictions by label, `[size]` each. */
  async predict(batch: EncodedBatch): Promise<{ [label: string]: Float32Array }> {
    const feeds: { [name: string]: HostTensor } = { ...this.#tables };
    for (const { name, dtype, shape } of this.#session.inputs) {
      if (Object.hasOwn(feeds, name)) continue;
      const dims = shape.map((dim) => (typeof dim === "number" ? dim : batch.size));
      feeds[name] = { dtype: dtype as HostDType, dims, data: batch.columns[name] as Float32Array };
    }
    const results = await this.#session.run(feeds);
    return Object.fromEntries(
      Object.entries(this.#outputs).map(([label, output]) => [label, results[output].data as Float32Array]),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** A model whose table inputs have become stored tensors: one file that any ONNX Runtime loads alone. */
export function storeTables(bytes: Uint8Array, tables: readonly NamedTable[]): Uint8Array {
  return encodeModel(withStoredTables(bytes, tables));
}

/** The same, not yet written: beyond 2 GiB a model needs side files (`saveModel`). */
export function withStoredTables(bytes: Uint8Array, tables: readonly NamedTable[]): ModelProto {
  const model = decodeModel(bytes);
  const { graph } = model;
  if (graph === undefined) throw new Error("the model has no graph");
  const stored = new Set(tables.map(({ name }) => name));
  graph.input = graph.input.filter(({ name }) => !stored.has(name));
  for (const { name, rows, dim, data } of tables) {
    graph.initializer.push(tensorFromHost({ dtype: "float32", dims: [rows, dim], data }, name));
  }
  return model;
}
