/**
 * Embedding rows of one width with their optimizer state beside them, in one memory that the graph reads
 * in place, and the host's half of a training step on them:
 *
 *     arena.positionRows.set(…)                rows looked up by the batch, one a position
 *     arena.group(count)                       unique rows; writes gatherIndices for the graph's Gather
 *     … the graph runs: reads `arena.tensor`, writes gradients into `arena.gradients(…)` …
 *     arena.sumOfSquares({ l2 })               only for clipping by the norm of all gradients
 *     arena.step({ learningRate, step, … })    sums duplicates and moves the rows
 *
 * Duplicates are added up in ascending position order and rows are visited in ascending row order, so
 * results depend on nothing but the batch. Rows named by `setFrozen` (padding rows, frozen tables) are
 * read but never move and never count in a norm.
 */
import { assert, ConfigError, DataError } from "../../core/index.ts";
import { createRowKernels } from "./create-kernels.ts";
import { moveByLargest } from "./largest-moment.ts";
import { allocateMemory } from "./memory-plan.ts";
import { adagradEpsilon, adamScalars, type Optimizer, rmspropScalars } from "./optimizer.ts";
import type { RowKernels, RowPass, RowStepPass } from "./row-kernels.ts";
import { checkRowPlan, MAX_FROZEN_RANGES, planRows, type RowArenaOptions, type RowPlan } from "./row-plan.ts";
import { RowTaskGradients } from "./row-task-gradients.ts";

/** Rows `[first, first + count)`. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** `λ·w` added to gradients: of the batch's rows, or of every trainable row of the table. */
export interface RowL2 {
  readonly lambda: number;
  readonly scope: "batch" | "table";
}

export interface RowStep {
  readonly learningRate: number;
  /** Steps of this table counted from 1, this one included. */
  readonly step: number;
  /** Factor on every gradient, L2 included: clipping. @default 1 */
  readonly gradientScale?: number;
  /** The same as given to `sumOfSquares`. @default none */
  readonly l2?: RowL2;
  /** Which task's gradients and state. @default 0 */
  readonly task?: number;
}

export class RowArena {
  readonly dim: number;
  readonly rows: number;
  /** Most positions of one batch. */
  readonly positions: number;
  readonly tasks: number;
  readonly optimizer: Optimizer | undefined;
  readonly scope: "batch" | "table";
  /** Bytes of the whole memory. */
  readonly bytes: number;
  /**
   * Weights and state as the graph reads them, `[rows·gatherFactor, dim]`, without copying: the weights
   * of row `r` are row `r·gatherFactor` of this.
   */
  readonly tensor: Float32Array;
  readonly gatherFactor: number;
  /** Fill this with the row of each position, then call `group` (training) or `lookUp` (reading only). */
  readonly positionRows: Int32Array;
  /** What the graph's Gather takes, `[positions]`; written by `group` and `lookUp`. */
  readonly gatherIndices: Int32Array;

  readonly #plan: RowPlan;
  readonly #kernels: RowKernels;
  readonly #buffer: ArrayBuffer;
  #frozen: readonly RowRange[] = [];
  #unique = 0;
  #grouped = false;
  readonly #summed: boolean[];
  readonly #taskGradients: RowTaskGradients;

  /** @throws ConfigError when the arena would not fit 4 GiB; MillraceError when memory is refused */
  constructor(options: RowArenaOptions) {
    const plan = planRows(options);
    checkRowPlan(plan);
    const memory = allocateMemory(plan.bytes, `${plan.rows} embedding rows of ${plan.dim}`);
    const buffer = memory.buffer as ArrayBuffer;
    this.#plan = plan;
    this.#buffer = buffer;
    this.#kernels = createRowKernels(memory, plan, options.kernels ?? "wasm");
    this.dim = plan.dim;
    this.rows = plan.rows;
    this.positions = plan.positions;
    this.tasks = plan.tasks;
    this.optimizer = options.optimizer;
    this.scope = options.scope ?? "batch";
    this.bytes = buffer.byteLength;
    this.tensor = new Float32Array(buffer, plan.table, plan.rows * plan.stride);
    this.gatherFactor = plan.stride / plan.dim;
    this.positionRows = new Int32Array(buffer, plan.positionRows, plan.positions);
    this.gatherIndices = new Int32Array(buffer, plan.gatherIndices, plan.positions);
    this.#summed = new Array<boolean>(plan.tasks).fill(false);
    this.#taskGradients = new RowTaskGradients(buffer, plan);
  }

