/**
 * Where candidates come from when a request names none. An index, a table or a remote system is behind
 * this one interface: ids with scores for a user, best first.
 */
import { ConfigError } from "../core/index.ts";
import type { EncodedBatch, RawRow, RawScalar } from "../schema/index.ts";
import { type FeatureTable, idText } from "./feature-table.ts";
import type { Predictions } from "./inference-pool.ts";
import type { ModelSource } from "./model-runner.ts";

/** What metrics call the model of a source. */
export const SOURCE_MODEL = "candidates";

export interface CandidateQuery {
  readonly user: RawScalar;
  /** The user's features and the request's context, raw. */
  readonly features: RawRow;
  /** As many as that; fewer where there are no more. */
  readonly limit: number;
  /** Texts of ids that the answer should not hold; a source that cannot leave them out may ignore it. */
  readonly exclude: ReadonlySet<string>;
  /** Aborted when the stage's time is over. */
  readonly signal: AbortSignal;
}

export interface FoundCandidates {
  readonly ids: readonly RawScalar[];
  /** One an id, higher is better: the order that is served when every model is late. Absent: no order. */
  readonly scores?: ArrayLike<number>;
  /** Values of the request that no vocabulary of the source's own model knows, by feature. */
  readonly outOfVocabulary?: { readonly [feature: string]: number };
}

export interface CandidateSource {
  /** Of what it was made from: part of the release's version. */
  readonly version?: string;
  candidates(query: CandidateQuery): Promise<FoundCandidates> | FoundCandidates;
  /** After its last query. */
  close?(): Promise<void>;
}

/** A source has taken up newer data beside requests, or could not and goes on with what it has. */
export type SourceRefresh =
  | { readonly outcome: "swapped"; readonly version: string }
  | { readonly outcome: "failed"; readonly version: string; readonly cause: unknown };

/** What a source is made from. */
export interface CandidateSourceContext {
  readonly items: FeatureTable | undefined;
  /** Texts of the ids that `filters.allowed` lets pass, as long as the release lives. Absent: every item may. */
  readonly allowed?: ReadonlySet<string>;
  /** Options of the configuration beside `source`. */
  readonly options: { readonly [key: string]: unknown };
  /** Folder that paths are taken from. */
  readonly folder: string;
  /** Told of every refresh; `version` names the data in use after it. */
  readonly onRefresh?: (refresh: SourceRefresh) => void;
  /** Loads a model on the inference threads; metrics call it `candidates`. */
  loadModel(model: ModelSource): Promise<SourceModel>;
}

/** A model of a source on the inference threads. */
export interface SourceModel {
  /** As `InferencePool.run`; it goes before what waits, since requests cannot begin without it. */
  run(batch: EncodedBatch, signal: AbortSignal): Promise<Predictions>;
  release(): void;
}

export type MakeCandidateSource = (
  context: CandidateSourceContext,
) => CandidateSource | Promise<CandidateSource>;

/** Every item of the table in its order. */
export const everyItem: MakeCandidateSource = ({ items, allowed }) => {
  const table = needTable(items, "all");
  const ids = allowedRows(table, allowed).map((row) => table.value(row, table.key) as RawScalar);
  return { candidates: ({ limit }) => ({ ids: ids.slice(0, limit) }) };
};

/** The items with the largest values of a column (`by`): popularity, recency, margin. */
export const topItems: MakeCandidateSource = ({ items, allowed, options: { by } }) => {
  const table = needTable(items, "top");
  if (typeof by !== "string" || !table.has(by)) {
    throw new ConfigError(`candidates.by: the item table has no column ${JSON.stringify(by)}`, {
      details: { by, columns: table.columns },
      hint: `its columns: ${table.columns.join(", ")}`,
    });
  }
  const values = table.numbers(by);
  const order = allowedRows(table, allowed)
    .filter((row) => !Number.isNaN(values[row]))
    .sort((a, b) => values[b] - values[a] || a - b);
  const ids = order.map((row) => table.value(row, table.key) as RawScalar);
  const scores = Float64Array.from(order, (row) => values[row]);
  return { candidates: ({ limit }) => ({ ids: ids.slice(0, limit), scores: scores.subarray(0, limit) }) };
};

/** Items that would be filtered later must not take the places of others. */
function allowedRows(table: FeatureTable, allowed: ReadonlySet<string> | undefined): number[] {
  const rows = Array.from({ length: table.rows }, (_, row) => row);
  if (allowed === undefined) return rows;
  return rows.filter((row) => allowed.has(idText(table.value(row, table.key)) as string));
}

function needTable(items: FeatureTable | undefined, source: string): FeatureTable {
  if (items !== undefined) return items;
  throw new ConfigError(`candidates.source ${source} takes items from the item table, and there is none`, {
    hint: "name it: items: { file: items.parquet, key: item_id }",
  });
}

/** Sources by the name that configurations use; callers add theirs. */
export const candidateSources: { readonly [name: string]: MakeCandidateSource } = {
  all: everyItem,
  top: topItems,
  retrieval: async (context) => (await import("./retrieved-candidates.ts")).retrievedCandidates(context),
};
