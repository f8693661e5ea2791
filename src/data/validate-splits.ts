/** Checks across rows and splits: sizes, duplicates, overlap, order of time, groups. */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { TimestampUnit } from "../schema/index.ts";
import { timeSql } from "./number-sql.ts";
import { queryRow, sqlName } from "./source-sql.ts";
import { type ProblemList, ROW, rowsOf, type SplitRows } from "./validate-report.ts";

/** Fewer rows than this make figures that say little. */
const TINY = 100;

export async function checkSize(split: SplitRows, rows: number, problems: ProblemList): Promise<void> {
  if (rows === 0) {
    problems.add(
      {
        kind: "empty-split",
        severity: "error",
        message: `the ${split.name} split has no rows`,
        effect: "training stops",
        file: split.source.files[0],
        hint: "check data.split against the files",
      },
      split.name,
    );
  } else if (rows < TINY) {
    problems.add(
      {
        kind: "tiny-split",
        severity: "warning",
        message: `the ${split.name} split has ${rows} rows only`,
        effect: "nothing",
        count: rows,
      },
      split.name,
    );
  }
}

/** A hash of each row over the staged columns that both splits have. */
function rowHashes(split: SplitRows, columns: readonly string[]): string {
  const values = columns.map((column) => sqlName(column)).join(", ");
  return `SELECT hash(${values}) AS h FROM ${rowsOf(split, columns)}`;
}

/** Equal rows within a split. */
export async function checkDuplicates(
  connection: DuckDBConnection,
  split: SplitRows,
  problems: ProblemList,
): Promise<void> {
  const columns = [...split.types.keys()];
  if (columns.length === 0) return;
  const row = await queryRow(
    connection,
    `SELECT count(*) AS rows, count(DISTINCT h) AS different FROM (${rowHashes(split, columns)})`,
  );
  const [rows, different] = [Number(row.rows), Number(row.different)];
  const extra = rows - different;
  if (extra === 0) return;
  problems.add(
    {
      kind: "duplicate-rows",
      severity: extra > 0.5 * rows ? "warning" : "info",
      message: `${extra} of ${rows} rows are equal to an earlier one in all ${columns.length} used columns`,
      effect: "nothing",
      count: extra,
      hint: "if events are logged twice, make the rows unique first; without time or id columns equal rows may be honest",
    },
    split.name,
  );
}

/** Rows that two splits have in common. */
export async function checkOverlap(
  connection: DuckDBConnection,
  first: SplitRows,
  second: SplitRows,
  problems: ProblemList,
): Promise<void> {
  const columns = [...second.types.keys()].filter(
    (column) => first.types.get(column) === second.types.get(column),
  );
  if (columns.length === 0) return;
  const row = await queryRow(
    connection,
    `SELECT (SELECT count(*) FROM (${rowHashes(first, columns)})) AS a, count(*) AS b,
            count(*) FILTER (h IN (${rowHashes(first, columns)})) AS both,
            (SELECT coalesce(sum(h::HUGEINT), 0) FROM (${rowHashes(first, columns)})) = coalesce(sum(h::HUGEINT), 0) AS equal
     FROM (${rowHashes(second, columns)})`,
  );
  const [a, b, both] = [row.a, row.b, row.both].map(Number);
  if (both === 0) return;
  if (row.equal === true && a === b) {
    problems.add(
      {
        kind: "identical-splits",
        severity: "warning",
        message: `${first.name} and ${second.name} are the same ${a} rows: figures of ${second.name} are not those of unseen data`,
        effect: "nothing",
        count: a,
        hint: "choose models on validation rows that the test does not have",
      },
      second.name,
    );
    return;
  }
  problems.add(
    {
      kind: "overlapping-splits",
      severity: both > 0.01 * b ? "warning" : "info",
      message: `${both} of ${b} ${second.name} rows are in ${first.name}, too (equal in all used columns)`,
      effect: "nothing",
      count: both,
      hint: "rows that occur twice may fall on both sides; make rows unique before splitting",
    },
    second.name,
  );
}

/** Times that run backwards in the file, and splits that reach into each other's time. */
export async function checkTimes(
  connection: DuckDBConnection,
  splits: readonly SplitRows[],
  column: string,
  unit: TimestampUnit,
  problems: ProblemList,
): Promise<void> {
  const ranges: { split: SplitRows; first: number; last: number }[] = [];
  for (const split of splits) {
    const type = split.types.get(column);
    if (type === undefined) continue;
    const time = timeSql(sqlName(column), type, unit, column);
    const row = await queryRow(
      connection,
      `SELECT min(t) AS first, max(t) AS last, count(*) FILTER (t < before) AS back, count(*) AS rows
       FROM (SELECT t, lag(t) OVER (ORDER BY ${ROW}) AS before
             FROM (SELECT ${ROW}, ${time} AS t FROM ${rowsOf(split, [column])}))`,
    );
    if (row.first === null) continue;
    ranges.push({ split, first: Number(row.first), last: Number(row.last) });
    const back = Number(row.back);
    if (back > 0) {
      problems.add(
        {
          kind: "time-order",
          severity: "info",
          message: `${back} of ${row.rows} rows are earlier than the row before them`,
          effect: "nothing",
          column,
          count: back,
        },
        split.name,
      );
    }
  }
  for (const [k, earlier] of ranges.entries()) {
    for (const later of ranges.slice(k + 1)) {
      if (earlier.last <= later.first) continue;
      problems.add(
        {
          kind: "splits-overlap-in-time",
          severity: "warning",
          message: `${earlier.split.name} reaches to ${iso(earlier.last)}, after the start of ${later.split.name} at ${iso(later.first)}: the model may learn from what comes later`,
          effect: "nothing",
          column,
          hint: "split by time when the model will be used on days to come",
        },
        later.split.name,
      );
    }
  }
}

function iso(seconds: number): string {
  const date = new Date(seconds * 1e3);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

/** Groups of one kind of label: how much of gAUC is left. */
export async function checkGroups(
  connection: DuckDBConnection,
  split: SplitRows,
  column: string,
  label: string | undefined,
  problems: ProblemList,
): Promise<void> {
  if (!split.types.has(column)) return;
  const y = label ?? "NULL";
  const row = await queryRow(
    connection,
    `SELECT count(*) AS groups, count(*) FILTER (low < high) AS mixed
     FROM (SELECT min(y) AS low, max(y) AS high FROM
            (SELECT ${sqlName(column)} AS g, ${y} AS y FROM ${rowsOf(split)})
           GROUP BY g)`,
  );
  const [groups, mixed] = [Number(row.groups), Number(row.mixed)];
  if (groups === 1) {
    problems.add(
      {
        kind: "single-group",
        severity: "warning",
        message: `the group column ${column} has one value: gAUC is AUC`,
        effect: "nothing",
        column,
        hint: "group names the column of users",
      },
      split.name,
    );
  } else if (label !== undefined && groups > 0 && mixed < groups) {
    problems.add(
      {
        kind: "groups-of-one-class",
        severity: mixed === 0 ? "warning" : "info",
        message: `${groups - mixed} of ${groups} groups have rows of one label only: gAUC leaves them out${mixed === 0 ? ", so it is undefined" : ""}`,
        effect: "nothing",
        column,
        count: groups - mixed,
      },
      split.name,
    );
  }
}
