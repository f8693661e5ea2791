/**
 * Encoding one split: ranges of staged rows, one Parquet part each, with the columns of the batch
 * layout (lists ragged). A part is built from small tables in memory, a few columns at a time, so that
 * memory does not grow with the split; rows keep their order.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../core/index.ts";
import {
  type BatchColumn,
  type FeatureMap,
  FIRST_VALUE_ID,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
} from "../schema/index.ts";
import { type EncodePlan, encodePlan, type KeyedColumn, type ListColumn } from "./encode-plan.ts";
import type { Session } from "./session.ts";
import { literalPath } from "./source-files.ts";
import { queryRow, queryRows, sqlName, sqlText } from "./source-sql.ts";
import { ROW, type StagedTable, stagedRows } from "./stage.ts";
import { idSql, type KeyMap, mapKeys } from "./vocabulary.ts";

/** Rows of a block, the unit of shuffling: a row group of a part. */
export const BLOCK_ROWS = 65_536;

export interface FeatureReport {
  /** Rows (entries, for lists) without a value. */
  readonly missing: number;
  /** Rows (entries) whose value no vocabulary knows. */
  readonly outOfVocabulary: number;
  /** Of the missing ones, numbers that are not finite or text that is no number. */
  readonly unusable: number;
}

export interface StoredPart {
  /** Relative to the dataset's folder. */
  readonly file: string;
  readonly rows: number;
}

export interface StoredSplit {
  readonly rows: number;
  readonly layout: readonly BatchColumn[];
  readonly parts: readonly StoredPart[];
  /** Bytes of an encoded row in memory, lists at their mean length. */
  readonly rowBytes: number;
  /** Rows left out under `on_bad_row: drop`. */
  readonly dropped: number;
  readonly features: { readonly [feature: string]: FeatureReport };
  /** Mean of each label. */
  readonly labelMeans: { readonly [label: string]: number };
}

export interface EncodeSplitOptions {
  readonly map: FeatureMap;
  readonly vocabularies: ReadonlyMap<string, string>;
  readonly staged: StagedTable;
  /** Rows of the split, all of them usable. */
  readonly condition: string | undefined;
  /** Rows left out before. */
  readonly dropped: number;
  readonly keep: readonly string[];
  /** Folder of the dataset, and the split's folder in it. */
  readonly directory: string;
  readonly name: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bytes that the tables of one part may take, about. */
const PART_BYTES = 192 * 2 ** 20;

export async function encodeSplit(session: Session, options: EncodeSplitOptions): Promise<StoredSplit> {
  const { map, staged, condition, directory, name, keep, dropped, onProgress = () => {} } = options;
  const { connection } = session;
  const plan = encodePlan(map, staged, keep);
  const maps = await keyMaps(session, options, plan, condition);
  mkdirSync(join(directory, name), { recursive: true });
  const { rows, rowBytes } = await measure(session, plan, staged, condition);
  const share = staged.rows === 0 ? 1 : rows / staged.rows;
  const blocks = Math.max(1, Math.floor(PART_BYTES / (rowBytes * 2) / BLOCK_ROWS));
  const step = Math.max(BLOCK_ROWS, Math.floor((blocks * BLOCK_ROWS) / Math.max(share, 1e-3)));
  const parts: StoredPart[] = [];
  const counts = new SplitCounts(plan);
  for (let low = 0; low < staged.rows; low += step) {
    const range = `file_row_number >= ${low} AND file_row_number < ${low + step}`;
    const within = condition === undefined ? range : `${range} AND (${condition})`;
    const file = join(name, `part-${String(parts.length).padStart(5, "0")}.parquet`);
    const partRows = await encodePart(session, plan, staged, within, maps, join(directory, file), counts);
    if (partRows > 0) parts.push({ file, rows: partRows });
    onProgress(Math.min(low + step, staged.rows), staged.rows);
  }
  for (const { table } of maps.values()) await connection.run(`DROP TABLE IF EXISTS ${table}`);
  const unusable = await unusableCounts(session, plan, staged, condition);
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    layout: plan.layout,
    parts,
    rowBytes,
    dropped,
    features: counts.features(unusable),
    labelMeans: counts.labelMeans(map),
  };
}

