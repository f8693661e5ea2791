/** Tables that may have a thousand rows: the first few in sight, all behind a line that opens, the file bounded. */
import { formatCount } from "./format.ts";
import { type Html, html } from "./html.ts";
import { type DataTable, dataTable } from "./table.ts";

/** Rows that a report holds of one table. */
const MOST_ROWS = 2000;

export interface LongTable extends DataTable {
  /** Rows in sight; a table that is hardly longer is shown whole. @default 30 */
  readonly inSight?: number;
  /** What the rows are, such as `features`. */
  readonly what: string;
  /** By what the first ones come first, such as `by importance`. @default in their order */
  readonly order?: string;
  /** The rows without what is only drawn, for the long form. @default the rows themselves */
  readonly plainRows?: DataTable["rows"];
}

export function longTable({ what, order, plainRows, inSight = 30, ...table }: LongTable): Html {
  const { rows, caption, columns } = table;
  if (rows.length <= inSight * 1.2) return dataTable(table);
  const all = (plainRows ?? rows).slice(0, MOST_ROWS);
  const cut =
    all.length < rows.length
      ? html`<p class="note">The first ${formatCount(all.length)} of ${formatCount(rows.length)}; the others would make this file too large.</p>`
      : undefined;
  return html`${dataTable({ ...table, rows: rows.slice(0, inSight) })}
<p class="note">The first ${inSight} of ${formatCount(rows.length)} ${what}${order === undefined ? "" : `, ${order}`}.</p>
<details><summary>All ${formatCount(rows.length)} ${what}</summary>${dataTable({ caption: `${caption}: all`, columns, rows: all })}${cut}</details>`;
}
