/**
 * Vocabularies: from the key tables of the raw columns that share an encoder to the ids of its values.
 * Every distinct key goes through `canonical` once, the code that the serving encoder uses.
 */
import {
  canonical,
  type CanonicalForm,
  canonicalLookup,
  FIRST_VALUE_ID,
  type IdEncoder,
  isForeignText,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
} from "../schema/index.ts";
import type { KeyTable } from "./key-table.ts";
import { orderTexts } from "./order-texts.ts";

/** A key table, and how often each of its codes comes in the training split. */
export interface CountedKeys {
  readonly table: KeyTable;
  readonly counts: Uint32Array;
}

export interface VocabularyOptions extends CanonicalForm {
  readonly minCount: number;
  readonly maxSize: number | undefined;
}

export interface FittedVocabulary {
  /** By descending count, ties in the order of JavaScript's `<` on strings. */
  readonly values: readonly string[];
  /** Distinct canonical values of the training split. */
  readonly distinct: number;
  /** Values left out because they came less often than `minCount`. */
  readonly rare: number;
  /** Values left out because the vocabulary was full. */
  readonly overflow: number;
  /** The id of each code of each table. */
  readonly ids: ReadonlyMap<KeyTable, Int32Array>;
}

/** Fits a list vocabulary. */
export function fitVocabulary(
  columns: readonly CountedKeys[],
  { minCount, maxSize, ...form }: VocabularyOptions,
): FittedVocabulary {
  const { texts, counts, textOf } = collectTexts(columns, form);
  const order = orderTexts(texts, counts, minCount);
  const kept = maxSize === undefined ? order : order.subarray(0, maxSize);
  const values = Array.from(kept, (index) => texts[index]);
  let distinct = 0;
  for (const count of counts) if (count > 0) distinct++;
  const idOfText = new Int32Array(texts.length).fill(OUT_OF_VOCABULARY_ID);
  kept.forEach((index, position) => {
    idOfText[index] = FIRST_VALUE_ID + position;
  });
  const ids = new Map<KeyTable, Int32Array>();
  for (const [table, indices] of textOf) {
    ids.set(
      table,
      indices.map((index) => (index < 0 ? MISSING_ID : idOfText[index])),
    );
  }
  return { values, distinct, rare: distinct - order.length, overflow: order.length - kept.length, ids };
}

/** Values that a list vocabulary does not have: in the order in which they are put behind its own. */
export function growVocabulary(
  columns: readonly CountedKeys[],
  encoder: IdEncoder,
  { minCount, maxNew }: { readonly minCount: number; readonly maxNew: number | undefined },
): { readonly added: readonly string[]; readonly rare: number; readonly overflow: number } {
  const { texts, counts } = collectTexts(columns, encoder);
  const idOf = canonicalLookup(encoder);
  const isNew = (index: number): boolean => counts[index] > 0 && idOf(texts[index]) === OUT_OF_VOCABULARY_ID;
  const order = orderTexts(texts, counts, minCount).filter(isNew);
  let unknown = 0;
  for (let index = 0; index < texts.length; index++) if (isNew(index)) unknown++;
  const added = Array.from(order.subarray(0, maxNew), (index) => texts[index]);
  return { added, rare: unknown - order.length, overflow: order.length - added.length };
}

/** Ids of all codes of a table under an encoder that is already fitted, or hashes. */
export function idsOfKeys(
  table: KeyTable,
  encoder: IdEncoder,
  lookup = canonicalLookup(encoder),
): Int32Array {
  const ids = new Int32Array(table.size);
  for (let code = 0; code < ids.length; code++) {
    const text = canonical(table.raw(code), encoder);
    ids[code] = text === undefined ? MISSING_ID : lookup(text);
  }
  return ids;
}

interface CollectedTexts {
  /** Distinct canonical texts. */
  readonly texts: readonly string[];
  readonly counts: Float64Array;
  /** Index into `texts` for each code of each table; -1: missing. */
  readonly textOf: ReadonlyMap<KeyTable, Int32Array>;
}

function collectTexts(columns: readonly CountedKeys[], form: CanonicalForm): CollectedTexts {
  const textOf = new Map<KeyTable, Int32Array>();
  for (const { table } of columns) textOf.set(table, new Int32Array(table.size));
  const texts: string[] = [];
  // One table whose keys are all canonical has no two codes for one text, and needs no map.
  let known: Map<string, number> | undefined = textOf.size > 1 ? new Map() : undefined;
  for (const [table, indices] of textOf) {
    for (let code = 0; code < indices.length; code++) {
      const raw = table.raw(code);
      const text = canonical(raw, form);
      if (text === undefined) {
        indices[code] = -1;
        continue;
      }
      if (known === undefined && text !== raw && !isOwnPrint(raw, form)) {
        known = new Map(texts.map((each, index) => [each, index]));
      }
      const found = known?.get(text);
      indices[code] = found ?? texts.length;
      if (found !== undefined) continue;
      known?.set(text, texts.length);
      texts.push(text);
    }
  }
  const counts = new Float64Array(texts.length);
  for (const { table, counts: byCode } of columns) {
    const indices = textOf.get(table)!;
    for (let code = 0; code < indices.length; code++) {
      if (indices[code] >= 0) counts[indices[code]] += byCode[code];
    }
    // What comes never is in no vocabulary, and so out of it, as when it is served. Keys of other types are numbers.
    if (table.type !== "VARCHAR") continue;
    for (const index of indices) if (index >= 0 && isForeignText(texts[index], form)) counts[index] = 0;
  }
  return { texts, counts, textOf };
}

/** Numbers of which no two print alike. */
function isOwnPrint(raw: unknown, { valueType }: CanonicalForm): boolean {
  return typeof raw === "number" && valueType !== "boolean" && Math.abs(raw) <= Number.MAX_SAFE_INTEGER;
}
