/** Tables that scroll sideways on their own where the page is narrow, reachable by keyboard. */
import { Html, html } from "./html.ts";
import { isLongCell } from "./format.ts";

export interface TableColumn {
  readonly title: string;
  /** Numbers stand right-aligned. @default false */
  readonly numeric?: boolean;
}

export interface DataTable {
  /** Names the table for assistive technology. */
  readonly caption: string;
  readonly columns: readonly TableColumn[];
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly (string | Html)[])[];
  /** Whether the caption is also shown. @default false */
  readonly showCaption?: boolean;
  /** Rows to set apart, by index. */
  readonly emphasised?: readonly number[];
}

export function dataTable({ caption, columns, rows, showCaption = false, emphasised = [] }: DataTable): Html {
  const cell = (content: string | Html, column: number): Html =>
    column === 0
      ? html`<th scope="row"${classes({ long: isLongCell(content) })}>${content}</th>`
      : html`<td${classes({ number: columns[column].numeric, long: isLongCell(content) })}>${content}</td>`;
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption${new Html(showCaption ? "" : ' class="unseen"')}>${caption}</caption>
<thead><tr>${columns.map(
    ({ title, numeric }) =>
      html`<th scope="col"${classes({ number: numeric, long: isLongCell(title) })}>${title}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    (row, i) => html`<tr${classes({ emphasised: emphasised.includes(i) })}>${row.map(cell)}</tr>\n`,
  )}</tbody></table></div>`;
}

/** The attribute for those that hold; nothing where none does. */
function classes(named: { readonly [name: string]: boolean | undefined }): Html {
  const held = Object.keys(named).filter((name) => named[name]);
  return new Html(held.length === 0 ? "" : ` class="${held.join(" ")}"`);
}
