/**
 * Side tables: the columns of a table of users, items or the like beside each row that has its key. Keys
 * are compared as values of one type (whole numbers, numbers, times, else text in NFC). A row whose key the side
 * table does not have gets no values, and is counted; a key that stands there twice is an error.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError } from "../core/index.ts";
import { besideSource } from "./beside-source.ts";
import { keyCast } from "./raw-key.ts";
import { castSql, DUCKDB_TYPE, timeOrNull } from "./source-column-type.ts";
import { scalarTypes } from "./source-columns.ts";
import { clip } from "./source-scan.ts";
import type { JoinSpec, RawSource, SourceNote } from "./source-spec.ts";
import { queryRow, queryRows, sqlName, sqlText } from "./source-sql.ts";

/**
 * A source with the columns of a side table. The side table may be closed afterwards.
 *
 * @throws ConfigError for key columns that are not there and names that are taken; DataError for a key
 * that the side table has twice
 */
export async function joinSide(
  connection: DuckDBConnection,
  source: RawSource,
  side: RawSource,
  { on, prefix }: JoinSpec,
  scratch: string,
): Promise<RawSource> {
  const pairs = Object.entries(on);
  const keys = await keyPairs(connection, source, side, pairs);
  await checkUnique(connection, side, keys, pairs);
  const added = side.columns
    .filter(({ name }) => !Object.values(on).includes(name))
    .map((column) => ({ ...column, name: `${prefix}${column.name}`, from: column.name }));
  checkNames(source, side, added);
  const path = join(scratch, `join-${randomUUID().slice(0, 8)}.parquet`);
  const left = keys.map((pair, k) => `${pair.left} AS k${k}`);
  const right = keys.map((pair, k) => `${pair.right} AS k${k}`);
  const values = added.map(({ from, name }) => `t.${sqlName(from)} AS ${sqlName(name)}`);
  const same = keys.map((_, k) => `s.k${k} = t.k${k}`).join(" AND ");
  const selected = ['t.k0 IS NOT NULL AS "@found"', ...values].join(", ");
  try {
    await connection.run(
      `COPY (SELECT ${selected}
        FROM (SELECT row_number() OVER () AS r, ${left.join(", ")} FROM ${source.sql}) s
        LEFT JOIN (SELECT *, ${right.join(", ")} FROM ${side.sql}) t ON ${same} ORDER BY s.r)
       TO ${sqlText(path)} (FORMAT parquet)`,
    );
  } catch (cause) {
    throw source.unchecked === undefined ? cause : await source.unchecked.explain(cause);
  }
  const beside = besideSource(source, path, added);
  const notes = await missingNotes(connection, { source, side, path, pairs });
  return { ...beside, notes: [...beside.notes, ...side.notes, ...notes] };
}

function checkNames(source: RawSource, side: RawSource, added: readonly { readonly name: string }[]): void {
  const taken = new Set(source.columns.map(({ name }) => name.toLowerCase()));
  const twice = added.find(({ name }) => taken.has(name.toLowerCase()));
  if (twice === undefined) return;
  throw new ConfigError(`${side.files[0]} brings a column ${twice.name}, which ${source.files[0]} has too`, {
    details: { key: "data.joins", file: side.files[0], column: twice.name },
    hint: "set the join's prefix, such as item_",
  });
}

interface KeyPair {
  readonly left: string;
  readonly right: string;
}

/** SQL of both sides' keys, of one type. */
async function keyPairs(
  connection: DuckDBConnection,
  source: RawSource,
  side: RawSource,
  pairs: readonly (readonly [string, string])[],
): Promise<KeyPair[]> {
  const [lefts, rights] = [pairs.map(([left]) => left), pairs.map(([, right]) => right)];
  const leftTypes = await scalarTypes(connection, source, lefts, "data.joins");
  const rightTypes = await scalarTypes(connection, side, rights, "data.joins");
  return pairs.map(([left, right]) => {
    const types = [DUCKDB_TYPE[leftTypes.get(left)!], DUCKDB_TYPE[rightTypes.get(right)!]];
    const type = commonType(types);
    const key = (column: string, from: RawSource, own: string): string => {
      const duckdb = from.columns.find(({ name }) => name === column)!.type;
      const plain = keyCast(duckdb, column).sql(sqlName(column));
      // Beside times a text is one, however it is written, or no key.
      if (type === "TIMESTAMP" && own === "VARCHAR") return timeOrNull(plain);
      const value = castSql(plain, own);
      const typed = own === type ? value : castSql(value, type);
      return type === "VARCHAR" ? `nullif(nfc_normalize(${typed}), '')` : typed;
    };
    return { left: key(left, source, types[0]), right: key(right, side, types[1]) };
  });
}

function commonType([a, b]: readonly string[]): string {
  if (a === b) return a;
  const both = (...types: readonly string[]): boolean => types.includes(a) && types.includes(b);
  if (both("BIGINT", "DOUBLE")) return "DOUBLE";
  return both("TIMESTAMP", "VARCHAR") ? "TIMESTAMP" : "VARCHAR";
}

async function checkUnique(
  connection: DuckDBConnection,
  side: RawSource,
  keys: readonly KeyPair[],
  pairs: readonly (readonly [string, string])[],
): Promise<void> {
  const parts = keys.map(({ right }, k) => `${right} AS k${k}`);
  const names = keys.map((_, k) => `k${k}`);
  const present = names.map((name) => `${name} IS NOT NULL`).join(" AND ");
  const twice = await queryRows(
    connection,
    `SELECT min(r) AS first, list_sort(list(r))[2] AS second, count(*) AS count, sum(count(*)) OVER () AS rows,
            concat_ws(', ', ${names.map((name) => `CAST(${name} AS VARCHAR)`).join(", ")}) AS key
     FROM (SELECT row_number() OVER () - 1 AS r, ${parts.join(", ")} FROM ${side.sql}) WHERE ${present}
     GROUP BY ${names.join(", ")} HAVING count(*) > 1 ORDER BY first LIMIT 1`,
  );
  const [found] = twice;
  if (found === undefined) return;
  const [first, second] = await side.locate([Number(found.first), Number(found.second)]);
  const columns = pairs.map(([, right]) => right).join(", ");
  const key = clip(String(found.key));
  throw new DataError(
    `${second.file}: row ${second.row}, column ${columns}: the key ${JSON.stringify(key)} stands in row ${first.row} already`,
    {
      details: {
        file: second.file,
        row: second.row,
        column: columns,
        expected: "each key once",
        received: key,
        count: Number(found.rows),
      },
      hint: "a side table has one row a key; aggregate it, or join by more columns",
    },
  );
}

async function missingNotes(
  connection: DuckDBConnection,
  {
    source,
    side,
    path,
    pairs,
  }: {
    source: RawSource;
    side: RawSource;
    path: string;
    pairs: readonly (readonly [string, string])[];
  },
): Promise<SourceNote[]> {
  const row = await queryRow(
    connection,
    `SELECT count(*) FILTER (NOT "@found") AS missing, count(*) AS rows FROM read_parquet(${sqlText(path)}, hive_partitioning = false)`,
  );
  const missing = Number(row.missing);
  if (missing === 0) return [];
  const columns = pairs.map(([left]) => left).join(", ");
  const text = `${side.files[0]} does not have the key (${columns}) of ${missing} of ${row.rows} rows of ${source.files[0]}`;
  return [{ kind: "join-missing", file: side.files[0], column: pairs[0][0], count: missing, text }];
}
