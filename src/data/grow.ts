/**
 * Encoding new data with the vocabulary of an earlier run, and letting it grow: values of the training
 * split that a vocabulary does not have are put behind the ones it has, by descending count, ties by
 * string. Ids that were given keep their meaning, so that a model's tables only get longer. Everything
 * else of the map (moments, boundaries, list lengths, hashed vocabularies) stays as it is.
 */
import { ConfigError } from "../core/index.ts";
import {
  DOMAIN_ENCODER,
  type FeatureMap,
  FIRST_VALUE_ID,
  type IdEncoder,
  type Label,
} from "../schema/index.ts";
import type { BatchLanes } from "./batch-needs.ts";
import type { DataConfig } from "./config.ts";
import type { KeyIds } from "./encode-columns.ts";
import { type EncoderReport, type FittedMap, labelsOf, TrainingRows } from "./fit.ts";
import type { KeyTable } from "./key-table.ts";
import type { SpooledSource } from "./read-source.ts";
import type { Membership } from "./split.ts";
import { growVocabulary, idsOfKeys } from "./vocabulary.ts";

export interface GrowthRule {
  /** Values seen less often in the training split stay out. @default the vocabulary's `minCount` */
  readonly minCount?: number;
  /** Most values that one vocabulary takes up, the most frequent ones. @default no limit */
  readonly maxNew?: number;
}

/** The map with grown vocabularies (without a rule: as it is), and the ids of the source's keys. */
export function growFeatureMap(
  map: FeatureMap,
  spooled: SpooledSource,
  lanes: BatchLanes,
  membership: Membership,
  rule: GrowthRule | undefined,
): FittedMap {
  const train = new TrainingRows(spooled, membership);
  const encoders: Record<string, IdEncoder> = {};
  const reports: Record<string, EncoderReport> = {};
  for (const [name, encoder] of Object.entries(map.encoders)) {
    const { vocabulary } = encoder;
    if (vocabulary.type === "hash" || rule === undefined) {
      encoders[name] = encoder;
      reports[name] = { type: vocabulary.type, size: encoder.size, added: 0 };
      continue;
    }
    const counted = lanesOf(map, lanes, name).map((lane) => train.countKeys(lane));
    const { minCount = vocabulary.minCount, maxNew } = rule;
    const { added, rare, overflow } = growVocabulary(counted, encoder, { minCount, maxNew });
    const values = [...vocabulary.values, ...added];
    const size = FIRST_VALUE_ID + values.length;
    encoders[name] = { ...encoder, vocabulary: { ...vocabulary, values }, size };
    reports[name] = { type: "list", size, added: added.length, rare, overflow };
  }
  const ids = new Map<string, Map<KeyTable, Int32Array>>();
  const idsOf: KeyIds = (encoder, table) => {
    const known = ids.get(encoder) ?? new Map<KeyTable, Int32Array>();
    ids.set(encoder, known);
    const found = known.get(table) ?? idsOfKeys(table, encoders[encoder]);
    known.set(table, found);
    return found;
  };
  return { map: { ...map, encoders }, idsOf, encoders: reports };
}

/** Lanes whose values go through an encoder. */
function lanesOf(map: FeatureMap, lanes: BatchLanes, encoder: string): number[] {
  if (encoder === DOMAIN_ENCODER) return lanes.domain === undefined ? [] : [lanes.domain];
  return map.features.flatMap((feature) =>
    "encoder" in feature && feature.encoder === encoder ? [lanes.features.get(feature.name)!.lane] : [],
  );
}

/** What of a config and a map must agree. @throws ConfigError that names the first difference */
export function checkSameFeatures(config: DataConfig, map: FeatureMap): void {
  const kindOf = (feature: FeatureMap["features"][number]): string =>
    feature.kind === "bucket" || feature.kind === "numeral" ? "numeric" : feature.kind;
  compare(
    "features",
    config.features.map(({ name, kind }) => `${name} (${kind})`),
    map.features.map((feature) => `${feature.name} (${kindOf(feature)})`),
  );
  compare("labels", labelsOf(config).map(meaningOf), map.labels.map(meaningOf));
  compare(
    "derived",
    (config.derived ?? []).map(({ name }) => name),
    (map.derived ?? []).map(({ name }) => name),
  );
}

/** What a label says of a row: models trained on one meaning do not learn another without being told. */
function meaningOf({ name, column, threshold, positive, kind }: Label): string {
  const parts = [
    `${name} (${kind}`,
    ...(column === name ? [] : [`column ${column}`]),
    ...(threshold === undefined ? [] : [`threshold ${threshold}`]),
    ...(positive === undefined ? [] : [`positive ${positive.join(", ")}`]),
  ];
  return `${parts.join(", ")})`;
}

function compare(key: string, received: readonly string[], expected: readonly string[]): void {
  const differs = [...received, ""].findIndex((each, k) => each !== (expected[k] ?? ""));
  if (differs < 0 && received.length === expected.length) return;
  const at = Math.max(differs, 0);
  throw new ConfigError(
    `config ${key}: entry ${at + 1} is ${received[at] ?? "not there"}, in the feature map it is ${expected[at] ?? "not there"}`,
    {
      details: { key, expected, received },
      hint: "data are encoded with an earlier map by the configuration of its run, with other files",
    },
  );
}
