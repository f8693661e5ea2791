/** Which columns of raw data a feature is made of, through derived columns to those that rows bring. */
import { type DerivedColumn, derivation, type Feature, type FeatureMap } from "../schema/index.ts";

/** Columns that the feature's encoding reads, derived ones by their own names. */
function columnsRead(feature: Feature, map: FeatureMap): string[] {
  if (feature.kind !== "sequence" || feature.timesColumn === undefined) return [feature.column];
  return [feature.column, feature.timesColumn, ...(map.timestamp === undefined ? [] : [map.timestamp])];
}

/** What some columns are derived from, and how, in the map's order. */
function trace(
  columns: readonly string[],
  map: FeatureMap,
): { readonly raw: readonly string[]; readonly derived: readonly DerivedColumn[] } {
  const wanted = new Set(columns);
  const derived: DerivedColumn[] = [];
  // Later definitions may read earlier ones, so that one walk from the end finds all.
  for (const column of [...(map.derived ?? [])].reverse()) {
    if (!wanted.has(column.name)) continue;
    derived.unshift(column);
    const read = derivation(column).arguments.map((argument) => argument.column);
    // A count comes with the row under its own name.
    if (!read.includes(column.name)) wanted.delete(column.name);
    for (const name of read) wanted.add(name);
  }
  return { raw: [...wanted], derived };
}

/** Raw columns that a feature needs. */
export function rawColumnsOf(feature: Feature, map: FeatureMap): readonly string[] {
  return trace(columnsRead(feature, map), map).raw;
}

/** Raw columns of the domain, if there is one. */
export function rawDomainColumns(map: FeatureMap): readonly string[] {
  return map.domain === undefined ? [] : trace([map.domain], map).raw;
}

/** The derived columns that some features (and the domain) rest on. */
export function derivedFor(features: readonly Feature[], domain: boolean, map: FeatureMap): DerivedColumn[] {
  const columns = features.flatMap((feature) => columnsRead(feature, map));
  if (domain && map.domain !== undefined) columns.push(map.domain);
  return [...trace(columns, map).derived];
}
