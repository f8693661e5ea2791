/**
 * The values of a model, which stand beside it: embedding rows in arenas, dense parameters in another,
 * running states in plain arrays.
 */
import {
  type Optimizer,
  DenseArena,
  denseStateVectors,
  RowArena,
  type RowL2,
  type RowRange,
  rowArenaBytes,
} from "../embeddings/index.ts";
import { initialValues, type Model, type Parameter, type State, type Table } from "../module/index.ts";
import { type PlacedTable, placeTables, type TablePlacement } from "./table-placement.ts";

export interface WeightsOptions {
  readonly seed: number;
  /** Rows read by one batch, for each arena: known once the graph is traced. */
  readonly positions: readonly number[];
  /** Absent: for evaluation only. */
  readonly denseOptimizer?: Optimizer;
  readonly rowOptimizer?: Optimizer;
  /** Whether rows outside the batch move too. @default "table" */
  readonly rowScope?: "batch" | "table";
  /** λ of `λ/2 · ‖W‖²` over dense parameters. @default 0 */
  readonly netL2?: number;
  /** Gradients kept apart, one set for each task. @default 1 */
  readonly tasks?: number;
  /** Optimizer states of each weight and row: one for each task, or one for all. @default "one" */
  readonly taskStates?: "each" | "one";
}

export class ModelWeights {
  readonly placement: TablePlacement;
  readonly arenas: readonly RowArena[];
  readonly dense: DenseArena;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly states: ReadonlyMap<string, State>;
  /** Values of the states; replaced whole after each step. */
  readonly stateValues = new Map<State, Float32Array>();
  /** What a training method keeps beside the model (learned loss factors, measures), by name. */
  readonly methodState = new Map<string, Float64Array>();

  constructor(model: Model, options: WeightsOptions) {
    const { seed, rowOptimizer, rowScope = "table", netL2 = 0, tasks = 1, taskStates = "one" } = options;
    this.placement = placeTables(model.namedTables());
    this.arenas = this.placement.arenas.map(
      ({ dim, rows, trainable }, k) =>
        new RowArena({
          dim,
          rows,
          positions: options.positions[k],
          optimizer: trainable ? rowOptimizer : undefined,
          scope: rowScope,
          tasks: trainable ? tasks : 1,
          taskStates,
        }),
    );
    this.parameters = model.namedParameters();
    this.states = model.namedStates();
    this.dense = new DenseArena({
      parameters: [...this.parameters.values()].map(({ shape, trainable }) => ({
        size: shape.reduce((product, dim) => product * dim, 1),
        trainable,
        l2: netL2,
      })),
      optimizer: options.denseOptimizer ?? { name: "sgd" },
      tasks,
      taskStates,
    });
    this.#initialise(seed);
  }

  #initialise(seed: number): void {
    for (const [k, [path, { init, shape }]] of [...this.parameters].entries()) {
      this.dense.parameter(k).set(initialValues(init, shape, seed, path));
    }
    for (const [path, state] of this.states) {
      this.stateValues.set(state, initialValues(state.init, state.shape, seed, path));
    }
    for (const placed of this.placement.tables.values()) this.#initialiseTable(placed, seed);
    for (const [k, arena] of this.arenas.entries()) {
      if (arena.optimizer !== undefined) arena.setFrozen(this.#frozenRanges(k));
    }
  }

  /** Padding rows, and all rows of frozen tables. */
  #frozenRanges(arena: number): RowRange[] {
    const own = [...this.placement.tables.values()].filter((placed) => placed.arena === arena);
    return own.flatMap(({ table, first }) => {
      if (!table.trainable) return [{ first, count: table.rows }];
      return table.padding ? [{ first, count: 1 }] : [];
    });
  }

  #initialiseTable({ table, path, arena, first }: PlacedTable, seed: number): void {
    const { rows, dim } = table;
    const values = table.pretrained?.slice() ?? initialValues(table.init, [rows, dim], seed, path);
    if (table.padding) values.fill(0, 0, dim);
    this.arenas[arena].writeWeights({ first, count: rows }, values);
  }

  /** A packed copy `[rows, dim]` of a table's weights. */
  table(table: Table): Float32Array {
    const { arena, first } = this.placed(table);
    return this.arenas[arena].readWeights({ first, count: table.rows });
  }

  placed(table: Table): PlacedTable {
    const placed = this.placement.tables.get(table);
    if (placed === undefined) throw new Error("the table does not belong to this model");
    return placed;
  }

  /** Values of a dense parameter: a view. */
  parameter(parameter: Parameter): Float32Array {
    return this.dense.parameter([...this.parameters.values()].indexOf(parameter));
  }

  state(state: State): Float32Array {
    return this.stateValues.get(state) as Float32Array;
  }
}

export interface MemoryLine {
  readonly what: string;
  readonly bytes: number;
}

/** What tables, parameters, gradients and optimizer state will take, before anything is allocated. */
export function estimateMemory(model: Model, options: Omit<WeightsOptions, "seed">): MemoryLine[] {
  const placement = placeTables(model.namedTables());
  const { tasks = 1, taskStates = "one", denseOptimizer } = options;
  const lines = placement.arenas.map(({ dim, rows, trainable }, k) => ({
    what: `${rows} embedding rows of ${dim}${trainable ? "" : " (frozen)"}`,
    bytes: rowArenaBytes({
      dim,
      rows,
      positions: options.positions[k],
      optimizer: trainable ? options.rowOptimizer : undefined,
      scope: options.rowScope ?? "table",
      tasks: trainable ? tasks : 1,
      taskStates,
    }).totalBytes,
  }));
  const elements = [...model.namedParameters().values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1),
    0,
  );
  const vectors = denseOptimizer === undefined ? 0 : denseStateVectors(denseOptimizer);
  const copies = 1 + tasks + vectors * (taskStates === "each" ? tasks : 1);
  return [...lines, { what: `${elements} dense parameters`, bytes: elements * copies * 4 }];
}

/** L2 on rows as the arena takes it; undefined where there is none. */
export function rowL2(lambda: number, scope: "batch" | "table"): RowL2 | undefined {
  return lambda === 0 ? undefined : { lambda, scope };
}
