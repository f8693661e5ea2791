/**
 * Feature correlation: what a run's attention has learnt of a history, beside what the data say. For the most frequent
 * categories of candidates, attention by (category of the event, distance) and the mutual information of the same
 * with the label, compared by rank correlation.
 */
import { rankCorrelation } from "../numerics/index.ts";
import { observeRun } from "../run/index.ts";
import { columnsOf, type FeatureMap, FIRST_VALUE_ID, type SequenceFeature } from "../schema/index.ts";
import { meanOf } from "./collapse.ts";
import { observedMap } from "./learned-relevance.ts";
import { type HistoryRows, mutualInformationMap } from "./mutual-information.ts";
import { type NotApplicable, notApplicable, type StudiedRun } from "./tool.ts";

export interface CorrelationOptions {
  /** The sequence whose values are the categories. @default the one with the fewest values among those with a target */
  readonly history?: string;
  /** Candidates, and categories of events. @default 10 */
  readonly categories?: number;
  /** @default 10 */
  readonly distances?: number;
}

export interface CandidateCorrelation {
  /** Raw value of the candidate's category. */
  readonly candidate: string;
  readonly rows: number;
  /** Bits, `[categories][distances]`. */
  readonly information: readonly (readonly number[])[];
  /** Mean attention; null where no row has such an event. */
  readonly attention: readonly (readonly (number | null)[])[];
  /** Spearman's, over cells that have both; null where one side is constant. */
  readonly rankCorrelation: number | null;
}

export interface CorrelationStudy {
  readonly history: string;
  readonly target: string;
  readonly label: string;
  /** The name under which the model shows its attention. */
  readonly shown: string;
  /** Raw values of the events' categories, the rows of every map. */
  readonly categories: readonly string[];
  readonly distances: number;
  readonly candidates: readonly CandidateCorrelation[];
  /** Mean over candidates. */
  readonly meanRankCorrelation: number | null;
}

export async function correlationOfRun(
  { run, engine, source, rows }: StudiedRun,
  options: CorrelationOptions = {},
): Promise<CorrelationStudy | NotApplicable> {
  const { map } = run;
  const sequence = historyOf(map, options.history);
  if (sequence?.target === undefined) return notApplicable("no history with a target is among the features");
  const [label] = map.labels;
  if (label.kind !== "binary") return notApplicable("the first label is a number, not an event");
  const shown = await observeRun(run, engine, source, { rows });
  const leader = sequence.alignedWith ?? sequence.name;
  const found = Object.entries(shown).filter(
    ([name, { shape }]) => /weights/.test(name) && shape.length === 1 && shape[0] === sequence.maxLength,
  );
  const [name, attention] = found.find(([key]) => key.endsWith(`.${leader}`)) ?? found[0] ?? [];
  if (name === undefined || attention === undefined) {
    return notApplicable(`${run.config.model.name} shows no attention weights of ${leader}`);
  }
  const read = await columnsOf(source, [sequence.name, sequence.target, label.name], rows);
  const history: HistoryRows = {
    candidates: read.columns[sequence.target],
    events: read.columns[sequence.name],
    length: sequence.maxLength,
    labels: read.columns[label.name],
  };
  const { encoder } = sequence;
  const { categories: count = 10, distances = 10 } = options;
  // Ids are in order of frequency.
  const known = Math.min(count, map.encoders[encoder].size - FIRST_VALUE_ID);
  const ids = Array.from({ length: known }, (_, k) => FIRST_VALUE_ID + k);
  const span = Math.min(distances, sequence.maxLength);
  const candidates = ids.flatMap((candidate): CandidateCorrelation[] => {
    const own = history.candidates as Float64Array;
    const number = own.reduce((sum, id) => sum + Number(id === candidate), 0);
    if (number === 0) return [];
    const mapOptions = { candidate, categories: ids, distances: span };
    const information = mutualInformationMap(history, mapOptions).values;
    const learned = observedMap(history, attention.data, mapOptions).values;
    const both = Array.from(learned.keys()).filter((cell) => !Number.isNaN(learned[cell]));
    const correlation = rankCorrelation(
      both.map((cell) => learned[cell]),
      both.map((cell) => information[cell]),
    );
    const table = <T>(values: Float64Array, of: (value: number) => T): T[][] =>
      ids.map((_, k) => Array.from(values.subarray(k * span, (k + 1) * span), of));
    return [
      {
        candidate: rawValue(map, encoder, candidate),
        rows: number,
        information: table(information, (value) => value),
        attention: table(learned, (value) => (Number.isNaN(value) ? null : value)),
        rankCorrelation: correlation ?? null,
      },
    ];
  });
  return {
    history: sequence.name,
    target: sequence.target,
    label: label.name,
    shown: name,
    categories: ids.map((id) => rawValue(map, encoder, id)),
    distances: span,
    candidates,
    meanRankCorrelation: meanOf(candidates.map((one) => one.rankCorrelation)),
  };
}

function historyOf(
  { features, encoders }: FeatureMap,
  name: string | undefined,
): SequenceFeature | undefined {
  const sequences = features.filter((feature) => feature.kind === "sequence");
  if (name !== undefined) return sequences.find((sequence) => sequence.name === name);
  return sequences
    .filter(({ target }) => target !== undefined)
    .sort((a, b) => encoders[a.encoder].size - encoders[b.encoder].size)[0];
}

/** The raw value of an id, or the number of its bucket where values are hashed. */
function rawValue({ encoders }: FeatureMap, encoder: string, id: number): string {
  const { vocabulary } = encoders[encoder];
  return vocabulary.type === "list" ? vocabulary.values[id - FIRST_VALUE_ID] : `#${id - FIRST_VALUE_ID}`;
}
