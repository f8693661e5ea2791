/**
 * Vocabularies and the tables that map raw keys to ids. The bulk stays in SQL; what SQL cannot bring
 * into canonical form itself (see `raw-key.ts`), and every value of a hashed vocabulary, goes through
 * the TypeScript code that the serving encoder uses, once for each distinct key.
 */
import type { DuckDBValue } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import {
  canonical,
  type CanonicalForm,
  canonicalLookup,
  FIRST_VALUE_ID,
  type IdEncoder,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
  type RawScalar,
} from "../schema/index.ts";
import { streamColumn, TableLoader } from "./load-table.ts";
import { type KeyType, keyOfPrint, notOwnPrint, ownPrint } from "./raw-key.ts";
import type { Session } from "./session.ts";
import { queryRow, queryRows } from "./source-sql.ts";

/** Values of one raw column that an encoder reads: SQL of a one-column table `raw`, NULLs allowed. */
export interface KeyColumn {
  readonly type: KeyType;
  /** A query, `SELECT … AS raw FROM …`. */
  readonly sql: string;
}

export interface VocabularyOptions {
  readonly minCount: number;
  readonly maxSize: number | undefined;
}

export interface FittedVocabulary {
  readonly values: readonly string[];
  /** Distinct canonical values of the training split. */
  readonly distinct: number;
  /** Values left out because they came less often than `minCount`. */
  readonly rare: number;
  /** Values left out because the vocabulary was full. */
  readonly overflow: number;
}

/** A `Map` holds no more entries; the serving encoder could not index a longer list. */
const LARGEST_VOCABULARY = 2 ** 24 - 8;

/**
 * Fits a list vocabulary on columns of the training split and leaves it in `table (text, id)`. The
 * order is by descending count, ties by code points, so that it does not depend on threads.
 */
export async function fitVocabulary(
  session: Session,
  table: string,
  columns: readonly KeyColumn[],
  form: CanonicalForm,
  { minCount, maxSize }: VocabularyOptions,
): Promise<FittedVocabulary> {
  const counts: string[] = [];
  const temporary: string[] = [];
  for (const [k, { type, sql }] of columns.entries()) {
    const keys = `${table}_keys${k}`;
    temporary.push(keys);
    await session.connection.run(
      `CREATE OR REPLACE TABLE ${keys} AS
       SELECT raw, count(*) AS n FROM (${sql}) WHERE raw IS NOT NULL GROUP BY raw`,
    );
    const special = notOwnPrint(type, "raw", form);
    const where = special === "false" ? "" : ` WHERE NOT ${special}`;
    counts.push(`SELECT ${ownPrint(type, "raw")} AS text, n FROM ${keys}${where}`);
    if (special === "false") continue;
    const aliases = `${table}_alias${k}`;
    const found = await loadCanonical(
      session,
      aliases,
      type,
      `SELECT raw FROM ${keys} WHERE ${special}`,
      form,
    );
    temporary.push(aliases);
    if (found > 0) {
      counts.push(
        `SELECT a.text, k.n FROM ${aliases} a JOIN ${keys} k ON a.raw = k.raw WHERE a.text IS NOT NULL`,
      );
    }
  }
  const all =
    counts.length === 1
      ? counts[0]
      : `SELECT text, CAST(sum(n) AS BIGINT) AS n FROM (${counts.join(" UNION ALL ")}) GROUP BY text`;
  const limit = maxSize === undefined ? "" : ` LIMIT ${maxSize}`;
  await session.connection.run(
    `CREATE OR REPLACE TABLE ${table} AS
     SELECT text, CAST(row_number() OVER (ORDER BY n DESC, text) + ${FIRST_VALUE_ID - 1} AS INTEGER) AS id
     FROM (${all}) WHERE n >= ${minCount} ORDER BY n DESC, text${limit}`,
  );
  const totals = await queryRow(
    session.connection,
    `SELECT count(*) AS total, count(*) FILTER (n < ${minCount}) AS rare, (SELECT count(*) FROM ${table}) AS kept
     FROM (${all})`,
  );
  const kept = Number(totals.kept);
  if (kept > LARGEST_VOCABULARY) throw tooLarge(kept);
  const values = await readVocabulary(session, table, kept);
  for (const name of temporary) await session.connection.run(`DROP TABLE IF EXISTS ${name}`);
  const distinct = Number(totals.total);
  const rare = Number(totals.rare);
  return { values, distinct, rare, overflow: distinct - rare - kept };
}

function tooLarge(size: number): DataError {
  return new DataError(`a vocabulary of ${size} values is too large for one list`, {
    details: { expected: `at most ${LARGEST_VOCABULARY} values`, received: size },
    hint: "set min_count or max_size, or use hash_buckets",
  });
}