async function measure(
  session: Session,
  plan: EncodePlan,
  staged: StagedTable,
  condition: string | undefined,
): Promise<{ rows: number; rowBytes: number }> {
  const lengths = plan.lists.map(({ sql }, k) => `sum(len(${sql})) AS l${k}`);
  const row = await queryRow(
    session.connection,
    `SELECT ${["count(*) AS rows", ...lengths].join(", ")} FROM ${stagedRows(staged, staged.types.keys(), condition)}`,
  );
  const rows = Number(row.rows);
  const listBytes = plan.lists.map(({ name }, k) => {
    const aged = plan.layout.some((column) => column.name === `${name}.age`);
    return (Number(row[`l${k}`] ?? 0) / Math.max(rows, 1)) * (aged ? 8 : 4);
  });
  const listNames = new Set(plan.lists.flatMap(({ name }) => [name, `${name}.age`]));
  const fixed = plan.layout
    .filter(({ name }) => !listNames.has(name))
    .reduce((sum, { dtype, width }) => sum + width * (dtype === "float64" ? 8 : 4), 0);
  return { rows, rowBytes: Math.ceil(listBytes.reduce((sum, bytes) => sum + bytes, fixed)) };
}

async function keyMaps(
  session: Session,
  { map, vocabularies, staged }: EncodeSplitOptions,
  plan: EncodePlan,
  condition: string | undefined,
): Promise<Map<string, KeyMap>> {
  const rows = stagedRows(staged, staged.types.keys(), condition);
  const maps = new Map<string, KeyMap>();
  for (const [k, column] of [...plan.keyed, ...plan.lists].entries()) {
    const table = `map_${k}`;
    const raw = "feature" in column ? `unnest(${column.sql})` : column.sql;
    const keys = { type: column.cast.type, sql: `SELECT ${raw} AS raw FROM ${rows}` };
    if (column.encoder === undefined) {
      maps.set(column.name, await mapGroups(session, table, keys.sql, column));
      continue;
    }
    const encoder = map.encoders[column.encoder];
    maps.set(column.name, await mapKeys(session, table, vocabularies.get(column.encoder), keys, encoder));
  }
  return maps;
}

/** Numbers groups 0, 1, … in the order of their keys; the group of rows without one is the last. */
async function mapGroups(
  session: Session,
  table: string,
  keys: string,
  { cast }: KeyedColumn,
): Promise<KeyMap> {
  await session.connection.run(
    `CREATE OR REPLACE TABLE ${table} AS
     SELECT raw, CAST(row_number() OVER (ORDER BY raw) - 1 AS INTEGER) AS id
     FROM (SELECT DISTINCT raw FROM (${keys}) WHERE raw IS NOT NULL)`,
  );
  const { size } = await queryRow(session.connection, `SELECT count(*) AS size FROM ${table}`);
  return { table, type: cast.type, size: Number(size), range: undefined };
}

/** Look-ups of a query: large tables each on its own, small ones together. */
const JOINT_SIZE = 30_000;
const JOINT_COLUMNS = 8;

async function encodePart(
  session: Session,
  plan: EncodePlan,
  staged: StagedTable,
  condition: string,
  maps: ReadonlyMap<string, KeyMap>,
  path: string,
  counts: SplitCounts,
): Promise<number> {
  const { connection } = session;
  const rows = stagedRows(staged, staged.types.keys(), condition);
  const plain = plan.plain.map(({ name, sql }) => `${sql} AS ${sqlName(name)}`);
  await connection.run(`CREATE OR REPLACE TABLE part_0 AS SELECT ${[ROW, ...plain].join(", ")} FROM ${rows}`);
  const { count } = await queryRow(connection, "SELECT count(*) AS count FROM part_0");
  if (Number(count) === 0) return 0;
  const tables = ["part_0"];
  for (const group of joinGroups(plan.keyed, maps)) {
    const table = `part_${tables.length}`;
    tables.push(table);
    await encodeKeyed(session, table, rows, group, maps);
  }
  for (const column of plan.lists) {
    const table = `part_${tables.length}`;
    tables.push(table);
    await encodeList(session, table, rows, column, maps.get(column.name)!);
  }
  const columns = plan.layout.filter(
    ({ name }) => !plan.lists.some((list) => name === `${list.name}.length`),
  );
  const selected = columns.map(({ name }) => sqlName(name)).join(", ");
  const from = tables.map((table) => `(SELECT * EXCLUDE (${ROW}) FROM ${table})`);
  from[0] = "part_0";
  await connection.run(
    `COPY (SELECT ${selected} FROM ${from.join(" POSITIONAL JOIN ")}) TO ${sqlText(path)}
     (FORMAT parquet, ROW_GROUP_SIZE ${BLOCK_ROWS})`,
  );
  await counts.add(session, path);
  for (const table of tables) await connection.run(`DROP TABLE ${table}`);
  return Number(count);
}

