/**
 * The trainable parts of a bundle in the arenas that training uses everywhere: rows with their optimizer state,
 * dense parameters with theirs. What is kept of them is the parameters and those rows that ever moved, so a
 * table of a million rows costs nothing to save.
 */
import { DenseArena, type Optimizer, RowArena } from "../embeddings/index.ts";
import type { EncodedBatch } from "../schema/index.ts";
import type { FedRows, MovedWeights } from "../training/device/index.ts";
import type { Bundle } from "./bundle.ts";
import type { LiveRows, LiveValues } from "./live-values.ts";

export interface DeviceWeightsOptions {
  readonly optimizer: Optimizer;
  /** Most events in one step. */
  readonly batchSize: number;
}

/** Values with optimizer state, as they are kept. */
export interface KeptWeights {
  readonly dense: readonly Uint8Array[];
  readonly tables: readonly {
    readonly path: string;
    /** Rows that moved, ascending. */
    readonly ids: Int32Array;
    /** For each part of the arena's memory, the rows' bytes one after the other. */
    readonly bytes: readonly Uint8Array[];
  }[];
}

/** A fed column's positions in its table's arena. */
export interface PlacedRows {
  readonly fed: FedRows;
  readonly arena: RowArena;
  readonly first: number;
  readonly count: number;
}

export class DeviceWeights implements LiveValues, MovedWeights {
  readonly arenas: readonly RowArena[];
  readonly dense: DenseArena;
  readonly #bundle: Bundle;
  readonly #moved: readonly Set<number>[];

  constructor(bundle: Bundle, { optimizer, batchSize }: DeviceWeightsOptions) {
    this.#bundle = bundle;
    const { tables, parameters, rows } = bundle.manifest;
    this.arenas = tables.map(({ path, rows: count, dim, padding }) => {
      const width = rows.filter(({ table }) => table === path).reduce((sum, fed) => sum + fed.width, 0);
      const arena = new RowArena({ dim, rows: count, positions: width * batchSize, optimizer });
      arena.writeWeights({ first: 0, count }, bundle.values(`table:${path}`));
      if (padding) arena.setFrozen([{ first: 0, count: 1 }]);
      return arena;
    });
    this.#moved = tables.map(() => new Set());
    this.dense = new DenseArena({
      parameters: parameters.map(({ shape }) => ({ size: shape.reduce((product, dim) => product * dim, 1) })),
      // Row-wise AdaGrad is for rows; its dense form is AdaGrad.
      optimizer: optimizer.name === "rowwise-adagrad" ? { ...optimizer, name: "adagrad" } : optimizer,
    });
    for (const [k, { path }] of parameters.entries()) {
      this.dense.parameter(k).set(bundle.values(`parameter:${path}`));
    }
  }

  rows(table: string): LiveRows {
    const arena = this.arenas[this.#tableAt(table)];
    return { data: arena.tensor, stride: arena.gatherFactor * arena.dim };
  }

  parameter(path: string): Float32Array {
    return this.dense.parameter(this.#bundle.manifest.parameters.findIndex((one) => one.path === path));
  }

  /** Places a batch's ids in the arenas and groups equal rows; what each fed column's gradient goes into. */
  place({ columns }: EncodedBatch): PlacedRows[] {
    const next = this.arenas.map(() => 0);
    const placed = this.#bundle.manifest.rows.map((fed): PlacedRows => {
      const k = this.#tableAt(fed.table);
      const ids = columns[fed.column] as Int32Array;
      const first = next[k];
      this.arenas[k].positionRows.set(ids, first);
      next[k] += ids.length;
      return { fed, arena: this.arenas[k], first, count: ids.length };
    });
    for (const [k, arena] of this.arenas.entries()) {
      arena.group(next[k]);
      for (const row of arena.uniqueRows) this.#moved[k].add(row);
    }
    return placed;
  }

  /**
   * `w -= share · (w - shipped)` for the parameters and the rows of the batch: a pull back to what was shipped,
   * beside the gradient as AdamW's decay is.
   */
  pullBack(share: number): void {
    const { parameters, tables } = this.#bundle.manifest;
    const pull = (values: Float32Array, towards: Float32Array): void => {
      for (let i = 0; i < values.length; i++) values[i] -= share * (values[i] - towards[i]);
    };
    for (const [k, { path }] of parameters.entries()) {
      pull(this.dense.parameter(k), this.#bundle.values(`parameter:${path}`));
    }
    for (const [k, arena] of this.arenas.entries()) {
      const shipped = this.#bundle.values(`table:${tables[k].path}`);
      const { dim, tensor, gatherFactor } = arena;
      for (const row of arena.uniqueRows) {
        const first = row * gatherFactor * dim;
        pull(tensor.subarray(first, first + dim), shipped.subarray(row * dim, (row + 1) * dim));
      }
    }
  }

  /** Whether every value that a device may have moved is a number. */
  get finite(): boolean {
    const { parameters } = this.#bundle.manifest;
    const sound = (values: Float32Array): boolean => values.every(Number.isFinite);
    if (!parameters.every((_, k) => sound(this.dense.parameter(k)))) return false;
    return this.arenas.every(({ tensor, gatherFactor, dim }, k) =>
      [...this.#moved[k]].every((row) => {
        const first = row * gatherFactor * dim;
        return sound(tensor.subarray(first, first + dim));
      }),
    );
  }

  /** A copy of the parameters and of the rows that ever moved. */
  keep(): KeptWeights {
    const { tables } = this.#bundle.manifest;
    return {
      dense: this.dense.stateBytes().map((view) => view.slice()),
      tables: this.arenas.map((arena, k) => {
        const ids = Int32Array.from(this.#moved[k]).sort();
        const parts = arena.rowBytes({ first: 0, count: 1 }).map(({ byteLength }) => byteLength);
        const bytes = parts.map((width) => new Uint8Array(width * ids.length));
        for (const [at, first] of ids.entries()) {
          for (const [p, view] of arena.rowBytes({ first, count: 1 }).entries()) {
            bytes[p].set(view, at * parts[p]);
          }
        }
        return { path: tables[k].path, ids, bytes };
      }),
    };
  }

  /** Takes back what `keep` gave; false, and nothing taken, where it is of other parts or another optimizer. */
  restore({ dense, tables }: KeptWeights): boolean {
    const views = this.dense.stateBytes();
    const named = tables.map(({ path }) => path).join("\n");
    const known = this.#bundle.manifest.tables.map(({ path }) => path).join("\n");
    if (named !== known || dense.length !== views.length) return false;
    if (dense.some(({ byteLength }, p) => byteLength !== views[p].byteLength)) return false;
    const fits = tables.every(({ ids, bytes }, k) => {
      const parts = this.arenas[k].rowBytes({ first: 0, count: 1 });
      return (
        bytes.length === parts.length &&
        bytes.every(({ byteLength }, p) => byteLength === parts[p].byteLength * ids.length) &&
        ids.every((id) => id >= 0 && id < this.arenas[k].rows)
      );
    });
    if (!fits) return false;
    for (const [p, view] of views.entries()) view.set(dense[p]);
    for (const [k, { ids, bytes }] of tables.entries()) {
      for (const [at, first] of ids.entries()) {
        this.#moved[k].add(first);
        for (const [p, view] of this.arenas[k].rowBytes({ first, count: 1 }).entries()) {
          view.set(bytes[p].subarray(at * view.byteLength, (at + 1) * view.byteLength));
        }
      }
    }
    return true;
  }

  #tableAt(path: string): number {
    return this.#bundle.manifest.tables.findIndex((table) => table.path === path);
  }
}
