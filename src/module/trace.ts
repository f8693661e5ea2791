/**
 * What a forward pass needs to know beyond its inputs: whether it is training, where dropout's random
 * key comes from, and where new values of running state go. A trace is ambient while the graph of one
 * model is being built; building is synchronous, so there is never more than one at a time.
 */
import { hashKey } from "../core/index.ts";
import { bitXor, dropout as dropoutOp, mixBits } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import type { State } from "./parameter.ts";

export interface TraceOptions {
  readonly training: boolean;
  /** uint32 of rank 0 that changes with every step; needed for dropout. */
  readonly key?: Tensor;
  /** The batch's labels by name, `[batch]`; needed for auxiliary losses. */
  readonly label?: LabelOf;
  /** Keep what `observe` shows. @default false */
  readonly observing?: boolean;
}

/** A point in the building of a trace. */
export interface TraceMark {
  readonly dropouts: number;
  readonly losses: ReadonlySet<string>;
  readonly states: ReadonlyMap<State, Tensor>;
}

/** A label of the batch by name: float32 `[batch]`. */
export type LabelOf = (name: string) => Tensor;

export class Trace {
  readonly training: boolean;
  readonly #key: Tensor | undefined;
  readonly #label: LabelOf | undefined;
  #dropouts = 0;
  /** Scalar losses that layers ask for beside the objective, by name. */
  readonly auxiliaryLosses = new Map<string, Tensor>();
  /** New values of running state, in the order in which layers ran. */
  readonly stateUpdates = new Map<State, Tensor>();
  /** What layers showed of their inside, by name; undefined where nobody looks. */
  readonly observed: Map<string, Tensor> | undefined;

  constructor({ training, key, label, observing = false }: TraceOptions) {
    this.training = training;
    this.observed = observing ? new Map() : undefined;
    this.#key = key;
    this.#label = label;
  }

  /** Keeps a loss of a layer; the training graph adds it to the objective's losses. */
  addLoss(name: string, build: (label: LabelOf) => Tensor): void {
    if (this.#label === undefined) throw new Error("this trace has no labels");
    if (this.auxiliaryLosses.has(name)) throw new Error(`two auxiliary losses are called "${name}"`);
    this.auxiliaryLosses.set(name, build(this.#label));
  }

  /** Where building stands, to build the same again from here. */
  mark(): TraceMark {
    const losses = new Set(this.auxiliaryLosses.keys());
    return { dropouts: this.#dropouts, losses, states: new Map(this.stateUpdates) };
  }

  /** Forgets auxiliary losses since the mark. */
  forgetLosses({ losses }: TraceMark): void {
    for (const name of [...this.auxiliaryLosses.keys()]) {
      if (!losses.has(name)) this.auxiliaryLosses.delete(name);
    }
  }

  /**
   * Builds what was built since the mark once more, in its place: layers get the random keys they had, and
   * running states start from where they stood.
   */
  again<T>({ dropouts, states }: TraceMark, build: () => T): T {
    const reached = this.#dropouts;
    const before = new Map(this.stateUpdates);
    this.#dropouts = dropouts;
    this.stateUpdates.clear();
    for (const [state, value] of states) this.stateUpdates.set(state, value);
    const built = build();
    this.#dropouts = Math.max(reached, this.#dropouts);
    // What was not built again stays.
    for (const [state, value] of before) {
      if (this.stateUpdates.get(state) === states.get(state)) this.stateUpdates.set(state, value);
    }
    return built;
  }

  /** A random key of this layer's own: a function of (seed, step, position in the model). */
  nextKey(): Tensor {
    if (this.#key === undefined) throw new Error("this trace has no random key");
    const layer = constant(hashKey("dropout", this.#dropouts++), { dtype: "uint32" });
    return mixBits(bitXor(this.#key, layer));
  }
}

const evaluation = new Trace({ training: false });
let current: Trace = evaluation;

/** The trace of the model that is being built; outside of any, an evaluation trace. */
export function currentTrace(): Trace {
  return current;
}

/** Builds a graph under `trace`. */
export function withTrace<T>(trace: Trace, build: () => T): T {
  const outer = current;
  current = trace;
  try {
    return build();
  } finally {
    current = outer;
  }
}

/** Dropout in training, the identity otherwise. */
export function dropout(x: Tensor, rate: number): Tensor {
  return current.training && rate > 0 ? dropoutOp(x, { rate, key: current.nextKey() }) : x;
}

/**
 * Adds a scalar loss beside the objective's while training; nothing otherwise. For what only the inside of
 * a model can know: auxiliary networks, penalties on hidden values.
 *
 * @param build from the batch's labels to the (weighted) loss; called only in training
 */
export function auxiliaryLoss(name: string, build: (label: LabelOf) => Tensor): void {
  if (current.training) current.addLoss(name, build);
}

/**
 * Shows a value from inside a model (an expert's output, a gate's weights) to analyses that trace it observing;
 * nothing otherwise. A name that comes again, as in a second layer of one kind, gets `.2`, `.3`, … behind it.
 */
export function observe(name: string, value: Tensor): void {
  const { observed } = current;
  if (observed === undefined) return;
  let times = 1;
  while (observed.has(times === 1 ? name : `${name}.${times}`)) times++;
  observed.set(times === 1 ? name : `${name}.${times}`, value);
}