function joinGroups(columns: readonly KeyedColumn[], maps: ReadonlyMap<string, KeyMap>): KeyedColumn[][] {
  const groups: KeyedColumn[][] = [];
  let small: KeyedColumn[] = [];
  for (const column of columns) {
    if (maps.get(column.name)!.size > JOINT_SIZE) {
      groups.push([column]);
      continue;
    }
    small.push(column);
    if (small.length < JOINT_COLUMNS) continue;
    groups.push(small);
    small = [];
  }
  if (small.length > 0) groups.push(small);
  return groups;
}

/** Ids of scalar columns; the join loses the order of rows, the sort restores it. */
async function encodeKeyed(
  session: Session,
  table: string,
  rows: string,
  columns: readonly KeyedColumn[],
  maps: ReadonlyMap<string, KeyMap>,
): Promise<void> {
  const keys = columns.map(({ sql }, k) => `${sql} AS k${k}`);
  const ids = columns.map(({ name, encoder }, k) => {
    // The group without a key comes after all others.
    const id =
      encoder === undefined ? `coalesce(m${k}.id, ${maps.get(name)!.size})` : idSql(`r.k${k}`, `m${k}`);
    return `${id} AS ${sqlName(name)}`;
  });
  const joins = columns.map(
    ({ name }, k) => `LEFT JOIN ${maps.get(name)!.table} m${k} ON r.k${k} = m${k}.raw`,
  );
  await session.connection.run(
    `CREATE OR REPLACE TABLE ${table} AS
     SELECT r.${ROW}, ${ids.join(", ")} FROM (SELECT ${ROW}, ${keys.join(", ")} FROM ${rows}) r ${joins.join(" ")}
     ORDER BY r.${ROW}`,
  );
}

/** Integer keys in a range no wider than this are looked up by position in one array. */
const LARGEST_RANGE = 2 ** 22;

async function encodeList(
  session: Session,
  table: string,
  rows: string,
  column: ListColumn,
  map: KeyMap,
): Promise<void> {
  const { range } = map;
  const span = range === undefined ? Number.POSITIVE_INFINITY : range.high - range.low + 1;
  const dense = span <= Math.min(LARGEST_RANGE, Math.max(65_536, 16 * map.size));
  const name = sqlName(column.name);
  if (dense && range !== undefined) {
    await encodeListByPosition(session, table, rows, column, map, range);
  } else {
    // Position and id in one integer: sorting it brings each row's entries back into their order.
    const keep = column.feature.kind === "bag" ? ` WHERE id <> ${MISSING_ID}` : "";
    await session.connection.run(
      `CREATE OR REPLACE TABLE ${table}_lists AS
       SELECT ${ROW}, list_transform(list_sort(list((pos << 32) | id)), e -> CAST(e & 4294967295 AS INTEGER)) AS ids
       FROM (
         SELECT r.${ROW}, r.pos, CAST(${idSql("r.raw", "m")} AS BIGINT) AS id
         FROM (SELECT ${ROW}, unnest(l) AS raw, CAST(generate_subscripts(l, 1) AS BIGINT) AS pos
               FROM (SELECT ${ROW}, ${column.sql} AS l FROM ${rows})) r
         LEFT JOIN ${map.table} m ON r.raw = m.raw
       )${keep} GROUP BY ${ROW}`,
    );
    await session.connection.run(
      `CREATE OR REPLACE TABLE ${table} AS
       SELECT b.${ROW}, coalesce(l.ids, []) AS ${name}
       FROM part_0 b LEFT JOIN ${table}_lists l ON b.${ROW} = l.${ROW} ORDER BY b.${ROW}`,
    );
    await session.connection.run(`DROP TABLE ${table}_lists`);
  }
}

