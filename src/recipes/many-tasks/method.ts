/** A method of the table: a contender, and what its training may cost. */
import type { Contender } from "../study.ts";

export interface Method extends Contender {
  /** The contender whose training its own is set against. */
  readonly backbone: string;
  /** What a pass of it may cost at most, as its card counts it; absent: the card does not. */
  readonly most?: MostCost;
}

/** In the backbone's steps over the training split, and validations. */
export interface MostCost {
  readonly passes: number;
  /** @default as many as passes */
  readonly validations?: number;
}

/** A method that is set against the shared bottom. */
export function method(name: string, model: Contender["model"], more: Partial<Method> = {}): Method {
  return { name, role: "baseline", model, backbone: "shared-bottom", ...more };
}
