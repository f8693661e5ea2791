/**
 * Models that read a long history in two stages which can run apart: a search that scores every event by a
 * key, and a representation that reads only the events found. Keys depend on the event alone, so they can be
 * kept; whoever serves the model compiles the stages one by one.
 */
import type { Tensor } from "../tensor/index.ts";
import type { Batch } from "./batch.ts";
import type { Model } from "./model.ts";

/** A history as the stages know it. */
export interface StagedHistory {
  /** Columns of the events, most recent last: the history and what is aligned with it. */
  readonly sequences: readonly string[];
  /** Columns of the candidate that the search reads. */
  readonly targets: readonly string[];
  /** Events at most. */
  readonly length: number;
  /** Events that the search finds. */
  readonly k: number;
  /** Numbers in an event's key. */
  readonly keyWidth: number;
}

/** What a search found, best first; where a history had fewer events, weights are 0. */
export interface FoundEvents {
  /** float32 `[batch, k]`, adding up to 1 or, for an empty history, 0. */
  readonly weights: Tensor;
  /** int64 `[batch, k]`: 1 for the most recent event; 0 where there is none. */
  readonly distances: Tensor;
}

export interface TwoStageModel extends Model {
  readonly histories: readonly StagedHistory[];
  /** Keys of events whose ids stand in `batch` under the history's columns: `[batch, events, keyWidth]`. */
  eventKeys(batch: Batch, history: number): Tensor;
  /**
   * The first stage.
   *
   * @param batch the candidate's columns
   * @param keys of one history that all candidates share, `[length, keyWidth]`
   * @param mask float32 `[1, length]`, 1 for events
   */
  searchEvents(
    batch: Batch,
    history: number,
    { keys, mask }: { readonly keys: Tensor; readonly mask: Tensor },
  ): FoundEvents & { readonly index: Tensor };
  /**
   * The second stage, as logits `[batch]`.
   *
   * @param batch all columns but those of the histories, which hold the found events' ids, `k` a row
   * @param found one a history
   */
  represent(batch: Batch, found: readonly FoundEvents[]): Tensor;
}

/** Whether a model can be served in two stages. */
export function isTwoStage(model: Model): model is TwoStageModel {
  return "searchEvents" in model && "represent" in model && "eventKeys" in model;
}
