/**
 * From spooled lanes to the columns of a batch layout, block by block. Numbers, buckets and ids are made
 * by the functions that the serving encoder uses; what is met on the way is counted for each split.
 */
import { assert } from "../core/index.ts";
import {
  type BatchColumn,
  bucketId,
  DOMAIN_ENCODER,
  type Feature,
  type FeatureMap,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
  scaleNumber,
  toFloat,
} from "../schema/index.ts";
import { type BatchLanes, layoutOf } from "./batch-needs.ts";
import type { KeyTable } from "./key-table.ts";
import type { KeyLane } from "./lanes.ts";
import type { EncodedColumn, StoredColumn } from "./part-writer.ts";
import type { SpooledSource } from "./read-source.ts";
import { labelNumbers } from "./usable-rows.ts";

/** What a split's rows lack, by feature. */
export interface FeatureReport {
  /** Rows (entries, for lists) without a value. */
  missing: number;
  /** Rows (entries) whose value no vocabulary knows. */
  outOfVocabulary: number;
  /** Of the missing ones, numbers that are not finite or text that is no number. */
  unusable: number;
}

/** What encoding a split collects. */
export class SplitTally {
  readonly features: Record<string, FeatureReport> = {};
  readonly labelSums = new Map<string, number>();
  /** Number of each group's code in the split, by first appearance. */
  readonly groups = new Map<number, number>();
  rows = 0;

  of(feature: string): FeatureReport {
    this.features[feature] ??= { missing: 0, outOfVocabulary: 0, unusable: 0 };
    return this.features[feature];
  }
}

/** Ids of the codes of a key table under an encoder. */
export type KeyIds = (encoder: string, table: KeyTable) => Int32Array;

/** Makes some columns of the rows (given by their positions) of a block. */
type MakeColumns = (block: number, rows: Uint32Array, tally: SplitTally) => EncodedColumn[];

/** All columns of a layout, as they are stored. */
export interface ColumnEncoder {
  readonly layout: readonly BatchColumn[];
  readonly stored: readonly StoredColumn[];
  encode(block: number, rows: Uint32Array, tally: SplitTally): EncodedColumn[];
}

export function columnEncoder(
  spooled: SpooledSource,
  map: FeatureMap,
  lanes: BatchLanes,
  idsOf: KeyIds,
): ColumnEncoder {
  const layout = layoutOf(map, lanes);
  const byName = new Map(layout.map((column) => [column.name, column]));
  const stored: StoredColumn[] = [];
  const makers: MakeColumns[] = [];
  const add = (names: readonly string[], inLists: boolean, make: MakeColumns): void => {
    for (const name of names) {
      const column = byName.get(name)!;
      stored.push({ ...column, inLists: inLists && !name.endsWith(".missing") });
    }
    makers.push(make);
  };
  for (const feature of map.features) {
    const { lane, times } = lanes.features.get(feature.name)!;
    const { name } = feature;
    switch (feature.kind) {
      case "categorical": {
        const { table } = spooled.lanes[lane] as KeyLane;
        add([name], false, keyMaker(spooled, lane, idsOf(feature.encoder, table), name));
        break;
      }
      case "bucket":
      case "numeric":
        add(
          feature.kind === "numeric" ? [name, `${name}.missing`] : [name],
          false,
          numberMaker(spooled, lane, feature),
        );
        break;
      case "dense":
        add([name, `${name}.missing`], true, vectorMaker(spooled, lane, feature));
        break;
      case "bag":
      case "sequence": {
        const { table } = spooled.lanes[lane] as KeyLane;
        const ids = idsOf(feature.encoder, table);
        const names = times === undefined ? [name] : [name, `${name}.age`];
        add(names, true, listMaker(spooled, { lane, times, now: lanes.timestamp }, ids, feature));
      }
    }
  }
  for (const label of map.labels) {
    const lane = lanes.labels.get(label.name);
    if (lane === undefined) continue;
    const numbers = labelNumbers(spooled, lane, label);
    add([label.name], false, (block, rows, tally) => {
      const all = numbers(block);
      const values = Float32Array.from(rows, (row) => toFloat(all[row]));
      const sum = values.reduce((total, value) => total + value, 0);
      tally.labelSums.set(label.name, (tally.labelSums.get(label.name) ?? 0) + sum);
      return [{ values, lengths: undefined }];
    });
  }
  addRoles(spooled, lanes, idsOf, add);
  assert(
    stored.length === layout.filter((column) => !isLength(column, layout)).length,
    "every column is made",
  );
  return {
    layout,
    stored,
    encode(block, rows, tally) {
      tally.rows += rows.length;
      return makers.flatMap((make) => make(block, rows, tally));
    },
  };
}

