/**
 * All dense parameters of a model in one memory, their gradients and optimizer state beside them: the
 * graph reads the weights and writes the gradients in place, and a step updates the weights in place
 * (safe, since the graph's outputs are the gradients and never the weights).
 *
 *     … the graph runs: reads `arena.parameter(i)`, writes into `arena.gradient(i)` …
 *     arena.sumOfSquares()                     only for clipping by the norm of all gradients
 *     arena.step({ learningRate, step, … })
 */
import { assert } from "../../core/index.ts";
import { createDenseKernels } from "./create-kernels.ts";
import type { DenseKernels, DensePass } from "./dense-kernels.ts";
import { moveByLargest } from "./largest-moment.ts";
import { allocateMemory, checkMemoryBytes, MemoryPlan } from "./memory-plan.ts";
import {
  adagradEpsilon,
  adamScalars,
  denseStateVectors,
  type Optimizer,
  rmspropScalars,
} from "./optimizer.ts";

export interface DenseParameter {
  /** Number of elements. */
  readonly size: number;
  /** Frozen parameters are read but never move and never count in a norm. @default true */
  readonly trainable?: boolean;
  /** λ: `λ·w` is added to the gradient (coupled, as weight_decay of torch.optim.Adam). @default 0 */
  readonly l2?: number;
  /** Decoupled decay: `w ← (1 - rate·weightDecay)·w` before the step, as in AdamW. @default 0 */
  readonly weightDecay?: number;
}

export interface DenseArenaOptions {
  readonly parameters: readonly DenseParameter[];
  readonly optimizer: Optimizer;
  /** Gradients kept apart, one set for each task. @default 1 */
  readonly tasks?: number;
  /** Optimizer states kept apart, one for each task or one for all. @default "each" */
  readonly taskStates?: "each" | "one";
  /** `javascript` is the slow twin of the WebAssembly kernels, with the same bits. @default "wasm" */
  readonly kernels?: "wasm" | "javascript";
}

export interface DenseStep {
  readonly learningRate: number;
  /** Steps counted from 1, this one included. */
  readonly step: number;
  /** Factor on every gradient, L2 included: clipping. @default 1 */
  readonly gradientScale?: number;
  /** Which task's gradients and state. @default 0 */
  readonly task?: number;
  /** Factor on each parameter's λ. @default 1 for all */
  readonly l2Shares?: readonly number[];
}

export class DenseArena {
  readonly optimizer: Optimizer;
  readonly tasks: number;
  /** Elements of all parameters. */
  readonly size: number;
  readonly bytes: number;

  readonly #kernels: DenseKernels;
  readonly #buffer: ArrayBuffer;
  readonly #parameters: readonly DenseParameter[];
  readonly #trainable: boolean[];
  /** Element offset of each parameter in every part. */
  readonly #offsets: readonly number[];
  /** Byte offsets of the parts: weights, gradients task by task, state vectors state by state. */
  readonly #parts: readonly number[];
  readonly #vectors: number;
  readonly #states: number;
  readonly #partSize: number;

  /** @throws ConfigError when the parameters would not fit 4 GiB; MillraceError when memory is refused */
  constructor(options: DenseArenaOptions) {
    const { parameters, optimizer, tasks = 1, taskStates = "each", kernels = "wasm" } = options;
    const vectors = denseStateVectors(optimizer);
    const states = taskStates === "each" ? tasks : 1;
    const offsets: number[] = [];
    let elements = 0;
    for (const { size } of parameters) {
      assert(Number.isInteger(size) && size >= 0, "a dense parameter's size must be a whole number");
      offsets.push(elements);
      elements += Math.ceil(size / 16) * 16; // each begins on a cache line
    }
    const plan = new MemoryPlan();
    this.#parts = Array.from({ length: 1 + tasks + states * vectors }, () => plan.take(elements, 4));
    const what = `${elements} dense parameters with gradients and optimizer state`;
    checkMemoryBytes(plan.bytes, what, "take smaller layers, or an optimizer with less state");
    const memory = allocateMemory(plan.bytes, what);
    this.#buffer = memory.buffer as ArrayBuffer;
    this.#kernels = createDenseKernels(memory, kernels);
    this.#parameters = parameters;
    this.#trainable = parameters.map(({ trainable = true }) => trainable);
    this.#offsets = offsets;
    this.#partSize = elements;
    this.optimizer = optimizer;
    this.tasks = tasks;
    this.#vectors = vectors;
    this.#states = states;
    this.size = parameters.reduce((sum, { size }) => sum + size, 0);
    this.bytes = this.#buffer.byteLength;
  }

  /** Weights of parameter `i`: a view, the graph's input. */
  parameter(i: number): Float32Array {
    return this.#view(0, i);
  }