async function encodeListByPosition(
  session: Session,
  table: string,
  rows: string,
  { name, sql, feature }: ListColumn,
  map: KeyMap,
  { low, high }: { readonly low: number; readonly high: number },
): Promise<void> {
  const { connection } = session;
  await connection.run(
    `CREATE OR REPLACE TABLE ${table}_ids AS
     SELECT list(coalesce(m.id, ${OUT_OF_VOCABULARY_ID}) ORDER BY x) AS ids
     FROM range(${low}, ${high + 1}) AS all_keys(x) LEFT JOIN ${map.table} m ON m.raw = x`,
  );
  const known = `WHEN e BETWEEN ${low} AND ${high} THEN list_extract(t.ids, e - (${low}) + 1)`;
  const id = `CASE ${known} WHEN e IS NULL THEN ${MISSING_ID} ELSE ${OUT_OF_VOCABULARY_ID} END`;
  let list = `list_transform(r.l, e -> CAST(${id} AS INTEGER))`;
  if (feature.kind === "bag") list = `list_filter(${list}, e -> e <> ${MISSING_ID})`;
  const query = `SELECT r.${ROW}, ${list} AS ${sqlName(name)} FROM (SELECT ${ROW}, ${sql} AS l FROM ${rows}) r, ${table}_ids t`;
  await connection.run(`CREATE OR REPLACE TABLE ${table} AS ${query}`);
  // Nothing promises that the product keeps the order, and sorting long lists costs more than a look.
  const { moved } = await queryRow(
    connection,
    `SELECT count(*) AS moved FROM (SELECT ${ROW} AS a FROM part_0) POSITIONAL JOIN (SELECT ${ROW} AS b FROM ${table})
     WHERE a IS DISTINCT FROM b`,
  );
  if (Number(moved) > 0)
    await connection.run(`CREATE OR REPLACE TABLE ${table} AS ${query} ORDER BY r.${ROW}`);
  await connection.run(`DROP TABLE ${table}_ids`);
}

async function unusableCounts(
  session: Session,
  { unusable }: EncodePlan,
  staged: StagedTable,
  condition: string | undefined,
): Promise<Map<string, number>> {
  if (unusable.length === 0) return new Map();
  const terms = unusable.map(({ sql }, k) => `count(*) FILTER (${sql}) AS u${k}`);
  const row = await queryRow(
    session.connection,
    `SELECT ${terms.join(", ")} FROM ${stagedRows(staged, staged.types.keys(), condition)}`,
  );
  return new Map(unusable.map(({ name }, k) => [name, Number(row[`u${k}`])]));
}

/** Sums over the parts of a split: missing and unknown values, and labels. */
class SplitCounts {
  readonly #terms: { readonly key: string; readonly sql: string }[] = [];
  readonly #sums = new Map<string, number>();
  #rows = 0;

  constructor(plan: EncodePlan) {
    const lists = new Set(plan.lists.map(({ name }) => name));
    for (const { name, role, dtype } of plan.layout) {
      const x = sqlName(name);
      const add = (what: string, sql: string): void => {
        this.#terms.push({ key: `${what}\0${name}`, sql });
      };
      if (role === "label") add("label", `sum(CAST(${x} AS DOUBLE))`);
      if (role !== "feature" || dtype === "float32") {
        if (name.endsWith(".missing") && role === "feature") {
          this.#terms.push({
            key: `missing\0${name.slice(0, -".missing".length)}`,
            sql: `count(*) FILTER (${x} = 1)`,
          });
        }
        continue;
      }
      if (name.endsWith(".length") && lists.has(name.slice(0, -".length".length))) continue;
      const count = (id: number): string =>
        lists.has(name) ? `sum(len(list_filter(${x}, e -> e = ${id})))` : `count(*) FILTER (${x} = ${id})`;
      add("missing", count(MISSING_ID));
      add("outOfVocabulary", count(OUT_OF_VOCABULARY_ID));
    }
    assert(FIRST_VALUE_ID > OUT_OF_VOCABULARY_ID, "reserved ids come first");
  }

  async add(session: Session, path: string): Promise<void> {
    const terms = ["count(*) AS rows", ...this.#terms.map(({ sql }, k) => `${sql} AS t${k}`)];
    const [row] = await queryRows(
      session.connection,
      `SELECT ${terms.join(", ")} FROM read_parquet(${sqlText(literalPath(path))})`,
    );
    this.#rows += Number(row.rows);
    this.#terms.forEach(({ key }, k) => {
      this.#sums.set(key, (this.#sums.get(key) ?? 0) + Number(row[`t${k}`] ?? 0));
    });
  }

  features(unusable: ReadonlyMap<string, number>): Record<string, FeatureReport> {
    const reports: Record<string, FeatureReport> = {};
    for (const { key } of this.#terms) {
      const [what, name] = key.split("\0");
      if (what !== "missing") continue;
      reports[name] = {
        missing: this.#sums.get(key) ?? 0,
        outOfVocabulary: this.#sums.get(`outOfVocabulary\0${name}`) ?? 0,
        unusable: unusable.get(name) ?? 0,
      };
    }
    return reports;
  }

  labelMeans({ labels }: FeatureMap): Record<string, number> {
    const means: Record<string, number> = {};
    for (const { name } of labels) {
      const sum = this.#sums.get(`label\0${name}`);
      if (sum !== undefined && this.#rows > 0) means[name] = sum / this.#rows;
    }
    return means;
  }
}
