/**
 * The batch of the training and evaluation graphs: rows are gathered inside the graph from an arena
 * that is fed as an input, and every look-up is a leaf for gradients, so that gradients of rows come
 * out position by position and duplicates are summed outside, in a fixed order.
 */
import type { Batch, LookupSlot } from "../module/index.ts";
import { batchDim } from "../module/index.ts";
import { gather } from "../ops/index.ts";
import type { BatchLayout, FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { ColumnInputs } from "./column-inputs.ts";
import { arenaOf, type TablePlacement } from "./table-placement.ts";

/** One look-up of the graph: which slots, from which arena, and the looked-up rows. */
export interface TracedLookup {
  readonly slots: readonly LookupSlot[];
  readonly arena: number;
  /** Rows a batch row reads. */
  readonly width: number;
  /** int32 `[batch, width]`, indices into the arena's tensor. */
  readonly index: Tensor;
  /** `[batch, width, dim]`. */
  readonly rows: Tensor;
}

/** Several float columns fed as one input. */
export interface NumberGroup {
  readonly columns: readonly string[];
  readonly tensor: Tensor;
}

export class SymbolicBatch implements Batch {
  readonly schema: FeatureMap;
  readonly lookups: TracedLookup[] = [];
  readonly groups: NumberGroup[] = [];
  /** Columns fed as they are. */
  readonly inputs: ColumnInputs;
  /** The arenas as graph inputs. */
  readonly arenas: readonly Tensor[];
  readonly #placement: TablePlacement;

  constructor(schema: FeatureMap, layout: BatchLayout, placement: TablePlacement) {
    this.schema = schema;
    // A label may be called "loss", which is an output's name.
    this.inputs = new ColumnInputs(layout, { prefix: "column:" });
    this.#placement = placement;
    this.arenas = placement.arenas.map(({ dim }, k) => input(`arena:${k}`, [`arenaRows${k}`, dim]));
  }

  lookup(slots: readonly LookupSlot[]): Tensor {
    const known = this.lookups.find((lookup) => sameSlots(lookup.slots, slots));
    if (known !== undefined) return known.rows;
    const arena = arenaOf(this.#placement, slots);
    const width = slots.reduce((sum, slot) => sum + slot.width, 0);
    const index = input(`index:${this.lookups.length}`, [batchDim, width], "int32");
    const rows = gather(this.arenas[arena], index);
    this.lookups.push({ slots, arena, width, index, rows });
    return rows;
  }

  numbers(columns: readonly string[]): Tensor {
    const key = columns.join("\n");
    const known = this.groups.find((group) => group.columns.join("\n") === key);
    if (known !== undefined) return known.tensor;
    const tensor = input(`numbers:${this.groups.length}`, [batchDim, columns.length]);
    this.groups.push({ columns, tensor });
    return tensor;
  }

  vector(column: string): Tensor {
    return this.inputs.vector(column);
  }

  mask(feature: string): Tensor {
    return this.inputs.mask(feature);
  }

  /** Labels, weights and the like, `[batch]`. */
  scalar(column: string): Tensor {
    return this.inputs.column(column);
  }
}

function sameSlots(a: readonly LookupSlot[], b: readonly LookupSlot[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ table, column, sampled }, k) =>
        table === b[k].table && column === b[k].column && sampled === b[k].sampled,
    )
  );
}
