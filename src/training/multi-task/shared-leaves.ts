/** Which weights and embedding rows several tasks share: those that the losses of two tasks or more reach. */
import type { RowRange } from "../../embeddings/index.ts";
import type { TrainingGraph } from "../graphs.ts";
import type { ModelWeights } from "../model-weights.ts";
import { checkPatterns, matchesPath } from "../path-pattern.ts";

export interface SharedLeaves {
  /** By position among the model's parameters; frozen ones are not shared. */
  readonly parameters: readonly boolean[];
  /** By position: how many tasks reach a parameter. */
  readonly parameterTasks: readonly (readonly boolean[])[];
  /** Row ranges of each arena, ascending. */
  readonly rows: readonly (readonly RowRange[])[];
  /** Paths of shared tables with their place. */
  readonly tables: readonly { readonly path: string; readonly arena: number; readonly range: RowRange }[];
  /** Whether a trained table is not shared. */
  readonly ownTables: boolean;
}

/**
 * @param patterns what counts as shared, in place of what the graph says. A look-up that reads tables of
 *   several tasks at once makes them all look shared, since its gradient is one tensor.
 */
export function sharedLeaves(
  weights: ModelWeights,
  graph: TrainingGraph,
  patterns: readonly string[] | undefined,
): SharedLeaves {
  const { parameters, placement, arenas } = weights;
  const named = (path: string): boolean => patterns?.some((pattern) => matchesPath(pattern, path)) ?? true;
  if (patterns !== undefined) {
    const paths = [...placement.tables.values()].map(({ path }) => path);
    checkPatterns("training.multi_task.shared", patterns, [...parameters.keys(), ...paths]);
  }
  const none = graph.tasks.map(() => false);
  const parameterTasks = [...parameters.keys()].map((path) => graph.parameterTasks.get(path) ?? none);
  const shared = [...parameters.keys()].map((path, k) => severalOf(parameterTasks[k]) && named(path));
  const tables: { path: string; arena: number; range: RowRange }[] = [];
  let ownTables = false;
  for (const { path, table, arena, first } of placement.tables.values()) {
    const readers = graph.batch.lookups.map(({ slots }) => slots.some((slot) => slot.table === table));
    const reached = none.map((_, task) => graph.lookupTasks.some((tasks, k) => readers[k] && tasks[task]));
    if (!table.trainable || !reached.includes(true)) continue;
    if (severalOf(reached) && named(path)) tables.push({ path, arena, range: { first, count: table.rows } });
    else ownTables = true;
  }
  const rows = arenas.map((_, k) =>
    tables
      .filter(({ arena }) => arena === k)
      .map(({ range }) => range)
      .sort((a, b) => a.first - b.first),
  );
  return { parameters: shared, parameterTasks, rows, tables, ownTables };
}

function severalOf(reached: readonly boolean[]): boolean {
  return reached.filter(Boolean).length > 1;
}