function isLength({ name, role }: BatchColumn, layout: readonly BatchColumn[]): boolean {
  const list = name.replace(/\.length$/, "");
  return role === "feature" && list !== name && layout.some((column) => column.name === list);
}

function addRoles(
  spooled: SpooledSource,
  lanes: BatchLanes,
  idsOf: KeyIds,
  add: (names: readonly string[], inLists: boolean, make: MakeColumns) => void,
): void {
  const { spool } = spooled;
  const numbers =
    (lane: number): MakeColumns =>
    (block, rows) => {
      const { values } = spool.read(block, lane);
      const finite = (row: number): number =>
        Number.isFinite(values[row]) ? toFloat(values[row]) : Number.NaN;
      return [{ values: Float32Array.from(rows, finite), lengths: undefined }];
    };
  const { weight, group, domain, timestamp, keep } = lanes;
  if (weight !== undefined) add(["@weight"], false, numbers(weight));
  if (group !== undefined) {
    add(["@group"], false, (block, rows, { groups }) => {
      const codes = spool.read(block, group).values;
      const values = Int32Array.from(rows, (row) => {
        const known = groups.get(codes[row]);
        if (known !== undefined) return known;
        groups.set(codes[row], groups.size);
        return groups.size - 1;
      });
      return [{ values, lengths: undefined }];
    });
  }
  if (domain !== undefined) {
    const { table } = spooled.lanes[domain] as KeyLane;
    add(["@domain"], false, keyMaker(spooled, domain, idsOf(DOMAIN_ENCODER, table), undefined));
  }
  if (timestamp !== undefined) {
    add(["@timestamp"], false, (block, rows) => {
      const { values } = spool.read(block, timestamp);
      const finite = (row: number): number => (Number.isFinite(values[row]) ? values[row] : Number.NaN);
      return [{ values: Float64Array.from(rows, finite), lengths: undefined }];
    });
  }
  for (const [name, lane] of keep) add([name], false, numbers(lane));
}

function keyMaker(
  { spool }: SpooledSource,
  lane: number,
  ids: Int32Array,
  name: string | undefined,
): MakeColumns {
  return (block, rows, tally) => {
    const codes = spool.read(block, lane).values;
    const values = new Int32Array(rows.length);
    let missing = 0;
    let unknown = 0;
    for (let i = 0; i < rows.length; i++) {
      const code = codes[rows[i]];
      const id = code < 0 ? MISSING_ID : ids[code];
      if (id === MISSING_ID) missing++;
      else if (id === OUT_OF_VOCABULARY_ID) unknown++;
      values[i] = id;
    }
    if (name !== undefined) {
      tally.of(name).missing += missing;
      tally.of(name).outOfVocabulary += unknown;
    }
    return [{ values, lengths: undefined }];
  };
}

function numberMaker(
  { spool }: SpooledSource,
  lane: number,
  feature: Extract<Feature, { kind: "numeric" | "bucket" }>,
): MakeColumns {
  return (block, rows, tally) => {
    const numbers = spool.read(block, lane).values;
    const count = tally.of(feature.name);
    const values = feature.kind === "numeric" ? new Float32Array(rows.length) : new Int32Array(rows.length);
    const missing = new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const number = numbers[rows[i]];
      if (Number.isFinite(number)) {
        values[i] =
          feature.kind === "numeric" ? scaleNumber(number, feature.transform) : bucketId(number, feature);
        continue;
      }
      values[i] = feature.kind === "numeric" ? feature.transform.fill : MISSING_ID;
      missing[i] = 1;
      count.missing++;
      if (number === Number.POSITIVE_INFINITY) count.unusable++;
    }
    const columns: EncodedColumn[] = [{ values, lengths: undefined }];
    if (feature.kind === "numeric") columns.push({ values: missing, lengths: undefined });
    return columns;
  };
}

