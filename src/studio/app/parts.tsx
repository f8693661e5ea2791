/** Small parts that several views are made of. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { formatCount, isLongCell } from "../../report/drawing/index.ts";
import type { RunCondition, RunSummary } from "../api.ts";
import type { Refused } from "./ask.ts";
import type { Answer } from "./use-answer.ts";
import { conditionWords } from "./words.ts";

export function Badge({ kind, children }: { readonly kind: string; readonly children: ComponentChildren }) {
  return <span class={`badge ${kind}`}>{children}</span>;
}

export function ConditionBadge({ condition }: { readonly condition: RunCondition }) {
  return <Badge kind={condition}>{conditionWords[condition]}</Badge>;
}

/** What a view shows before there is an answer, and when the last one failed. */
export function Waiting<T>({ answer: { value, error, again } }: { readonly answer: Answer<T> }) {
  if (error !== undefined) return <Trouble error={error} again={again} />;
  return value === undefined ? (
    <p class="note" role="status">
      Loading…
    </p>
  ) : null;
}

export function Trouble({ error, again }: { readonly error: Refused | Error; readonly again?: () => void }) {
  const hint = "hint" in error ? error.hint : undefined;
  return (
    <div class="alert" role="alert">
      <p>
        <strong>{error.message}</strong>
        {hint === undefined ? undefined : <> — {hint}</>}
      </p>
      {again === undefined ? undefined : (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What is wider than the page scrolls by itself, by keyboard too. */
export function Scroll({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

export function Code({ children }: { readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <pre tabIndex={0}>
      <code>{children}</code>
    </pre>
  );
}

export interface Column {
  readonly title: string;
  /** Numbers stand right-aligned. @default false */
  readonly numeric?: boolean;
}

interface TableProps {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  readonly showCaption?: boolean;
}

/** Rows of a long table that are in sight at first. */
const IN_SIGHT = 50;

/** A table that may have a thousand rows: the first ones, and a button for the others. */
export function LongTable({ what, ...table }: TableProps & { readonly what: string }) {
  const [open, setOpen] = useState(false);
  const { rows } = table;
  if (rows.length <= IN_SIGHT * 1.2) return <Table {...table} />;
  return (
    <>
      <Table {...table} rows={open ? rows : rows.slice(0, IN_SIGHT)} />
      <p class="note">
        {open ? `All ${formatCount(rows.length)}` : `The first ${IN_SIGHT} of ${formatCount(rows.length)}`}{" "}
        {what}.{" "}
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? `Show the first ${IN_SIGHT} only` : "Show all"}
        </button>
      </p>
    </>
  );
}

/** A table that scrolls sideways by itself; the first cell of a row is its heading. */
export function Table({ caption, columns, rows, showCaption = false }: TableProps) {
  return (
    <Scroll label={caption}>
      <table>
        <caption class={showCaption ? undefined : "unseen"}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, numeric }) => (
              <th key={title} scope="col" class={numeric ? "number" : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              {row.map((cell, c) =>
                c === 0 ? (
                  <th key="0" scope="row" class={isLongCell(cell) ? "long" : undefined}>
                    {cell}
                  </th>
                ) : (
                  <td key={columns[c]?.title} class={columns[c]?.numeric ? "number" : undefined}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Where a run's training stands, from the beginning of the whole run, in [0, 1]. */
export function doneOf({ status }: RunSummary): number {
  if (status === undefined || status.epochs === 0) return 0;
  const { epoch, epochs, rows, epochRows } = status;
  return Math.min(1, (epoch + (epochRows === 0 ? 0 : rows / epochRows)) / epochs);
}

export function ProgressBar({ label, done }: { readonly label: string; readonly done: number }) {
  return (
    <progress class="progress" aria-label={label} max={1} value={done}>
      {Math.floor(done * 100)} %
    </progress>
  );
}
