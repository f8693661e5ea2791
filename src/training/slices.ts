/** Parts of a split, and metrics of each domain's rows. */
import { DOMAIN_ENCODER, type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { type Evaluation, measure, type SplitPredictions } from "./evaluate.ts";

/** Some rows of a split, in the order asked for. */
export function selectRows(split: SplitPredictions, rows: ArrayLike<number>): SplitPredictions {
  const floats = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]);
  const ints = (values: Int32Array): Int32Array => Int32Array.from(rows, (row) => values[row]);
  const { byLabel, groups, domains, weights } = split;
  return {
    rows: rows.length,
    byLabel: Object.fromEntries(
      Object.entries(byLabel).map(([label, { predictions, labels, truth, ...rest }]) => [
        label,
        {
          ...rest,
          predictions: floats(predictions),
          labels: floats(labels),
          truth: truth === undefined ? undefined : floats(truth),
        },
      ]),
    ),
    groups: groups === undefined ? undefined : ints(groups),
    domains: domains === undefined ? undefined : ints(domains),
    weights: weights === undefined ? undefined : floats(weights),
  };
}

/** Row numbers by id, the most frequent id first. */
export function rowsById(ids: Int32Array): [id: number, rows: number[]][] {
  const rowsOf = new Map<number, number[]>();
  ids.forEach((id, row) => {
    const rows = rowsOf.get(id);
    if (rows === undefined) rowsOf.set(id, [row]);
    else rows.push(row);
  });
  return [...rowsOf].sort(([a, x], [b, y]) => y.length - x.length || a - b);
}

/**
 * Metrics of each domain's rows by the domain's name, the largest first; rows of domains that training did not
 * show, or of none, are `unknown`.
 *
 * @returns undefined when the split has no domains
 */
export function measureDomains(
  split: SplitPredictions,
  map: FeatureMap,
  names?: readonly string[],
): { readonly [domain: string]: Evaluation } | undefined {
  const vocabulary = map.encoders[DOMAIN_ENCODER]?.vocabulary;
  if (split.domains === undefined || vocabulary?.type !== "list") return undefined;
  const known = split.domains.map((id) => Math.max(id, FIRST_VALUE_ID - 1));
  return Object.fromEntries(
    rowsById(known).map(([id, rows]) => [
      vocabulary.values[id - FIRST_VALUE_ID] ?? "unknown",
      measure(selectRows(split, rows), names),
    ]),
  );
}
