/** The log's tables and the query that puts users, items and histories beside each row. */
import { FLOAT, INTEGER, LIST, listValue, TINYINT, type DuckDBType } from "@duckdb/node-api";
import type { Catalogue } from "./catalogue.ts";
import { daySeconds, slateSize } from "./law.ts";
import type { Population } from "./population.ts";
import type { Simulation } from "./simulate.ts";
import type { TableColumn } from "./table-writer.ts";

/** Columns of train, valid and test, in order: name and expression over the joined tables. */
export function logColumns(maxHistory: number): readonly (readonly [name: string, sql: string])[] {
  const recent = (list: string) =>
    `list_slice(k.${list}, greatest(1, r.history_length - ${maxHistory - 1}), r.history_length)`;
  return [
    ...["request_id", "user_id"].map((name) => [name, `r.${name}`] as const),
    ...["age", "gender", "city", "device"].map((name) => [name, `CAST(u.${name} AS INTEGER)`] as const),
    ["item_id", "r.item_id"],
    ...["category", "subcategory", "advertiser", "format"].map(
      (name) => [name, `CAST(i.${name} AS INTEGER)`] as const,
    ),
    ["price", "i.price"],
    ["item_age", `r.time // ${daySeconds} - i.birth_day`],
    ["domain", "CAST(r.domain AS INTEGER)"],
    ["position", "CAST(r.position AS INTEGER)"],
    ["day", `r.time // ${daySeconds}`],
    ["hour", `r.time % ${daySeconds} // 3600`],
    ["time", "r.time"],
    ["frequency", "r.frequency"],
    ["propensity", "r.propensity"],
    ["by_affinity", "CAST(r.by_affinity AS INTEGER)"],
    ["history_items", recent("items")],
    ["history_categories", recent("categories")],
    ["history_times", recent("times")],
    ...labelColumns.map((name) => [name, `CAST(r."${name}" AS INTEGER)`] as const),
    ["conversion_delay", "r.conversion_delay"],
    ["conversion_seen", "CAST(r.conversion_seen AS INTEGER)"],
    ["maturity", "r.maturity"],
    ["dwell", "r.dwell"],
    ...truthColumns.map((name) => [name, `r.${name}`] as const),
  ];
}

const labelColumns = ["click", "like", "conversion", "hide"] as const;
export const truthColumns = [
  "true_click",
  "true_like",
  "true_conversion",
  "true_conversion_given_click",
  "true_hide",
  "true_dwell",
] as const;

/** The rows `r`, in their order, with everything joined to them. */
export function logQuery(table: string, columns: readonly (readonly [string, string])[]): string {
  const selected = columns.map(([name, sql]) => `${sql} AS "${name}"`).join(", ");
  return `SELECT ${selected} FROM ${table} r LEFT JOIN users u ON r.user_id = u.user_id
    LEFT JOIN items i ON r.item_id = i.item_id LEFT JOIN clicks k ON r.user_id = k.user_id`;
}

const column = (name: string, type: DuckDBType, at: TableColumn["at"]): TableColumn => ({ name, type, at });

export function userColumns({ age, gender, city, device }: Population): TableColumn[] {
  return [
    column("user_id", INTEGER, (u) => u),
    column("age", TINYINT, (u) => age[u]),
    column("gender", TINYINT, (u) => gender[u]),
    column("city", TINYINT, (u) => city[u]),
    column("device", TINYINT, (u) => device[u]),
  ];
}

export function clickColumns(simulation: Simulation, catalogue: Catalogue): TableColumn[] {
  const { clickStart, clickItems, clickTimes } = simulation;
  const list = (values: (at: number) => number) => (u: number) => {
    const length = clickStart[u + 1] - clickStart[u];
    return listValue(Array.from({ length }, (_, i) => values(clickStart[u] + i)));
  };
  return [
    column("user_id", INTEGER, (u) => u),
    column(
      "items",
      LIST(INTEGER),
      list((at) => clickItems[at]),
    ),
    column(
      "categories",
      LIST(INTEGER),
      list((at) => catalogue.category[clickItems[at]]),
    ),
    column(
      "times",
      LIST(INTEGER),
      list((at) => clickTimes[at]),
    ),
  ];
}

/**
 * Rows of one split.
 *
 * @param requestOrder the split's requests in time order
 * @param splitEnd seconds; conversions later than this had not been seen when the split ended
 */
export function rowColumns(
  { rows, requests }: Simulation,
  requestOrder: Int32Array,
  splitEnd: number,
  conversionDelayDays: number,
): TableColumn[] {
  const request = (row: number) => requestOrder[Math.floor(row / slateSize)];
  const place = (row: number) => request(row) * slateSize + (row % slateSize);
  const left = (row: number) => splitEnd - requests.time[request(row)];
  return [
    column("request_id", INTEGER, request),
    column("user_id", INTEGER, (row) => requests.user[request(row)]),
    column("time", INTEGER, (row) => requests.time[request(row)]),
    column("domain", TINYINT, (row) => requests.domain[request(row)]),
    column("history_length", INTEGER, (row) => requests.historyLength[request(row)]),
    column("position", TINYINT, (row) => (row % slateSize) + 1),
    column("item_id", INTEGER, (row) => rows.item[place(row)]),
    column("frequency", INTEGER, (row) => rows.frequency[place(row)]),
    column("propensity", FLOAT, (row) => rows.propensity[place(row)]),
    column("by_affinity", TINYINT, (row) => rows.byAffinity[place(row)]),
    column("click", TINYINT, (row) => rows.click[place(row)]),
    column("like", TINYINT, (row) => rows.like[place(row)]),
    column("conversion", TINYINT, (row) => rows.conversion[place(row)]),
    column("hide", TINYINT, (row) => rows.hide[place(row)]),
    column("conversion_delay", FLOAT, (row) =>
      rows.conversion[place(row)] === 1 ? rows.conversionDelay[place(row)] : null,
    ),
    column("conversion_seen", TINYINT, (row) =>
      rows.conversion[place(row)] === 1 && rows.conversionDelay[place(row)] <= left(row) ? 1 : 0,
    ),
    column("maturity", FLOAT, (row) => 1 - Math.exp(-left(row) / (conversionDelayDays * daySeconds))),
    column("dwell", FLOAT, (row) => rows.dwell[place(row)]),
    column("true_click", FLOAT, (row) => rows.trueClick[place(row)]),
    column("true_like", FLOAT, (row) => rows.trueLike[place(row)]),
    column("true_conversion", FLOAT, (row) => rows.trueConversion[place(row)]),
    column("true_conversion_given_click", FLOAT, (row) => rows.trueConversionGivenClick[place(row)]),
    column("true_hide", FLOAT, (row) => rows.trueHide[place(row)]),
    column("true_dwell", FLOAT, (row) => rows.trueDwell[place(row)]),
  ];
}
