/**
 * What a batch needs of raw data: for each feature, label and role the lanes that it is made from. The
 * same for fitting, where sizes are not known yet, and for encoding with a feature map.
 */
import {
  type BatchColumn,
  batchLayout,
  type Feature,
  type FeatureMap,
  type Label,
  type TimestampUnit,
} from "../schema/index.ts";
import { LanePlan, type NumberShape } from "./lanes.ts";
import type { RawSource } from "./source-spec.ts";

/** A feature as far as reading it goes. */
export type FeatureNeed =
  | { readonly kind: "key"; readonly name: string; readonly column: string; readonly encoder: string }
  | { readonly kind: "number"; readonly name: string; readonly column: string; readonly shape: NumberShape }
  | {
      readonly kind: "vector";
      readonly name: string;
      readonly column: string;
      readonly separator: string | undefined;
      readonly dim: number;
    }
  | {
      readonly kind: "list";
      readonly name: string;
      readonly column: string;
      readonly encoder: string;
      readonly separator: string | undefined;
      readonly maxLength: number;
      readonly timesColumn: string | undefined;
    };

export interface BatchNeeds {
  readonly features: readonly FeatureNeed[];
  readonly labels: readonly Label[];
  readonly weight: string | undefined;
  readonly group: string | undefined;
  readonly domain: string | undefined;
  readonly timestamp: string | undefined;
  readonly timestampUnit: TimestampUnit | undefined;
  /** Raw number columns carried along. */
  readonly keep: readonly string[];
}

/** Lanes by what they are for; absent where the source lacks an optional column. */
export interface BatchLanes {
  readonly plan: LanePlan;
  /** Of features by name; with the times of histories as a second one. */
  readonly features: ReadonlyMap<string, { readonly lane: number; readonly times: number | undefined }>;
  readonly labels: ReadonlyMap<string, number>;
  readonly weight: number | undefined;
  readonly group: number | undefined;
  readonly domain: number | undefined;
  readonly timestamp: number | undefined;
  readonly keep: ReadonlyMap<string, number>;
}

/** The needs of a feature map that is already fitted. */
export function needsOfMap(map: FeatureMap, keep: readonly string[]): BatchNeeds {
  return { ...map, features: map.features.map(needOf), keep };
}

function needOf(feature: Feature): FeatureNeed {
  const { name, column } = feature;
  switch (feature.kind) {
    case "categorical":
      return { kind: "key", name, column, encoder: feature.encoder };
    case "numeric":
      return {
        kind: "number",
        name,
        column,
        shape: { clip: feature.transform.clip, log: feature.transform.log },
      };
    case "bucket":
    case "numeral":
      return { kind: "number", name, column, shape: { clip: undefined, log: false } };
    case "dense":
      return { kind: "vector", name, column, separator: feature.separator, dim: feature.dim };
    case "bag":
    case "sequence": {
      const { encoder, separator, maxLength } = feature;
      const timesColumn = feature.kind === "sequence" ? feature.timesColumn : undefined;
      return { kind: "list", name, column, encoder, separator, maxLength, timesColumn };
    }
  }
}

/**
 * Plans the lanes of a source.
 *
 * @param required roles whose columns must be there: labels and the other ones; otherwise they are
 * taken where they are
 * @param longTexts see `LanePlan`
 * @throws ConfigError for columns that are absent or of a type that does not fit
 */
export function planLanes(
  source: Pick<RawSource, "columns" | "files">,
  needs: BatchNeeds,
  required: { readonly labels: boolean; readonly roles: boolean },
  longTexts?: ReadonlySet<string>,
): BatchLanes {
  const plan = new LanePlan(source, longTexts);
  const unit = needs.timestampUnit ?? "s";
  const shared = sharedEncoders(needs.features);
  const features = new Map<string, { lane: number; times: number | undefined }>();
  for (const need of needs.features) {
    const { name, column } = need;
    const user = `feature ${name}`;
    let lane: number;
    let times: number | undefined;
    switch (need.kind) {
      case "key":
        lane = plan.key(column, user, shared.has(need.encoder) ? need.encoder : undefined);
        break;
      case "number":
        lane = plan.number(column, user, need.shape);
        break;
      case "vector":
        lane = plan.numbers(column, user, need.separator);
        break;
      case "list": {
        const { separator, maxLength, encoder, timesColumn } = need;
        lane = plan.keys(column, user, separator, maxLength, shared.has(encoder) ? encoder : undefined);
        if (timesColumn !== undefined) times = plan.times(timesColumn, user, separator, maxLength, unit);
      }
    }
    features.set(name, { lane, times });
  }
  const wanted = (column: string | undefined, must: boolean): column is string =>
    column !== undefined && (must || plan.has(column));
  const labels = new Map<string, number>();
  for (const { name, column, positive } of needs.labels) {
    if (!wanted(column, required.labels)) continue;
    const user = `label ${name}`;
    labels.set(name, positive === undefined ? plan.number(column, user) : plan.key(column, user));
  }
  const timed = needs.features.some((need) => need.kind === "list" && need.timesColumn !== undefined);
  const { weight, group, domain, timestamp } = needs;
  return {
    plan,
    features,
    labels,
    weight: wanted(weight, required.roles) ? plan.number(weight, "weight") : undefined,
    group: wanted(group, required.roles) ? plan.key(group, "group") : undefined,
    domain: wanted(domain, true) ? plan.key(domain, "domain") : undefined,
    timestamp: wanted(timestamp, required.roles || timed)
      ? plan.time(timestamp, "timestamp", unit)
      : undefined,
    keep: new Map(
      needs.keep
        .filter((column) => wanted(column, required.roles))
        .map((column) => [column, plan.number(column, "data.keep")]),
    ),
  };
}

/** Encoders that several features use: their lanes share codes. */
function sharedEncoders(features: readonly FeatureNeed[]): Set<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const need of features) {
    if (need.kind !== "key" && need.kind !== "list") continue;
    if (seen.has(need.encoder)) shared.add(need.encoder);
    seen.add(need.encoder);
  }
  return shared;
}

/** The layout of batches that these lanes can fill. */
export function layoutOf(map: FeatureMap, lanes: BatchLanes): BatchColumn[] {
  const present: Partial<Record<BatchColumn["role"], boolean>> = {
    weight: lanes.weight !== undefined,
    group: lanes.group !== undefined,
    domain: lanes.domain !== undefined,
    timestamp: lanes.timestamp !== undefined,
  };
  const layout = batchLayout(map).filter(({ name, role }) =>
    role === "label" ? lanes.labels.has(name) : (present[role] ?? true),
  );
  for (const name of lanes.keep.keys()) layout.push({ name, role: "truth", dtype: "float32", width: 1 });
  return layout;
}
