/** What experts and towers of multi-task models are made of. */
import { Module } from "../module/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type Interaction, type InteractionName, interaction } from "./interaction.ts";
import { MLP, type MLPOptions } from "./mlp.ts";

/** Anything that turns a layer's input into `[batch, width]`; an `MLP` is one. */
export interface Expert extends Module {
  readonly width: number;
  forward(x: Tensor): Tensor;
}

export interface FieldExpertOptions extends Omit<MLPOptions, "output"> {
  readonly fields: number;
  readonly dim: number;
  /** Widths of the deep network. */
  readonly hidden: readonly number[];
  /** What stands before the deep network. @default "none" */
  readonly interaction?: InteractionName;
  /** @default 2 */
  readonly interactionLayers?: number;
}

/** An interaction of fields with a deep network behind it: `[batch, fields, dim]` to `[batch, width]`. */
export class FieldExpert extends Module implements Expert {
  readonly interaction: Interaction;
  readonly deep: MLP;
  readonly width: number;

  constructor(options: FieldExpertOptions) {
    super();
    const { fields, dim, interaction: name = "none", interactionLayers: layers = 2, hidden } = options;
    this.interaction = interaction(name, { fields, dim, layers });
    this.deep = new MLP(this.interaction.width, hidden, options);
    this.width = this.deep.width;
  }

  forward(fields: Tensor): Tensor {
    return this.deep.forward(this.interaction.forward(fields));
  }
}
