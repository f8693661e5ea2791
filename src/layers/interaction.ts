/**
 * Interactions of fields by name, so that an expert of a multi-task model can be any of the catalogue's
 * backbones: what stands before an expert's deep network. `[batch, fields, dim]` to `[batch, width]`.
 */
import { repeat } from "../core/index.ts";
import { Module } from "../module/index.ts";
import { concat, flatten } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { CrossNetwork } from "./cross-network.ts";
import { FieldAttention } from "./field-attention.ts";
import { innerProducts } from "./field-pairs.ts";

export const interactionNames = ["none", "cross", "products", "attention"] as const;
export type InteractionName = (typeof interactionNames)[number];

export interface Interaction extends Module {
  /** Width of the output. */
  readonly width: number;
  forward(fields: Tensor): Tensor;
}

export interface InteractionOptions {
  readonly fields: number;
  readonly dim: number;
  /** Layers of crosses or attention. */
  readonly layers: number;
}

/** The fields side by side: a plain deep network follows. */
class SideBySide extends Module implements Interaction {
  readonly width: number;

  constructor({ fields, dim }: InteractionOptions) {
    super();
    this.width = fields * dim;
  }

  forward(fields: Tensor): Tensor {
    return flatten(fields);
  }
}

/** DCN-V2's crosses, stacked under the deep network. */
class Crosses extends Module implements Interaction {
  readonly network: CrossNetwork;
  readonly width: number;

  constructor({ fields, dim, layers }: InteractionOptions) {
    super();
    this.width = fields * dim;
    this.network = new CrossNetwork(this.width, { depth: layers });
  }

  forward(fields: Tensor): Tensor {
    return this.network.forward(flatten(fields));
  }
}

/** The fields and the inner products of all pairs, as in PNN. */
class Products extends Module implements Interaction {
  readonly width: number;

  constructor({ fields, dim }: InteractionOptions) {
    super();
    this.width = fields * dim + (fields * (fields - 1)) / 2;
  }

  forward(fields: Tensor): Tensor {
    return (fields.shape[1] as number) < 2
      ? flatten(fields)
      : concat([flatten(fields), innerProducts(fields)]);
  }
}

/** Fields that attend to each other, as in AutoInt. */
class Attention extends Module implements Interaction {
  readonly layers: readonly FieldAttention[];
  readonly width: number;

  constructor({ fields, dim, layers }: InteractionOptions) {
    super();
    this.layers = repeat(layers, () => new FieldAttention(dim, { width: dim }));
    this.width = fields * dim;
  }

  forward(fields: Tensor): Tensor {
    return flatten(this.layers.reduce((x, layer) => layer.forward(x), fields));
  }
}

const interactions: {
  readonly [Name in InteractionName]: new (
    options: InteractionOptions,
  ) => Interaction;
} = { none: SideBySide, cross: Crosses, products: Products, attention: Attention };

export function interaction(name: InteractionName, options: InteractionOptions): Interaction {
  return new interactions[name](options);
}
