/**
 * Interests: a history, the side sequences aligned with it, and the candidate's features they are compared
 * with, found in the schema. Models that read histories by candidate share this file.
 */
import { ConfigError } from "../core/index.ts";
import { slotOf } from "../embeddings/index.ts";
import { type EventSelection, takeEvents } from "../layers/index.ts";
import type { Batch, LookupSlot, Table } from "../module/index.ts";
import { concat, pad, reshape, slice, sub } from "../ops/index.ts";
import type { CategoricalFeature, FeatureMap, SequenceFeature } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

/** A history with its side sequences, and the candidate's feature for each of them. */
export interface Interest {
  /** The history first, then the sequences aligned with it that have a target. */
  readonly sequences: readonly SequenceFeature[];
  readonly targets: readonly CategoricalFeature[];
  /** Aligned sequences without a target: what is known of an event that no candidate has (a kind, a place). */
  readonly traits: readonly SequenceFeature[];
  /** Entries of each sequence. */
  readonly length: number;
}

/** Tables by vocabulary and their width, as `FieldEmbedding` has them. */
export interface InterestTables {
  readonly tables: { readonly [vocabulary: string]: Table };
  readonly dim: number;
}

/** An interest in a batch. */
export interface Events {
  /** The candidate, `[batch, width]`. */
  readonly target: Tensor;
  /** `[batch, length, width]`, oldest first, padding behind. */
  readonly history: Tensor;
  /** float32 `[batch, length]`, 1 for events. */
  readonly mask: Tensor;
}

/**
 * Every sequence with a target that is aligned with no other, and what belongs to it.
 *
 * @throws ConfigError when there is none, naming the model; when lengths or vocabularies do not fit
 */
export function interestsOf(schema: FeatureMap, model: string): Interest[] {
  const sequences = schema.features.filter((feature) => feature.kind === "sequence");
  const leaders = sequences.filter(
    (feature) => feature.target !== undefined && feature.alignedWith === undefined,
  );
  if (leaders.length === 0) {
    throw new ConfigError(`${model} needs a sequence feature with a \`target\`, and the data has none`, {
      details: { sequences: sequences.map(({ name }) => name) },
      hint: "declare the history as {kind: sequence, target: <the candidate's feature>}, or choose another model",
    });
  }
  return leaders.map((leader) => {
    const aligned = sequences.filter(({ alignedWith }) => alignedWith === leader.name);
    const members = [leader, ...aligned.filter(({ target }) => target !== undefined)];
    const traits = aligned.filter(({ target }) => target === undefined);
    for (const { name, maxLength } of members) {
      if (maxLength === leader.maxLength) continue;
      throw new ConfigError(
        `"${name}" and "${leader.name}" are read side by side, so both need one max_length`,
        {
          details: { [leader.name]: leader.maxLength, [name]: maxLength },
          hint: `give "${name}" max_length ${leader.maxLength}`,
        },
      );
    }
    const targets = members.map((member) => candidateOf(schema, member));
    return { sequences: members, targets, traits, length: leader.maxLength };
  });
}

function candidateOf(schema: FeatureMap, sequence: SequenceFeature): CategoricalFeature {
  const feature = schema.features.find(({ name }) => name === sequence.target);
  if (feature?.kind !== "categorical" || feature.encoder !== sequence.encoder) {
    throw new ConfigError(
      `the target of "${sequence.name}" must be a categorical feature of the same vocabulary`,
      {
        details: { sequence: sequence.name, target: sequence.target },
      },
    );
  }
  return feature;
}

/** Names of the sequences that interests read, which the other fields then leave out. */
export function namesIn(interests: readonly Interest[]): string[] {
  return interests.flatMap(({ sequences }) => sequences.map(({ name }) => name));
}

/** The candidate and the history through given tables: features side by side. */
export function readEvents(batch: Batch, interest: Interest, { tables, dim }: InterestTables): Events {
  const { sequences, targets, length } = interest;
  const target = batch.lookup(targets.map((feature) => slotOf(feature, tables))); // [batch, targets, dim]
  const slots = sequences.map((feature) => slotOf(feature, tables));
  return {
    target: reshape(target, ["batch", targets.length * dim]),
    history: lookUpSideBySide(batch, slots, length),
    mask: batch.mask(sequences[0].name),
  };
}

/** Rows of sequences of one length side by side: `[batch, length, Σ dim]`. */
export function lookUpSideBySide(batch: Batch, slots: readonly LookupSlot[], length: number): Tensor {
  const rows = batch.lookup(slots); // [batch, Σ lengths, dim]
  return concat(slots.map((_, k) => slice(rows, { axis: 1, start: k * length, end: (k + 1) * length })));
}

/** The events of a selection in place of the history. */
export function eventsAt({ target, history }: Events, { index, mask }: EventSelection): Events {
  return { target, history: takeEvents(history, index), mask };
}

/** The mask with a place for the candidate behind: `[batch, length + 1]`. */
export function withCandidate(mask: Tensor): Tensor {
  const length = mask.shape[1] as number;
  const isEvent = constant(Float32Array.from({ length: length + 1 }, (_, j) => (j < length ? 0 : -1)));
  return sub(pad(mask, { axis: 1, after: 1 }), isEvent);
}
