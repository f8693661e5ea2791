/**
 * Derived columns of a source: the database calls the function that the row encoder uses, a few thousand
 * rows at a time, so that both see the same values and give the same. Counts over time are made in SQL
 * (`past-counts.ts`), since they look at other rows.
 */
import { BIGINT, BOOLEAN, DOUBLE, type DuckDBConnection, DuckDBListValue } from "@duckdb/node-api";
import { DuckDBScalarFunction, type DuckDBValue, LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { ConfigError } from "../core/index.ts";
import {
  type DerivedColumn,
  type Derivation,
  type DerivedArgument,
  type DerivedType,
  derivation,
  type RawScalar,
  type RawValue,
} from "../schema/index.ts";
import { addPastCounts, type PastRows } from "./past-counts.ts";
import type { KeyType } from "./key-table.ts";
import { keyCast } from "./raw-key.ts";
import { requireColumn } from "./source-columns.ts";
import { rawColumn } from "./source-column-type.ts";
import type { RawSource } from "./source-spec.ts";
import { sqlName } from "./source-sql.ts";

export interface DeriveOptions {
  /** Folder for files that must stay until the source is closed. */
  readonly scratch: string;
  /** Rows of earlier sources that counts see, too; this source's are added. */
  readonly past: PastRows;
}

/**
 * A source with one more column.
 *
 * @throws ConfigError for columns that are not there, of a type that does not fit, or of the new column's name
 */
export async function addDerivedColumn(
  connection: DuckDBConnection,
  source: RawSource,
  column: DerivedColumn,
  { scratch, past }: DeriveOptions,
): Promise<RawSource> {
  const there = source.columns.some(({ name }) => name === column.name);
  if (column.kind === "count") {
    // Whoever brings the counts along has them from a store, as a row that is served.
    return there ? source : addPastCounts(connection, source, column, { scratch, past });
  }
  if (source.columns.some(({ name }) => name.toLowerCase() === column.name.toLowerCase())) {
    throw new ConfigError(`${source.files[0]} has a column ${column.name}, which the config derives`, {
      details: { key: "derived", file: source.files[0], column: column.name },
      hint: "name the derived column otherwise",
    });
  }
  const derived = derivation(column);
  const inputs = derived.arguments.map((argument) => inputOf(source, argument, `derived ${column.name}`));
  const name = register(connection, derived, inputs);
  const made = `${sqlName(name)}(${inputs.map(({ sql }) => sql).join(", ")}) AS ${sqlName(column.name)}`;
  return {
    ...source,
    columns: [...source.columns, rawColumn(column.name, SQL_TYPES[derived.type])],
    sql: `(SELECT *, ${made} FROM ${source.sql})`,
  };
}

/** A source with derived columns, in their order. */
export async function addDerivedColumns(
  connection: DuckDBConnection,
  source: RawSource,
  columns: readonly DerivedColumn[],
  options: DeriveOptions,
): Promise<RawSource> {
  let made = source;
  for (const column of columns) made = await addDerivedColumn(connection, made, column, options);
  return made;
}

const SQL_TYPES: Readonly<Record<DerivedType, string>> = {
  text: "VARCHAR",
  number: "DOUBLE",
  texts: "VARCHAR[]",
};
const RETURN_TYPES = { text: VARCHAR, number: DOUBLE, texts: LIST(VARCHAR) } as const;
const KEY_TYPES = { VARCHAR, BIGINT, DOUBLE, BOOLEAN } as const;

interface Input {
  readonly sql: string;
  readonly type: KeyType;
  readonly isList: boolean;
}

/** A column as an argument: its own type where JavaScript has it, else as text. */
function inputOf(source: RawSource, { column, list }: DerivedArgument, user: string): Input {
  const { type } = requireColumn(source, column, user);
  const x = sqlName(column);
  if (!list || !type.endsWith("[]")) {
    const cast = keyCast(type, column);
    return { sql: cast.sql(x), type: cast.type, isList: false };
  }
  const cast = keyCast(type.slice(0, -2), column);
  const entry = cast.sql("e");
  return { sql: entry === "e" ? x : `list_transform(${x}, e -> ${entry})`, type: cast.type, isList: true };
}

let registered = 0;

/** Makes the function known to the database; its name. */
function register(connection: DuckDBConnection, derived: Derivation, inputs: readonly Input[]): string {
  const name = `derive ${++registered}`;
  const values: RawValue[] = inputs.map(() => undefined);
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name,
      parameterTypes: inputs.map(({ type, isList }) => (isList ? LIST(KEY_TYPES[type]) : KEY_TYPES[type])),
      returnType: RETURN_TYPES[derived.type],
      // NULL is a value like others to a derivation.
      specialHandling: true,
      mainFunction(_, chunk, output) {
        const columns = inputs.map((_, k) => chunk.getColumnValues(k));
        for (let row = 0; row < chunk.rowCount; row++) {
          for (let k = 0; k < columns.length; k++) values[k] = rawValue(columns[k][row]);
          output.setItem(row, cellOf(derived.compute(values)));
        }
        output.flush();
      },
    }),
  );
  return name;
}

function rawValue(value: DuckDBValue): RawValue {
  return value instanceof DuckDBListValue ? (value.items as readonly RawScalar[]) : (value as RawScalar);
}

function cellOf(value: ReturnType<Derivation["compute"]>): DuckDBValue {
  if (value === undefined) return null;
  return typeof value === "object" ? listValue([...value]) : value;
}