  /** Where the graph writes the gradients of `count` positions from `first` on: `[count, dim]`, a view. */
  gradients(first: number, count: number, task = 0): Float32Array {
    const { gradients, positions, dim, tasks } = this.#plan;
    assert(first >= 0 && count >= 0 && first + count <= positions, "gradients beyond the arena's positions");
    assert(task >= 0 && task < tasks, "gradients of a task that the arena does not have");
    return new Float32Array(this.#buffer, gradients + (task * positions + first) * dim * 4, count * dim);
  }

  /** Names the rows that never move; replaces what was named before. Ranges may touch, not overlap. */
  setFrozen(ranges: readonly RowRange[]): void {
    const sorted = ranges.filter(({ count }) => count > 0).sort((a, b) => a.first - b.first);
    if (sorted.length > MAX_FROZEN_RANGES) {
      throw new ConfigError(`an arena takes at most ${MAX_FROZEN_RANGES} frozen row ranges`, {
        details: { ranges: sorted.length },
        hint: "place the frozen tables side by side, or in an arena without optimizer",
      });
    }
    const table = new Int32Array(this.#buffer, this.#plan.frozen, 2 * sorted.length);
    let end = 0;
    for (const [i, { first, count }] of sorted.entries()) {
      assert(first >= end && first + count <= this.rows, "frozen row ranges overlap or leave the table");
      end = first + count;
      table.set([first, end], 2 * i);
    }
    this.#frozen = sorted;
    this.#grouped = false;
  }

  /**
   * Looks up without training: writes `gatherIndices` for the first `count` positions.
   *
   * @throws DataError naming the first position whose row is outside the table
   */
  lookUp(count: number): void {
    assert(count >= 0 && count <= this.positions, "more positions than the arena was made for");
    const bad = this.#kernels.indices(count);
    if (bad >= 0) {
      const row = this.positionRows[bad];
      throw new DataError(
        `embedding row ${row} at position ${bad} is outside the table of ${this.rows} rows`,
        {
          details: { position: bad, row, rows: this.rows },
          hint: "the ids do not come from the feature map that this model was built with",
        },
      );
    }
  }

  /**
   * Looks up for a training step: `lookUp`, then finds the unique trainable rows of the batch.
   *
   * @returns how many there are
   */
  group(count: number): number {
    this.lookUp(count);
    this.#unique = this.#kernels.group(count, this.#frozen.length);
    this.#grouped = true;
    this.#summed.fill(false);
    return this.#unique;
  }

  /** Unique trainable rows of the batch, ascending: a view, valid until the next `group`. */
  get uniqueRows(): Int32Array {
    return new Int32Array(this.#buffer, this.#plan.unique, this.#unique);
  }

  /**
   * Sum of squares of the gradients that `step` will use, in float64 (two levels: in a row, over rows).
   * Leaves the duplicates summed, so that `step` need not do it again.
   */
  sumOfSquares({ l2, task = 0 }: { readonly l2?: RowL2; readonly task?: number } = {}): number {
    this.#checkStep(l2);
    let total = 0;
    for (const pass of this.#passes(l2, task)) total += this.#kernels.squares(pass);
    this.#summed[task] = true;
    return total;
  }

  /**
   * Inner products of the tasks' gradients over the rows of `shared`, `[tasks, tasks]`, in float64: row by
   * row, rows ascending. Leaves the duplicates of all tasks summed.
   *
   * @param shared ascending
   */
  taskProducts(shared: readonly RowRange[]): Float64Array {
    this.#sumTasks();
    return this.#taskGradients.products(this.#unique, shared);
  }

  /**
   * Replaces the tasks' gradients by linear combinations of them, `coefficients[to][from]`. One combination
   * goes to task 0, for a step with one state; rows outside `shared` get the plain sum of all tasks then. As
   * many combinations as tasks replace each task's own, and rows outside `shared` are left alone.
   *
   * @param shared ascending
   */
  mixTasks(coefficients: readonly (readonly number[])[], shared: readonly RowRange[]): void {
    this.#sumTasks();
    this.#taskGradients.mix(this.#unique, coefficients, shared);
  }

  /** The summed gradient of one task for the batch's unique row number `u`: a view `[dim]`. */
  rowGradient(u: number, task = 0): Float32Array {
    assert(this.#summed[task] && u < this.#unique, "a row's gradient before its duplicates are summed");
    return this.#taskGradients.view(u, task);
  }

  /** A row's optimizer state for one task, a vector `[dim]` each; a single number is repeated. */
  rowState(row: number, task = 0): Float32Array[] {
    const { table, stride, dim, vectors, scalars, scalarState, rows, states } = this.#plan;
    assert(
      row >= 0 && row < rows && task >= 0 && task < states,
      "the state of a row or task outside the arena",
    );
    const first = table + (row * stride + dim * (1 + task * vectors)) * 4;
    const own = Array.from(
      { length: vectors },
      (_, k) => new Float32Array(this.#buffer, first + k * dim * 4, dim),
    );
    const numbers = Array.from({ length: scalars }, (_, k) => {
      const at = scalarState + ((task * scalars + k) * rows + row) * 4;
      return new Float32Array(dim).fill(new Float32Array(this.#buffer, at, 1)[0]);
    });
    return [...own, ...numbers];
  }

  #sumTasks(): void {
    assert(this.#grouped, "gradients of tasks without group() on the batch");
    for (let task = 0; task < this.tasks; task++) {
      if (!this.#summed[task]) this.#taskGradients.sumDuplicates(this.#unique, task);
      this.#summed[task] = true;
    }
  }

  /** Moves the batch's rows, or the whole table's, by the arena's optimizer. Once a `group` and task. */
  step({ learningRate, step, gradientScale = 1, l2, task = 0 }: RowStep): void {
    this.#checkStep(l2);
    assert(task < this.#plan.states, "a step of a task that has no state of its own");
    const scale = Math.fround(gradientScale);
    for (const pass of this.#passes(l2, task)) this.#move({ ...pass, scale }, learningRate, step);
    this.#summed[task] = true;
  }

  /**
   * Moves the rows that `step` moves, by all tasks' moments over the largest second one; moments are those that
   * `step` of each task, with a rate of 0, has left. Adam with a state a task.
   */
  stepByLargest({ learningRate, step }: Pick<RowStep, "learningRate" | "step">): void {
    const { optimizer, dim } = this;
    assert(this.#grouped, "a step without group() on the batch");
    assert(optimizer?.name === "adam", "a step by the largest second moment without Adam");
    const { table, stride, states } = this.#plan;
    const scalars = adamScalars(optimizer, { learningRate, step, lazy: this.scope === "batch" });
    const floats = new Float32Array(this.#buffer);
    const first = new Int32Array(states);
    const second = new Int32Array(states);
    const move = (row: number): void => {
      const weights = (table >>> 2) + row * stride;
      for (let task = 0; task < states; task++) {
        first[task] = weights + dim * (1 + 2 * task);
        second[task] = first[task] + dim;
      }
      moveByLargest(floats, { weights, first, second, count: dim }, scalars);
    };
    for (const { fromUnique, toUnique, table: stretch } of this.#passes(undefined, 0)) {
      if (stretch === undefined) for (const row of this.uniqueRows.subarray(fromUnique, toUnique)) move(row);
      else for (let row = stretch.fromRow; row < stretch.toRow; row++) move(row);
    }
  }

  #move(pass: RowStepPass, learningRate: number, step: number): void {
    const { optimizer } = this;
    const rate = Math.fround(learningRate);
    switch (optimizer?.name) {
      case "sgd":
        this.#kernels.sgd(pass, rate);
        break;
      case "adagrad":
        this.#kernels.adagrad(pass, rate, adagradEpsilon(optimizer));
        break;
      case "rowwise-adagrad":
        this.#kernels.rowwiseAdagrad(pass, rate, adagradEpsilon(optimizer));
        break;
      case "adam": {
        const lazy = this.scope === "batch";
        this.#kernels.adam(pass, adamScalars(optimizer, { learningRate, step, lazy }));
        break;
      }
      case "rmsprop":
        this.#kernels.adam(pass, rmspropScalars(optimizer, learningRate));
    }
  }

  #checkStep(l2: RowL2 | undefined): void {
    assert(this.optimizer !== undefined, "a step on an arena without optimizer");
    assert(this.#grouped, "a step without group() on the batch");
    if (l2?.scope === "table" && this.scope === "batch") {
      throw new ConfigError("L2 on whole tables moves every row, so it needs the dense optimizer", {
        hint: "use the dense form of the optimizer, or L2 on the batch's rows",
      });
    }
  }

  /** One pass over the unique rows, or one a stretch of trainable rows when all of them move. */
  *#passes(l2: RowL2 | undefined, task: number): Generator<RowPass> {
    const batchL2 = Math.fround(l2?.lambda ?? 0);
    const restL2 = l2?.scope === "table" ? batchL2 : 0;
    const summed = this.#summed[task];
    // Without gradient, SGD and AdaGrad leave a row as it is; Adam's momentum goes on, averages decay.
    const moving = this.optimizer?.name === "adam" || this.optimizer?.name === "rmsprop";
    const all = this.scope === "table" && (restL2 !== 0 || moving);
    if (!all) {
      yield { task, fromUnique: 0, toUnique: this.#unique, summed, batchL2, restL2 };
      return;
    }
    let fromRow = 0;
    let fromUnique = 0;
    for (const { first, count } of [...this.#frozen, { first: this.rows, count: 0 }]) {
      if (first > fromRow) {
        const toUnique = this.#uniqueBefore(first);
        yield { task, fromUnique, toUnique, table: { fromRow, toRow: first }, summed, batchL2, restL2 };
        fromUnique = toUnique;
      }
      fromRow = first + count;
    }
  }

  /** How many unique rows come before `row`. */
  #uniqueBefore(row: number): number {
    const unique = this.uniqueRows;
    let low = 0;
    let high = unique.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (unique[middle] < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets weights from a callback; `write` gets the row and its `dim` floats. Optimizer state is left. */
  fill({ first, count }: RowRange, write: (row: number, weights: Float32Array) => void): void {
    this.#checkRange(first, count);
    for (let row = first; row < first + count; row++) write(row, this.#weights(row));
  }

  /** Copies weights in, packed `[count, dim]`. */
  writeWeights({ first, count }: RowRange, values: Float32Array): void {
    this.#checkRange(first, count);
    assert(values.length === count * this.dim, "writeWeights: values are not [count, dim]");
    for (let i = 0; i < count; i++) {
      this.#weights(first + i).set(values.subarray(i * this.dim, (i + 1) * this.dim));
    }
  }

  /** A packed copy `[count, dim]` of the weights. */
  readWeights({ first, count }: RowRange): Float32Array {
    this.#checkRange(first, count);
    const values = new Float32Array(count * this.dim);
    for (let i = 0; i < count; i++) values.set(this.#weights(first + i), i * this.dim);
    return values;
  }

  /**
   * The raw bytes of rows, weights and state alike, for checkpoints: a list of views that holds everything
   * a later step depends on. Copy into the views of an arena of the same shape to restore.
   */
  rowBytes({ first, count }: RowRange): Uint8Array[] {
    this.#checkRange(first, count);
    const { table, stride, scalarState, scalars, states, rows } = this.#plan;
    const views = [new Uint8Array(this.#buffer, table + first * stride * 4, count * stride * 4)];
    for (let i = 0; i < scalars * states; i++) {
      views.push(new Uint8Array(this.#buffer, scalarState + (i * rows + first) * 4, count * 4));
    }
    return views;
  }

  #weights(row: number): Float32Array {
    const { table, stride, dim } = this.#plan;
    return new Float32Array(this.#buffer, table + row * stride * 4, dim);
  }

  #checkRange(first: number, count: number): void {
    assert(first >= 0 && count >= 0 && first + count <= this.rows, "rows outside the arena");
  }
}
