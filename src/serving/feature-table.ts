/** Features of users or items beside the model: a file held in memory, found by its key column. */
import { DataError, nearestName } from "../core/index.ts";
import { readTable, type SourceSpec } from "../data/index.ts";
import { canonical, parseNumber, type RawRow, type RawValue } from "../schema/index.ts";

export interface FeatureTableOptions {
  readonly source: SourceSpec;
  /** Column that names the row: the user's or item's id. */
  readonly key: string;
}

/** Ids as one text whatever they come as: `3`, `3.0` and `"3"` are the same user. */
export function idText(id: RawValue): string | undefined {
  // Most ids are whole numbers, whose text needs no rules.
  if (Number.isSafeInteger(id)) return String(id);
  return canonical(id, { valueType: "string", trim: false });
}

export class FeatureTable {
  readonly key: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly #values: { readonly [column: string]: readonly RawValue[] };
  readonly #rowOf = new Map<string, number>();
  /** The same by number, for ids that are whole numbers: requests bring hundreds. */
  readonly #rowOfNumber = new Map<number, number>();
  readonly #numbers = new Map<string, Float64Array>();

  /** @throws DataError when the key column is not there, or a key is missing or comes twice */
  constructor(key: string, values: { readonly [column: string]: readonly RawValue[] }, where = "the table") {
    this.key = key;
    this.#values = values;
    this.columns = Object.keys(values);
    const keys = values[key];
    if (keys === undefined) {
      const near = nearestName(key, this.columns);
      throw new DataError(`${where} has no key column "${key}"`, {
        details: { column: key, columns: this.columns },
        hint: near === undefined ? `its columns: ${this.columns.join(", ")}` : `did you mean "${near}"?`,
      });
    }
    this.rows = keys.length;
    keys.forEach((value, row) => {
      const id = idText(value);
      if (id === undefined || this.#rowOf.has(id)) {
        const problem = id === undefined ? "has no key" : `has the key ${id}, as an earlier row does`;
        throw new DataError(`${where}: row ${row + 1} ${problem}`, {
          details: { row: row + 1, column: key },
        });
      }
      this.#rowOf.set(id, row);
      const number = Number(id);
      if (Number.isSafeInteger(number) && String(number) === id) this.#rowOfNumber.set(number, row);
    });
  }

  static async read({ source, key }: FeatureTableOptions): Promise<FeatureTable> {
    const { columns } = await readTable(source);
    return new FeatureTable(key, columns, source.files.join(", "));
  }

  has(column: string): boolean {
    return Object.hasOwn(this.#values, column);
  }

  /** Number of the row with this id, or -1. */
  rowOf(id: RawValue): number {
    const direct =
      typeof id === "string"
        ? this.#rowOf.get(id)
        : typeof id === "number"
          ? this.#rowOfNumber.get(id)
          : undefined;
    if (direct !== undefined) return direct;
    const text = idText(id);
    return (text === undefined ? undefined : this.#rowOf.get(text)) ?? -1;
  }

  value(row: number, column: string): RawValue {
    return this.#values[column]?.[row];
  }

  /** All values of a row by column. */
  row(row: number): RawRow {
    const values: { [column: string]: RawValue } = {};
    for (const column of this.columns) values[column] = this.#values[column][row];
    return values;
  }

  /** A column as numbers, NaN where there is none. */
  numbers(column: string): Float64Array {
    let numbers = this.#numbers.get(column);
    if (numbers === undefined) {
      numbers = Float64Array.from(this.#values[column], (value) => parseNumber(value) ?? Number.NaN);
      this.#numbers.set(column, numbers);
    }
    return numbers;
  }
}
