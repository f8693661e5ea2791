/**
 * The domain of a row (feed, tab, region): a vector of its own, or the choice among what a model computes
 * for every domain. A row of a domain that training never saw, or of none, has no choice of its own: it gets
 * the mean over the known ones.
 */
import { ConfigError } from "../core/index.ts";
import { type Batch, type Initializer, Module, Table } from "../module/index.ts";
import { addAll, gather, mul, slice, squeeze } from "../ops/index.ts";
import { DOMAIN_ENCODER, type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { defaultEmbeddingInit } from "./tables.ts";

/** The batch column of domain ids. */
const COLUMN = "@domain";

/** Tells the rows of known domains apart. */
export class RowDomain {
  /** Known domains, the most frequent first. */
  readonly values: readonly string[];
  readonly #size: number;

  /** @throws ConfigError when the data have no domain */
  constructor(schema: FeatureMap) {
    const { vocabulary, size } = domainEncoder(schema);
    this.values = vocabulary.type === "list" ? vocabulary.values : [];
    if (this.values.length === 0) {
      throw new ConfigError("the training data name no domain", { details: { column: schema.domain } });
    }
    this.#size = size;
  }

  /** 1 for the row's domain and 0 for the others, or `1 / domains` for all: `[batch, domains]`. */
  weights(batch: Batch): Tensor {
    const count = this.values.length;
    const rows = Float32Array.from({ length: this.#size * count }, (_, k) => {
      const domain = Math.floor(k / count) - FIRST_VALUE_ID;
      return domain < 0 ? 1 / count : Number(domain === k % count);
    });
    const ids = squeeze(batch.vector(COLUMN), 1);
    return gather(constant(rows, { shape: [this.#size, count] }), ids);
  }

  /** Of one `[batch, width]` for each domain, the row's own. */
  select(batch: Batch, parts: readonly Tensor[]): Tensor {
    return sumOverDomains(parts, this.weights(batch));
  }
}

/** `Σ_d w_d x_d`: `[batch, width]` for each domain and `[batch, domains]` to `[batch, width]`. */
export function sumOverDomains(parts: readonly Tensor[], weights: Tensor): Tensor {
  return addAll(
    parts.map((part, domain) => mul(part, slice(weights, { axis: 1, start: domain, end: domain + 1 }))),
  );
}

/** One vector a domain, with rows for a missing and for an unknown one: `[batch, dim]`. */
export class DomainEmbedding extends Module {
  readonly table: Table;

  /** @throws ConfigError when the data have no domain */
  constructor(
    schema: FeatureMap,
    { dim, init = defaultEmbeddingInit }: { readonly dim: number; readonly init?: Initializer },
  ) {
    super();
    const { size } = domainEncoder(schema);
    this.table = new Table({ rows: size, dim, role: "domain" }, init);
  }

  forward(batch: Batch): Tensor {
    return squeeze(batch.lookup([{ table: this.table, column: COLUMN, width: 1 }]), 1);
  }
}

function domainEncoder(schema: FeatureMap) {
  const encoder = schema.encoders[DOMAIN_ENCODER];
  if (schema.domain === undefined || encoder === undefined) {
    throw new ConfigError("the model tells domains apart, and the data have none", {
      hint: "name the domain's column as `domain` in the configuration",
    });
  }
  return encoder;
}