async function readVocabulary(session: Session, table: string, size: number): Promise<string[]> {
  const values: string[] = new Array(size);
  let at = 0;
  for await (const texts of streamColumn(session.connection, `SELECT text FROM ${table} ORDER BY id`)) {
    for (const text of texts) values[at++] = text as string;
  }
  return values;
}

/** Writes a vocabulary that was fitted elsewhere into `table (text, id)`. */
export async function loadVocabulary(
  session: Session,
  table: string,
  values: readonly string[],
): Promise<void> {
  const loader = await TableLoader.create(session.writer, table, "text VARCHAR, id INTEGER");
  values.forEach((text, index) => {
    loader.add(text, FIRST_VALUE_ID + index);
  });
  loader.close();
}

/** Canonical forms of distinct keys into `table (raw, text)`; returns how many keys there were. */
async function loadCanonical(
  session: Session,
  table: string,
  type: KeyType,
  distinctKeys: string,
  form: CanonicalForm,
): Promise<number> {
  const loader = await TableLoader.create(session.writer, table, `raw ${type}, text VARCHAR`);
  let count = 0;
  for await (const keys of streamColumn(session.connection, distinctKeys)) {
    for (const key of keys) loader.add(key, canonical(key as RawScalar, form) ?? null);
    count += keys.length;
  }
  loader.close();
  return count;
}

/** A table `(raw, id)`: keys that are missing or known. NULL is missing, every other key is out of vocabulary. */
export interface KeyMap {
  readonly table: string;
  readonly type: KeyType;
  readonly size: number;
  /** Range of integer keys, for look-up by position. */
  readonly range: { readonly low: number; readonly high: number } | undefined;
}

/**
 * Maps the keys of one column of one split to ids.
 *
 * @param vocabulary table `(text, id)` of a list vocabulary
 */
export async function mapKeys(
  session: Session,
  table: string,
  vocabulary: string | undefined,
  { type, sql }: KeyColumn,
  encoder: IdEncoder,
): Promise<KeyMap> {
  if (encoder.vocabulary.type === "hash" || vocabulary === undefined) {
    await mapHashed(session, table, { type, sql }, encoder);
  } else {
    const special = notOwnPrint(type, "raw", encoder);
    const key = keyOfPrint(type, "text");
    const plain = special === "false" ? "true" : `NOT ${special}`;
    await session.connection.run(
      `CREATE OR REPLACE TABLE ${table} AS
       SELECT raw, id FROM (SELECT ${key} AS raw, id FROM ${vocabulary}) WHERE raw IS NOT NULL AND ${plain}`,
    );
    if (special !== "false") {
      const aliases = `${table}_alias`;
      const distinct = `SELECT DISTINCT raw FROM (${sql}) WHERE raw IS NOT NULL AND ${special}`;
      if ((await loadCanonical(session, aliases, type, distinct, encoder)) > 0) {
        await session.connection.run(
          `INSERT INTO ${table}
           SELECT a.raw, CASE WHEN a.text IS NULL THEN ${MISSING_ID} ELSE v.id END AS id
           FROM ${aliases} a LEFT JOIN ${vocabulary} v ON a.text = v.text WHERE a.text IS NULL OR v.id IS NOT NULL`,
        );
      }
      await session.connection.run(`DROP TABLE ${aliases}`);
    }
  }
  const integers = type === "BIGINT" ? ", min(raw) AS low, max(raw) AS high" : "";
  const [{ size, low, high }] = await queryRows(
    session.connection,
    `SELECT count(*) AS size${integers} FROM ${table}`,
  );
  const known =
    low !== null &&
    low !== undefined &&
    Number.isSafeInteger(Number(low)) &&
    Number.isSafeInteger(Number(high));
  return {
    table,
    type,
    size: Number(size),
    range: known ? { low: Number(low), high: Number(high) } : undefined,
  };
}

async function mapHashed(
  session: Session,
  table: string,
  { type, sql }: KeyColumn,
  encoder: IdEncoder,
): Promise<void> {
  const lookup = canonicalLookup(encoder);
  const loader = await TableLoader.create(session.writer, table, `raw ${type}, id INTEGER`);
  for await (const keys of streamColumn(
    session.connection,
    `SELECT DISTINCT raw FROM (${sql}) WHERE raw IS NOT NULL`,
  )) {
    for (const key of keys) {
      const text = canonical(key as RawScalar, encoder);
      loader.add(key as DuckDBValue, text === undefined ? MISSING_ID : lookup(text));
    }
  }
  loader.close();
}

/** SQL of an id from a key map joined as `m` to a row whose key is `raw`. */
export function idSql(raw: string, map: string): string {
  return `CAST(CASE WHEN ${raw} IS NULL THEN ${MISSING_ID} ELSE coalesce(${map}.id, ${OUT_OF_VOCABULARY_ID}) END AS INTEGER)`;
}
