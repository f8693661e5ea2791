/**
 * Makers: from lanes of a spooled block to encoded columns. What a maker returns is valid until it is
 * called again; its memory is used anew for every block.
 */
import {
  bucketId,
  type Feature,
  fitsFloat,
  MISSING_ID,
  numeralIds,
  numeralWidth,
  OUT_OF_VOCABULARY_ID,
  scaleNumber,
  toFloat,
} from "../schema/index.ts";
import type { EncodedColumn } from "./part-writer.ts";
import type { SpooledSource } from "./read-source.ts";

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
  /** Without a prototype: a feature may be called `constructor`. */
  readonly features: Record<string, FeatureReport> = Object.create(null);
  readonly labelSums = new Map<string, number>();
  /** Number of each group's code in the split, by first appearance. */
  readonly groups = new Map<number, number>();
  rows = 0;

  of(feature: string): FeatureReport {
    this.features[feature] ??= { missing: 0, outOfVocabulary: 0, unusable: 0 };
    return this.features[feature];
  }
}

/** Makes some columns of the rows (given by their positions) of a block. */
export type MakeColumns = (block: number, rows: Uint32Array, tally: SplitTally) => EncodedColumn[];

class Scratch {
  #buffer = new ArrayBuffer(0);

  int32(length: number): Int32Array {
    return new Int32Array(this.#room(length * 4), 0, length);
  }

  uint8(length: number): Uint8Array {
    return new Uint8Array(this.#room(length), 0, length);
  }

  float32(length: number): Float32Array {
    return new Float32Array(this.#room(length * 4), 0, length);
  }

  float64(length: number): Float64Array {
    return new Float64Array(this.#room(length * 8), 0, length);
  }

  #room(bytes: number): ArrayBuffer {
    if (bytes > this.#buffer.byteLength) this.#buffer = new ArrayBuffer(bytes);
    return this.#buffer;
  }
}

/** Ids of a key lane, one a row; without a name nothing is counted. */
export function keyMaker(
  { spool }: SpooledSource,
  lane: number,
  ids: Int32Array,
  name: string | undefined,
): MakeColumns {
  const scratch = new Scratch();
  return (block, rows, tally) => {
    const codes = spool.read(block, lane).values;
    const values = scratch.int32(rows.length);
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

/** A numeric feature with its missing flags, or buckets. */
export function numberMaker(
  { spool }: SpooledSource,
  lane: number,
  feature: Extract<Feature, { kind: "numeric" | "bucket" }>,
): MakeColumns {
  const scratch = new Scratch();
  const flags = new Scratch();
  return (block, rows, tally) => {
    const numbers = spool.read(block, lane).values;
    const count = tally.of(feature.name);
    const isNumeric = feature.kind === "numeric";
    const values = isNumeric ? scratch.float32(rows.length) : scratch.int32(rows.length);
    const missing = flags.uint8(rows.length).fill(0);
    for (let i = 0; i < rows.length; i++) {
      const number = numbers[rows[i]];
      // A number beyond float32 is finite before it is scaled and not after.
      const value = isNumeric ? scaleNumber(number, feature.transform) : bucketId(number, feature);
      if (Number.isFinite(number) && Number.isFinite(value)) {
        values[i] = value;
        continue;
      }
      values[i] = isNumeric ? feature.transform.fill : MISSING_ID;
      missing[i] = 1;
      count.missing++;
      if (!Number.isNaN(number)) count.unusable++;
    }
    const columns: EncodedColumn[] = [{ values, lengths: undefined }];
    if (isNumeric) columns.push({ values: missing, lengths: undefined });
    return columns;
  };
}

/** The digits of numbers in several numeral systems. */
export function numeralMaker(
  { spool }: SpooledSource,
  lane: number,
  feature: Extract<Feature, { kind: "numeral" }>,
): MakeColumns {
  const scratch = new Scratch();
  const width = numeralWidth(feature);
  return (block, rows, tally) => {
    const numbers = spool.read(block, lane).values;
    const count = tally.of(feature.name);
    const values = scratch.int32(rows.length * width);
    for (let i = 0; i < rows.length; i++) {
      const number = numbers[rows[i]];
      const known = Number.isFinite(number);
      values.set(numeralIds(known ? number : undefined, feature), i * width);
      if (known) continue;
      count.missing++;
      if (number === Number.POSITIVE_INFINITY) count.unusable++;
    }
    return [{ values, lengths: width === 1 ? undefined : new Int32Array(rows.length).fill(width) }];
  };
}

/** Numbers as they are, NaN where there is none. */
export function plainMaker(
  { spool }: SpooledSource,
  lane: number,
  dtype: "float32" | "float64",
): MakeColumns {
  const scratch = new Scratch();
  return (block, rows) => {
    const numbers = spool.read(block, lane).values;
    const values = scratch[dtype](rows.length);
    for (let i = 0; i < rows.length; i++) {
      const number = numbers[rows[i]];
      const usable = dtype === "float32" ? fitsFloat(number) : Number.isFinite(number);
      values[i] = !usable ? Number.NaN : dtype === "float32" ? toFloat(number) : number;
    }
    return [{ values, lengths: undefined }];
  };
}

/** Numbers 0, 1, … of the groups of a split, by first appearance. */
export function groupMaker({ spool }: SpooledSource, lane: number): MakeColumns {
  const scratch = new Scratch();
  return (block, rows, { groups }) => {
    const codes = spool.read(block, lane).values;
    const values = scratch.int32(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const code = codes[rows[i]];
      let group = groups.get(code);
      if (group === undefined) {
        group = groups.size;
        groups.set(code, group);
      }
      values[i] = group;
    }
    return [{ values, lengths: undefined }];
  };
}

export function labelMaker(name: string, numbersOf: (block: number) => Float64Array): MakeColumns {
  const scratch = new Scratch();
  return (block, rows, tally) => {
    const numbers = numbersOf(block);
    const values = scratch.float32(rows.length);
    let sum = 0;
    for (let i = 0; i < rows.length; i++) {
      values[i] = toFloat(numbers[rows[i]]);
      sum += values[i];
    }
    tally.labelSums.set(name, (tally.labelSums.get(name) ?? 0) + sum);
    return [{ values, lengths: undefined }];
  };
}

/** Vectors with their missing flags. */
export function vectorMaker(
  { spool }: SpooledSource,
  lane: number,
  { name, dim }: Extract<Feature, { kind: "dense" }>,
): MakeColumns {
  const scratch = new Scratch();
  const flags = new Scratch();
  return (block, rows, tally) => {
    const { values: numbers, lengths } = spool.read(block, lane);
    const starts = startsOf(lengths!);
    const values = scratch.float32(rows.length * dim).fill(0);
    const missing = flags.uint8(rows.length).fill(0);
    const count = tally.of(name);
    for (let i = 0; i < rows.length; i++) {
      const start = starts[rows[i]];
      const vector = numbers.subarray(start, start + lengths![rows[i]]);
      const bad = vector.length > 0 && !vector.every(fitsFloat);
      if (vector.length === dim && !bad) {
        for (let k = 0; k < dim; k++) values[i * dim + k] = toFloat(vector[k]);
        continue;
      }
      missing[i] = 1;
      count.missing++;
      if (vector.some((x) => !Number.isNaN(x) && !fitsFloat(x))) count.unusable++;
    }
    const column = { values, lengths: new Int32Array(rows.length).fill(dim) };
    return [column, { values: missing, lengths: undefined }];
  };
}

/** Lists of ids, with the ages of their entries where there are times. */
export function listMaker(
  { spool }: SpooledSource,
  lanes: { readonly lane: number; readonly times: number | undefined; readonly now: number | undefined },
  ids: Int32Array,
  feature: Extract<Feature, { kind: "bag" | "sequence" }>,
): MakeColumns {
  const scratch = new Scratch();
  const ageScratch = new Scratch();
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
    const values = scratch.int32(total);
    const ages = ageScratch.float32(times === undefined ? 0 : total);
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
