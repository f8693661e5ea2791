/** Leaves that belong to a model: trained parameters, running state, and embedding tables. */
import { inputOp, Tensor } from "../tensor/index.ts";
import { type Initializer, xavierNormal, zerosInit } from "./initializer.ts";

export interface ParameterOptions {
  /** @default Xavier normal for matrices, zeros for vectors */
  readonly init?: Initializer;
  /** @default true */
  readonly trainable?: boolean;
}

/** A dense trained array; used in `forward` like any tensor. Its values stand outside the model. */
export class Parameter extends Tensor {
  declare readonly shape: readonly number[];
  readonly init: Initializer;
  trainable: boolean;

  constructor(shape: readonly number[], { init, trainable = true }: ParameterOptions = {}) {
    super(inputOp, [], { name: "", dtype: "float32", shape }, "float32", shape);
    this.init = init ?? (shape.length > 1 ? xavierNormal : zerosInit);
    this.trainable = trainable;
  }
}

/** An array that training steps replace but no gradient moves, such as batch norm's running moments. */
export class State extends Tensor {
  declare readonly shape: readonly number[];
  readonly init: Initializer;

  constructor(shape: readonly number[], { init = zerosInit }: { init?: Initializer } = {}) {
    super(inputOp, [], { name: "", dtype: "float32", shape }, "float32", shape);
    this.init = init;
  }
}

export interface TableOptions {
  readonly rows: number;
  readonly dim: number;
  /** @default N(0, 1e-4²) as in FuxiCTR */
  readonly init?: Initializer;
  /** A frozen table is read and never updated. @default true */
  readonly trainable?: boolean;
  /** Values to start from, `[rows, dim]`, in place of `init`. */
  readonly pretrained?: Float32Array;
  /** Row 0 is padding: zeros, never updated. @default true */
  readonly padding?: boolean;
  /** What the rows are for, where a feature has several tables (attention, representation, a task). */
  readonly role?: string;
}

/** An embedding table as data: how many rows of what width. Where its rows live is decided elsewhere. */
export class Table {
  readonly rows: number;
  readonly dim: number;
  readonly init: Initializer;
  /** Values to start from, `[rows, dim]`; read when weights are made. */
  pretrained: Float32Array | undefined;
  readonly padding: boolean;
  readonly role: string | undefined;
  trainable: boolean;

  constructor(options: TableOptions, defaultInit: Initializer) {
    this.rows = options.rows;
    this.dim = options.dim;
    this.init = options.init ?? defaultInit;
    this.pretrained = options.pretrained;
    this.padding = options.padding ?? true;
    this.role = options.role;
    this.trainable = options.trainable ?? true;
  }
}
