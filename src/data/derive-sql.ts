/**
 * Derivations in SQL: the database calls the function that the row encoder uses, a few thousand rows at a
 * time, so that both see the same values and give the same.
 */
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBListValue,
  DuckDBScalarFunction,
  type DuckDBValue,
  LIST,
  listValue,
  VARCHAR,
} from "@duckdb/node-api";
import type { Derivation, DerivedArgument, DerivedType, RawScalar, RawValue } from "../schema/index.ts";
import type { KeyType } from "./key-table.ts";
import { keyCast } from "./raw-key.ts";
import { requireColumn } from "./source-columns.ts";
import type { RawSource } from "./source-spec.ts";
import { sqlName } from "./source-sql.ts";

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

/**
 * The SQL of a derivation over a source's columns.
 *
 * @param user what derives, for messages
 * @throws ConfigError for columns that are not there, or of a type that does not fit
 */
export function derivedSql(
  connection: DuckDBConnection,
  source: RawSource,
  derived: Derivation,
  user: string,
): { readonly sql: string; readonly type: string } {
  const inputs = derived.arguments.map((argument) => inputOf(source, argument, user));
  const name = register(connection, derived, inputs);
  return {
    sql: `${sqlName(name)}(${inputs.map(({ sql }) => sql).join(", ")})`,
    type: SQL_TYPES[derived.type],
  };
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