function vectorMaker(
  { spool }: SpooledSource,
  lane: number,
  { name, dim }: Extract<Feature, { kind: "dense" }>,
): MakeColumns {
  return (block, rows, tally) => {
    const { values: numbers, lengths } = spool.read(block, lane);
    const starts = startsOf(lengths!);
    const values = new Float32Array(rows.length * dim);
    const missing = new Float32Array(rows.length);
    const count = tally.of(name);
    for (let i = 0; i < rows.length; i++) {
      const start = starts[rows[i]];
      const vector = numbers.subarray(start, start + lengths![rows[i]]);
      const bad = vector.length > 0 && !vector.every(Number.isFinite);
      if (vector.length === dim && !bad) {
        for (let k = 0; k < dim; k++) values[i * dim + k] = toFloat(vector[k]);
        continue;
      }
      missing[i] = 1;
      count.missing++;
      if (vector.includes(Number.POSITIVE_INFINITY)) count.unusable++;
    }
    const column = { values, lengths: new Int32Array(rows.length).fill(dim) };
    return [column, { values: missing, lengths: undefined }];
  };
}

function listMaker(
  { spool }: SpooledSource,
  lanes: { readonly lane: number; readonly times: number | undefined; readonly now: number | undefined },
  ids: Int32Array,
  feature: Extract<Feature, { kind: "bag" | "sequence" }>,
): MakeColumns {
  return (block, rows, tally) => {
    const { values: codes, lengths: all } = spool.read(block, lanes.lane);
    const starts = startsOf(all!);
    const times = lanes.times === undefined ? undefined : spool.read(block, lanes.times);
    const timeStarts = times === undefined ? undefined : startsOf(times.lengths!);
    const now = lanes.now === undefined ? undefined : spool.read(block, lanes.now).values;
    const count = tally.of(feature.name);
    const lengths = new Int32Array(rows.length);
    let total = 0;
    for (const row of rows) total += Math.min(all![row], feature.maxLength);
    const values = new Int32Array(total);
    const ages = new Float32Array(times === undefined ? 0 : total);
    let end = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      const first = end;
      const kept = Math.min(all![row], feature.maxLength);
      const last = starts[row] + all![row];
      for (let k = last - kept; k < last; k++) {
        const id = codes[k] < 0 ? MISSING_ID : ids[codes[k]];
        if (id === MISSING_ID) count.missing++;
        else if (id === OUT_OF_VOCABULARY_ID) count.outOfVocabulary++;
        // A bag has no positions to keep, so that an entry without a value is nothing.
        if (id === MISSING_ID && feature.kind === "bag") continue;
        values[end] = id;
        if (times !== undefined) {
          // Aligned at the end, where the most recent entries are.
          const back = last - k;
          const held = times.lengths![row];
          const then = back <= held ? times.values[timeStarts![row] + held - back] : Number.NaN;
          const age = (now === undefined ? Number.NaN : now[row]) - then;
          ages[end] = Number.isFinite(age) ? toFloat(age) : 0;
        }
        end++;
      }
      lengths[i] = end - first;
    }
    const columns: EncodedColumn[] = [{ values: values.subarray(0, end), lengths }];
    if (times !== undefined) columns.push({ values: ages.subarray(0, end), lengths });
    return columns;
  };
}

function startsOf(lengths: Int32Array): Uint32Array {
  const starts = new Uint32Array(lengths.length);
  let end = 0;
  for (let row = 0; row < lengths.length; row++) {
    starts[row] = end;
    end += lengths[row];
  }
  return starts;
}
