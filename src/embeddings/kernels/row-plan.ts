/**
 * The memory of a row arena: the table with its optimizer state, then scratch space for one batch.
 *
 * Row `r` begins at float `r·stride` of the table and reads `[weights | state vectors]`, each `dim`
 * floats, so that one look at a row touches neighbouring cache lines only. `stride` is a multiple of
 * `dim`: seen as a tensor `[rows·stride/dim, dim]`, the weights of row `r` are its row `r·stride/dim`,
 * which is what the graph's Gather reads. State that is one number a row (row-wise AdaGrad) would cost
 * `dim` floats beside the row; it lies in an array of its own.
 */
import { ConfigError } from "../../core/index.ts";
import { checkMemoryBytes, MemoryPlan } from "./memory-plan.ts";
import { type Optimizer, rowStateLayout } from "./optimizer.ts";

export interface RowArenaOptions {
  /** Floats of one row's weights. */
  readonly dim: number;
  /** Rows of all tables that live here. */
  readonly rows: number;
  /** Most looked-up positions of one batch. */
  readonly positions: number;
  /** Absent: the rows are only read. */
  readonly optimizer?: Optimizer;
  /**
   * Which rows a step moves: the batch's ("batch": lazy, as torch.optim.SparseAdam) or all of them
   * ("table": dense, as torch.optim.Adam; rows without gradient take g = 0). @default "batch"
   */
  readonly scope?: "batch" | "table";
  /** Gradients kept apart for each position, one for each task. @default 1 */
  readonly tasks?: number;
  /** Optimizer states kept apart for each row, one for each task or one for all. @default "each" */
  readonly taskStates?: "each" | "one";
  /** `javascript` is the slow twin of the WebAssembly kernels, with the same bits. @default "wasm" */
  readonly kernels?: "wasm" | "javascript";
}

/** Bytes of an arena: what stays (table, state) and what a batch passes through. */
export interface RowArenaBytes {
  readonly tableBytes: number;
  readonly scratchBytes: number;
  readonly totalBytes: number;
}

/** Counters of the radix sort: three digits of 11 bits cover 32-bit row indices. */
export const RADIX_DIGITS = 3;
export const RADIX_SIZE = 2048;
/** Most frozen ranges of one arena. */
export const MAX_FROZEN_RANGES = 16384;

/** Sizes, and byte offsets into the memory. */
export interface RowPlan {
  readonly dim: number;
  readonly rows: number;
  readonly positions: number;
  readonly tasks: number;
  /** Optimizer states of a row: as many as tasks, or 1. */
  readonly states: number;
  /** Floats from one row to the next. */
  readonly stride: number;
  /** State vectors of one state. */
  readonly vectors: number;
  /** Single state numbers of one state. */
  readonly scalars: number;
  readonly bytes: number;
  readonly scratchBytes: number;

  /** float32 `[rows, stride]` */
  readonly table: number;
  /** float32 `[states·scalars, rows]` */
  readonly scalarState: number;
  /** int32 `[positions]`: the row looked up at each position */
  readonly positionRows: number;
  /** int32 `[positions]`: the same, in rows of the `[.., dim]` tensor that the graph reads */
  readonly gatherIndices: number;
  /** float32 `[tasks, positions, dim]` */
  readonly gradients: number;
  /** int32 `[positions]`: positions sorted by (row, position) */
  readonly order: number;
  /** int32 `[positions]`: the batch's trainable rows, ascending, each once */
  readonly unique: number;
  /** int32 `[positions]`: where a unique row's positions begin in `order` … */
  readonly segmentStart: number;
  /** int32 `[positions]`: … and end */
  readonly segmentEnd: number;
  /** int32 `[4, positions]`: keys and positions on their way through the sort */
  readonly sortSpace: number;
  /** int32 `[RADIX_DIGITS, RADIX_SIZE]` */
  readonly histogram: number;
  /** int32 `[MAX_FROZEN_RANGES, 2]`: first row and end of each range that never moves, ascending */
  readonly frozen: number;
  /** float32 `[dim]`, never written: the gradient of a row that has none */
  readonly zeros: number;
}

export function planRows(options: RowArenaOptions): RowPlan {
  const { dim, rows, positions, optimizer, tasks = 1, taskStates = "each" } = options;
  for (const [name, value] of Object.entries({ dim, rows, positions, tasks })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ConfigError(`a row arena's ${name} must be a positive integer; got ${value}`, {
        details: { [name]: value },
      });
    }
  }
  const { vectors, scalars } = rowStateLayout(optimizer);
  const states = taskStates === "each" ? tasks : 1;
  const stride = (1 + states * vectors) * dim;
  const plan = new MemoryPlan();
  const table = plan.take(rows * stride, 4);
  const scalarState = plan.take(rows * states * scalars, 4);
  const tableEnd = plan.bytes;
  return {
    dim,
    rows,
    positions,
    tasks,
    states,
    stride,
    vectors,
    scalars,
    table,
    scalarState,
    positionRows: plan.take(positions, 4),
    gatherIndices: plan.take(positions, 4),
    gradients: plan.take(tasks * positions * dim, 4),
    order: plan.take(positions, 4),
    unique: plan.take(positions, 4),
    segmentStart: plan.take(positions, 4),
    segmentEnd: plan.take(positions, 4),
    sortSpace: plan.take(4 * positions, 4),
    histogram: plan.take(RADIX_DIGITS * RADIX_SIZE, 4),
    frozen: plan.take(MAX_FROZEN_RANGES * 2, 4),
    zeros: plan.take(dim, 4),
    bytes: plan.bytes,
    scratchBytes: plan.bytes - tableEnd,
  };
}

/** What an arena will take, before anything is allocated; sizes beyond 4 GiB are reported, not refused. */
export function rowArenaBytes(options: RowArenaOptions): RowArenaBytes {
  const { bytes, scratchBytes } = planRows(options);
  return { tableBytes: bytes - scratchBytes, scratchBytes, totalBytes: bytes };
}

/** @throws ConfigError when the arena does not fit one WebAssembly memory */
export function checkRowPlan(plan: RowPlan): void {
  checkMemoryBytes(
    plan.bytes,
    `${plan.rows} rows of ${plan.dim} with ${plan.stride - plan.dim} floats of optimizer state each, and ` +
      `${plan.positions} positions a batch,`,
    "take a smaller embedding dimension, fewer rows (raise min_count or hash ids), an optimizer with less " +
      "state (rowwise-adagrad keeps one number a row), or split the tables over several arenas",
  );
}
