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
import { allocateMemory, checkMemoryBytes, MemoryPlan } from "./memory-plan.ts";
import { adagradEpsilon, adamScalars, denseStateVectors, type Optimizer } from "./optimizer.ts";

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
  /** `javascript` is the slow twin of the WebAssembly kernels, with the same bits. @default "wasm" */
  readonly kernels?: "wasm" | "javascript";
}

export interface DenseStep {
  readonly learningRate: number;
  /** Steps counted from 1, this one included. */
  readonly step: number;
  /** Factor on every gradient, L2 included: clipping. @default 1 */
  readonly gradientScale?: number;
}

export class DenseArena {
  readonly optimizer: Optimizer;
  /** Elements of all parameters. */
  readonly size: number;
  readonly bytes: number;

  readonly #kernels: DenseKernels;
  readonly #buffer: ArrayBuffer;
  readonly #parameters: readonly DenseParameter[];
  readonly #trainable: boolean[];
  /** Element offset of each parameter in every part. */
  readonly #offsets: readonly number[];
  /** Byte offsets of the parts: weights, gradients, state vectors. */
  readonly #parts: readonly number[];
  readonly #partSize: number;

  /** @throws ConfigError when the parameters would not fit 4 GiB; MillraceError when memory is refused */
  constructor({ parameters, optimizer, kernels = "wasm" }: DenseArenaOptions) {
    const vectors = denseStateVectors(optimizer);
    const offsets: number[] = [];
    let elements = 0;
    for (const { size } of parameters) {
      assert(Number.isInteger(size) && size >= 0, "a dense parameter's size must be a whole number");
      offsets.push(elements);
      elements += Math.ceil(size / 16) * 16; // each begins on a cache line
    }
    const plan = new MemoryPlan();
    this.#parts = Array.from({ length: 2 + vectors }, () => plan.take(elements, 4));
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
    this.size = parameters.reduce((sum, { size }) => sum + size, 0);
    this.bytes = this.#buffer.byteLength;
  }

  /** Weights of parameter `i`: a view, the graph's input. */
  parameter(i: number): Float32Array {
    return this.#view(0, i);
  }

  /** Gradient of parameter `i`: a view, for the graph to write into. */
  gradient(i: number): Float32Array {
    return this.#view(1, i);
  }

  /** State vectors of parameter `i` as views: none (SGD), `[b]` (momentum), `[a]` (AdaGrad), `[m, v]` (Adam). */
  state(i: number): Float32Array[] {
    return this.#parts.slice(2).map((_, vector) => this.#view(2 + vector, i));
  }

  setTrainable(i: number, trainable: boolean): void {
    this.#trainable[i] = trainable;
  }

  /** Sum of squares of all trainable gradients, L2 included, in float64 (two levels, then over parameters). */
  sumOfSquares(): number {
    let total = 0;
    for (const [i, pass] of this.#passes(0, 1)) {
      if (this.#parameters[i].size > 0) total += this.#kernels.squares(pass);
    }
    return total;
  }

  /** Moves every trainable parameter in place. */
  step({ learningRate, step, gradientScale = 1 }: DenseStep): void {
    const { optimizer } = this;
    const rate = Math.fround(learningRate);
    for (const [i, pass] of this.#passes(learningRate, gradientScale)) {
      switch (optimizer.name) {
        case "sgd":
          if (this.#parts.length === 2) this.#kernels.sgd(pass, rate);
          else {
            this.#kernels.momentum(pass, this.#at(2, i), rate, Math.fround(optimizer.momentum ?? 0));
          }
          break;
        case "adagrad":
          this.#kernels.adagrad(pass, this.#at(2, i), rate, adagradEpsilon(optimizer));
          break;
        case "adam": {
          const scalars = adamScalars(optimizer, { learningRate, step, lazy: false });
          this.#kernels.adam(pass, this.#at(2, i), this.#at(3, i), scalars);
        }
      }
    }
  }

  /** The raw bytes of weights and state of all parameters, for checkpoints: views, one a part. */
  stateBytes(): Uint8Array[] {
    return this.#parts
      .filter((_, part) => part !== 1)
      .map((offset) => new Uint8Array(this.#buffer, offset, this.#partSize * 4));
  }

  *#passes(learningRate: number, scale: number): Generator<[number, DensePass]> {
    for (const [i, { size, l2 = 0, weightDecay = 0 }] of this.#parameters.entries()) {
      if (!this.#trainable[i]) continue;
      yield [
        i,
        {
          count: size,
          weights: this.#at(0, i),
          gradient: this.#at(1, i),
          l2: Math.fround(l2),
          scale: Math.fround(scale),
          keep: Math.fround(1 - learningRate * weightDecay),
        },
      ];
    }
  }

  /** Byte offset of parameter `i` in a part. */
  #at(part: number, i: number): number {
    return this.#parts[part] + this.#offsets[i] * 4;
  }

  #view(part: number, i: number): Float32Array {
    return new Float32Array(this.#buffer, this.#at(part, i), this.#parameters[i].size);
  }
}
