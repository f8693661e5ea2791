/**
 * The items of one request on their way through the stages: who they are, where their features stand, and
 * what was predicted for them. Columns are read item by item or as numbers for formulas and filters.
 */
import { parseNumber, type RawRow, type RawScalar, type RawValue } from "../schema/index.ts";
import { type FeatureTable, idText } from "./feature-table.ts";

export interface Candidate {
  readonly id: RawScalar;
  /** Row of the item table, or -1 for an item that it does not know. */
  readonly row: number;
  /** Values sent with the request; they win over the table's. */
  readonly features: RawRow | undefined;
}

/** How the user and the circumstances of a request are known. */
export interface RequestFacts {
  /** User table and context together; the context wins. */
  readonly features: RawRow;
}

export function candidateOf(
  item: RawScalar | { readonly id: RawScalar; readonly features?: RawRow },
  items: FeatureTable | undefined,
): Candidate {
  const given = typeof item === "object" && item !== null && !(item instanceof Date) ? item : undefined;
  const id = given === undefined ? (item as RawScalar) : given.id;
  return { id, row: items?.rowOf(id) ?? -1, features: given?.features };
}

/** A column's value for one candidate: sent with it, else the item table's, else the request's. */
export function candidateValue(
  column: string,
  { id, row, features }: Candidate,
  request: RequestFacts,
  items: FeatureTable | undefined,
  itemKey: string | undefined,
): RawValue {
  if (features !== undefined && Object.hasOwn(features, column)) return features[column];
  if (items !== undefined && row >= 0 && items.has(column)) return items.value(row, column);
  if (column === itemKey) return id;
  if (items?.has(column)) return undefined;
  return Object.hasOwn(request.features, column) ? request.features[column] : undefined;
}

/** Whether a value of the column `filters.allowed` lets its item pass. */
export function isTrue(value: RawValue): boolean {
  const number = parseNumber(value);
  return number !== undefined && number !== 0;
}

/** Texts of the ids of all items whose value of a column is true. */
export function allowedIds(items: FeatureTable, column: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (let row = 0; row < items.rows; row++) {
    if (isTrue(items.value(row, column))) ids.add(idText(items.value(row, items.key)) as string);
  }
  return ids;
}

/** A column as numbers over candidates, NaN where there is none. */
export function numbersOf(
  column: string,
  candidates: readonly Candidate[],
  request: RequestFacts,
  items: FeatureTable | undefined,
  itemKey: string | undefined,
): Float64Array {
  const table = items?.has(column) ? items.numbers(column) : undefined;
  return Float64Array.from(candidates, (candidate) => {
    if (table !== undefined && candidate.features === undefined && candidate.row >= 0) {
      return table[candidate.row];
    }
    return parseNumber(candidateValue(column, candidate, request, items, itemKey)) ?? Number.NaN;
  });
}
