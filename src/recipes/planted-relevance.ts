/**
 * How much each past click of a generated world moves a candidate's logit, by the law: the size of
 * `exp(-age / tau) · M[category of the click, category of the candidate]` (world/history-effect.ts), whichever its
 * sign. What a search should find, before any model is asked.
 */
import { join } from "node:path";
import { readJson } from "../core/node/index.ts";
import type { ScoredEvents } from "../evaluation/index.ts";
import { type BatchSource, FIRST_VALUE_ID, type FeatureMap } from "../schema/index.ts";
import { readWorldManifest } from "../world/index.ts";

/** Relevance, and age as the search by recency alone would score it, of the first `rows` rows of a split. */
export interface PlantedEvents extends Omit<ScoredEvents, "scores"> {
  /** Minus the age in seconds, `[rows, length]`. */
  readonly recency: Float32Array;
  readonly rows: number;
}

/** @param directory a world with one period, whose clicks count the more the more recent they are */
export async function plantedEvents(
  directory: string,
  map: FeatureMap,
  source: BatchSource,
  { rows }: { readonly rows: number },
): Promise<PlantedEvents> {
  const { options } = readWorldManifest(directory);
  const { historyMatrix } = readJson(join(directory, "truth.json")) as {
    readonly historyMatrix: readonly (readonly (readonly number[])[])[];
  };
  const [effects] = historyMatrix;
  const { vocabulary } = map.encoders.category;
  const names = vocabulary.type === "list" ? vocabulary.values.map(Number) : [];
  const history = map.features.find(({ name }) => name === "history_items");
  const length = history?.kind === "sequence" ? history.maxLength : 0;
  const count = Math.min(rows, source.rows);
  const relevance = new Float32Array(count * length);
  const recency = new Float32Array(count * length);
  const lengths = new Int32Array(count);
  const tauSeconds = options.historyTauDays * 86_400;
  let row = 0;
  for await (const { size, columns } of source.batches({ batchSize: 4096 })) {
    for (let b = 0; b < size && row < count; b++, row++) {
      const target = names[columns.category[b] - FIRST_VALUE_ID];
      lengths[row] = columns["history_items.length"][b];
      for (let t = 0; t < lengths[row]; t++) {
        const age = columns["history_items.age"][b * length + t];
        const clicked = names[columns.history_categories[b * length + t] - FIRST_VALUE_ID];
        recency[row * length + t] = -age;
        relevance[row * length + t] = Math.exp(-age / tauSeconds) * Math.abs(effects[clicked]?.[target] ?? 0);
      }
    }
    if (row >= count) break;
  }
  return { relevance, recency, lengths, length, rows: count };
}
