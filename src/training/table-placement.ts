/**
 * Which rows of which arena each embedding table owns. Tables of one width lie side by side in one
 * arena, so that all their look-ups are one `Gather` in the graph; rows of frozen tables lie there too
 * and are named as frozen.
 */
import { ConfigError } from "../core/index.ts";
import type { LookupSlot, Table } from "../module/index.ts";

export interface PlacedTable {
  readonly path: string;
  readonly table: Table;
  readonly arena: number;
  /** The table's row 0 in the arena. */
  readonly first: number;
}

export interface ArenaPlan {
  readonly dim: number;
  /** Whether any of its tables is trained. */
  readonly trainable: boolean;
  readonly rows: number;
}

export interface TablePlacement {
  readonly arenas: readonly ArenaPlan[];
  readonly tables: ReadonlyMap<Table, PlacedTable>;
}

export function placeTables(tables: ReadonlyMap<string, Table>): TablePlacement {
  const arenas: { dim: number; trainable: boolean; rows: number }[] = [];
  const placed = new Map<Table, PlacedTable>();
  for (const [path, table] of tables) {
    const { dim, trainable, rows } = table;
    let arena = arenas.findIndex((plan) => plan.dim === dim);
    if (arena < 0) arena = arenas.push({ dim, trainable, rows: 0 }) - 1;
    arenas[arena].trainable ||= trainable;
    placed.set(table, { path, table, arena, first: arenas[arena].rows });
    arenas[arena].rows += rows;
  }
  return { arenas, tables: placed };
}

/** The one arena that all tables of a look-up lie in. */
export function arenaOf(placement: TablePlacement, slots: readonly LookupSlot[]): number {
  const arenas = slots.map(({ table }) => placement.tables.get(table)?.arena);
  if (arenas[0] === undefined || arenas.some((arena) => arena !== arenas[0])) {
    throw new ConfigError("one look-up reads tables of different widths", {
      details: { columns: slots.map(({ column }) => column) },
      hint: "look up each group of tables on its own and concatenate",
    });
  }
  return arenas[0];
}