  /** Gradient of parameter `i`: a view, for the graph to write into. */
  gradient(i: number, task = 0): Float32Array {
    assert(task >= 0 && task < this.tasks, "gradients of a task that the arena does not have");
    return this.#view(1 + task, i);
  }

  /** State vectors of parameter `i` as views: none (SGD), `[b]` (momentum), `[a]` (AdaGrad), `[m, v]` (Adam). */
  state(i: number, task = 0): Float32Array[] {
    return Array.from({ length: this.#vectors }, (_, vector) =>
      this.#view(this.#statePart(task) + vector, i),
    );
  }

  setTrainable(i: number, trainable: boolean): void {
    this.#trainable[i] = trainable;
  }

  /** Sum of squares of all trainable gradients, L2 included, in float64 (two levels, then over parameters). */
  sumOfSquares({ task = 0, l2Shares }: Pick<DenseStep, "task" | "l2Shares"> = {}): number {
    let total = 0;
    for (const [i, pass] of this.#passes({ learningRate: 0, step: 1, task, l2Shares })) {
      if (this.#parameters[i].size > 0) total += this.#kernels.squares(pass);
    }
    return total;
  }

  /** Moves every trainable parameter in place. */
  step(options: DenseStep): void {
    const { learningRate, step, task = 0 } = options;
    const { optimizer } = this;
    const rate = Math.fround(learningRate);
    assert(task < this.#states, "a step of a task that has no state of its own");
    const first = this.#statePart(task);
    for (const [i, pass] of this.#passes(options)) {
      switch (optimizer.name) {
        case "sgd":
          if (this.#vectors === 0) this.#kernels.sgd(pass, rate);
          else {
            this.#kernels.momentum(pass, this.#at(first, i), rate, Math.fround(optimizer.momentum ?? 0));
          }
          break;
        case "adagrad":
          this.#kernels.adagrad(pass, this.#at(first, i), rate, adagradEpsilon(optimizer));
          break;
        case "adam": {
          const scalars = adamScalars(optimizer, { learningRate, step, lazy: false });
          this.#kernels.adam(pass, this.#at(first, i), this.#at(first + 1, i), scalars);
          break;
        }
        case "rmsprop": {
          const scalars = rmspropScalars(optimizer, learningRate);
          this.#kernels.adam(pass, this.#at(first, i), this.#at(first + 1, i), scalars);
        }
      }
    }
  }

  /**
   * Moves every trainable parameter by all tasks' moments over the largest second one; moments are those that
   * `step` of each task, with a rate of 0, has left. Adam with a state a task.
   */
  stepByLargest({ learningRate, step }: Pick<DenseStep, "learningRate" | "step">): void {
    const { optimizer } = this;
    assert(optimizer.name === "adam", "a step by the largest second moment without Adam");
    const scalars = adamScalars(optimizer, { learningRate, step, lazy: false });
    const floats = new Float32Array(this.#buffer);
    const states = Array.from({ length: this.#states }, (_, task) => this.#statePart(task));
    for (const [i, { size }] of this.#parameters.entries()) {
      if (!this.#trainable[i]) continue;
      const first = states.map((part) => this.#at(part, i) >>> 2);
      const second = states.map((part) => this.#at(part + 1, i) >>> 2);
      moveByLargest(floats, { weights: this.#at(0, i) >>> 2, first, second, count: size }, scalars);
    }
  }

  /** The raw bytes of weights and state of all parameters, for checkpoints: views, one a part. */
  stateBytes(): Uint8Array[] {
    return this.#parts
      .filter((_, part) => part === 0 || part > this.tasks)
      .map((offset) => new Uint8Array(this.#buffer, offset, this.#partSize * 4));
  }

  *#passes(options: DenseStep): Generator<[number, DensePass]> {
    const { learningRate, gradientScale = 1, task = 0, l2Shares } = options;
    for (const [i, { size, l2 = 0, weightDecay = 0 }] of this.#parameters.entries()) {
      if (!this.#trainable[i]) continue;
      yield [
        i,
        {
          count: size,
          weights: this.#at(0, i),
          gradient: this.#at(1 + task, i),
          l2: Math.fround(l2 * (l2Shares?.[i] ?? 1)),
          scale: Math.fround(gradientScale),
          keep: Math.fround(1 - learningRate * weightDecay),
        },
      ];
    }
  }

  /** First part of a task's state. */
  #statePart(task: number): number {
    return 1 + this.tasks + task * this.#vectors;
  }

  /** Byte offset of parameter `i` in a part. */
  #at(part: number, i: number): number {
    return this.#parts[part] + this.#offsets[i] * 4;
  }

  #view(part: number, i: number): Float32Array {
    return new Float32Array(this.#buffer, this.#at(part, i), this.#parameters[i].size);
  }
}
