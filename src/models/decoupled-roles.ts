/**
 * What a feature's embedding is for: `attention` (is this event related to the candidate?) or `representation`
 * (what does it say?). Each role has its tables, one a vocabulary, and its vectors of places, one table a
 * history; whether two roles are one object is what DARE and its baselines differ in.
 */
import { slotOf, tablesFor } from "../embeddings/index.ts";
import { Linear, PositionalEmbedding } from "../layers/index.ts";
import { type Batch, type Initializer, Module, type Table } from "../module/index.ts";
import { concat, matmul, slice, squeeze } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Interest } from "./interest.ts";

export interface EmbeddingRoleOptions {
  readonly dim: number;
  readonly init: Initializer;
  /** Of the tables: `attention`, `representation`, or another word where they serve as both. */
  readonly role: string;
}

export class EmbeddingRole extends Module {
  readonly tables: { readonly [vocabulary: string]: Table };
  /** One a history. Row 0 is the candidate's place. */
  readonly places: readonly PositionalEmbedding[];
  readonly dim: number;

  constructor(schema: FeatureMap, interests: readonly Interest[], { dim, init, role }: EmbeddingRoleOptions) {
    super();
    const sequences = interests.flatMap((interest) => interest.sequences);
    this.tables = tablesFor(schema, sequences, { dim, init, role });
    this.places = interests.map(({ length }) => new PositionalEmbedding(length, dim, { init }));
    this.dim = dim;
  }

  /** The candidate's features, `[batch, dim]` each. */
  candidate(batch: Batch, { targets }: Interest): Tensor[] {
    const rows = batch.lookup(targets.map((feature) => slotOf(feature, this.tables))); // [batch, targets, dim]
    return targets.map((_, f) => squeeze(slice(rows, { axis: 1, start: f, end: f + 1 }), 1));
  }

  /** The events' features, `[batch, length, dim]` each; `length` is that of the batch's columns. */
  events(batch: Batch, { sequences }: Interest, length: number): Tensor[] {
    return sequences.map((sequence) => batch.lookup([{ ...slotOf(sequence, this.tables), width: length }]));
  }
}

/** Square maps of one role, one a feature and a last one for places. */
export class RoleMaps extends Module {
  readonly candidate: readonly Linear[];
  readonly event: readonly Linear[];

  constructor(features: number, dim: number) {
    super();
    const maps = (): Linear[] =>
      Array.from({ length: features + 1 }, () => new Linear(dim, dim, { bias: false }));
    this.candidate = maps();
    this.event = maps();
  }

  /** `(a W_q) W_kᵀ`, whose product with an event's row is that of both maps: `[batch, dim]`. */
  fold(feature: number, candidate: Tensor): Tensor {
    return matmul(this.candidate[feature].forward(candidate), this.event[feature].weight, {
      transposeB: true,
    });
  }

  /** Pooled events, `[..., dim]` each and side by side; a map of a sum is the sum of maps. */
  pooled(parts: readonly Tensor[]): Tensor {
    return concat(parts.map((part, f) => this.event[f].forward(part)));
  }
}
