/** Data files and configurations as `millrace inspect` and `millrace validate` see them. */
import { useState } from "preact/hooks";
import {
  formatBytes,
  formatCount,
  formatSeconds,
  formatShare,
  formatSignificant,
} from "../../report/drawing/index.ts";
import type { DataEntry, DataList, Inspection, Validation } from "../api.ts";
import { post } from "./ask.ts";
import { Badge, LongTable, Scroll, Trouble, Waiting } from "./parts.tsx";
import { Problems } from "./problems.tsx";
import { useAnswer } from "./use-answer.ts";
import { ago } from "./words.ts";

export function DatasetsView() {
  const answer = useAnswer<DataList>("api/data");
  const [open, setOpen] = useState<string>();
  const entries = answer.value?.entries;
  const entry = entries?.find(({ id }) => id === open);
  return (
    <>
      <h1>Data</h1>
      <Waiting answer={answer} />
      {entries === undefined ? undefined : entries.length === 0 ? (
        <p>
          There are no data files or configurations in the folder. <code>--data</code> adds the folder that
          holds them.
        </p>
      ) : (
        <Scroll label="Data files and configurations">
          <table>
            <caption class="unseen">Data files and configurations</caption>
            <thead>
              <tr>
                <th scope="col">file</th>
                <th scope="col">kind</th>
                <th scope="col" class="number">
                  size
                </th>
                <th scope="col">changed</th>
              </tr>
            </thead>
            <tbody>
              {entries.map(({ id, kind, bytes, changedAt, outside }) => (
                <tr key={id} class={id === open ? "kept" : undefined}>
                  <th scope="row">
                    <button
                      type="button"
                      class="link"
                      aria-expanded={id === open}
                      onClick={() => setOpen(id)}
                    >
                      {id}
                    </button>
                  </th>
                  <td>
                    {kind === "config" ? "configuration" : "data"}
                    {outside.length === 0 ? undefined : (
                      <span class="why">names data outside the folder</span>
                    )}
                  </td>
                  <td class="number">{formatBytes(bytes)}</td>
                  <td>{ago(changedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {answer.value === undefined ? undefined : <p class="note">{lookedAt(answer.value)}</p>}
      {entry === undefined ? undefined : <Entry key={entry.id} entry={entry} />}
    </>
  );
}

/** What the list covers and what it leaves out, in words. */
function lookedAt({ limits, deeper, more }: DataList): string {
  return [
    `Searched are ${limits.levels} levels of folders below the one that is open; run folders, encoded data and names that begin with a dot are left out.`,
    deeper === 0
      ? ""
      : `${formatCount(deeper)} deeper ${deeper === 1 ? "folder was" : "folders were"} not looked into: start the studio with --data and such a folder.`,
    more ? `There are more than ${formatCount(limits.entries)} files; the others are not listed.` : "",
    "Inspecting looks at every column, and at every row up to 4,000,000; of more rows it takes every k-th. Validating reads every row of the columns that the configuration names.",
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

type State = "idle" | "inspecting" | "validating" | Error;

function Entry({ entry: { id, kind, outside } }: { readonly entry: DataEntry }) {
  const [label, setLabel] = useState("");
  const [state, setState] = useState<State>("idle");
  const [inspection, setInspection] = useState<Inspection>();
  const [validation, setValidation] = useState<Validation>();
  const body = { id, ...(label.trim() === "" ? {} : { label: label.trim() }) };
  const inspect = async (): Promise<void> => {
    setState("inspecting");
    try {
      setInspection(await post<Inspection>("api/inspect", body));
      setState("idle");
    } catch (error) {
      setState(error as Error);
    }
  };
  const validate = async (): Promise<void> => {
    setState("validating");
    try {
      setValidation(await post<Validation>("api/validate", kind === "data" ? body : { id }));
      setState("idle");
    } catch (error) {
      setState(error as Error);
    }
  };
  const isBusy = state === "inspecting" || state === "validating";
  return (
    <section aria-labelledby="entry">
      <h2 id="entry">{id}</h2>
      <form class="tools" onSubmit={(event) => event.preventDefault()}>
        {kind === "data" ? (
          <>
            <label>
              Label
              <input
                value={label}
                placeholder="chosen by name"
                onInput={(event) => setLabel(event.currentTarget.value)}
              />
            </label>
            <button type="button" disabled={isBusy} onClick={inspect}>
              {state === "inspecting" ? "Inspecting…" : "Inspect"}
            </button>
          </>
        ) : undefined}
        <button type="button" disabled={isBusy || outside.length > 0} onClick={validate}>
          {state === "validating" ? "Validating…" : "Validate"}
        </button>
        <span class="note" role="status">
          {outside.length > 0
            ? `It names ${outside.join(", ")}: start the studio with --data and that folder.`
            : isBusy
              ? "Reading; large files take a while."
              : "Reads the data; writes nothing."}
        </span>
      </form>
      {state instanceof Error ? <Trouble error={state} /> : undefined}
      {validation === undefined ? undefined : <Problems validation={validation} />}
      {inspection === undefined ? undefined : <Inspected inspection={inspection} />}
    </section>
  );
}

function Inspected({ inspection: { report, seconds } }: { readonly inspection: Inspection }) {
  const { rows, profiledRows, format, files, label, labelCandidates, leaks, notes, columns, guess } = report;
  const guesses = new Map(guess.columns.map((one) => [one.column, one]));
  // Every column has a signal; those that are too good were left out for it.
  const suspects = leaks.filter(({ column }) => guesses.get(column)?.use === "left-out");
  return (
    <>
      <p>
        {formatCount(rows)} rows, {columns.length} columns, {format}
        {files.length > 1 ? `, ${files.length} files` : ""}
        {profiledRows < rows
          ? `; looked at were ${formatCount(profiledRows)} rows, every ${formatCount(Math.ceil(rows / profiledRows))}th`
          : "; all were looked at"}
        , in {formatSeconds(seconds)}.{" "}
        {label === undefined
          ? `No label was found by name; columns with two values: ${labelCandidates.join(", ") || "none"}.`
          : `Label: ${label.name} (${label.reason}).`}
      </p>
      {suspects.length === 0 && notes.length === 0 ? undefined : (
        <div class="alert">
          {suspects.map(({ column, auc, oneSided }) => (
            <p key={column}>
              <strong>{column}</strong> may know the answer:{" "}
              {auc === undefined
                ? ""
                : `alone it separates the classes with AUC ${formatSignificant(auc, 4)}`}
              {oneSided === undefined
                ? ""
                : ` all ${formatCount(oneSided.rows)} rows that have it are labelled ${oneSided.label}`}
              .
            </p>
          ))}
          {notes.map(({ kind, text, column }) => (
            <p key={`${kind} ${column}`}>{text}</p>
          ))}
        </div>
      )}
      <LongTable
        what="columns"
        caption="Columns"
        columns={[
          { title: "column" },
          { title: "type" },
          { title: "used as" },
          { title: "distinct", numeric: true },
          { title: "missing", numeric: true },
          { title: "most frequent values" },
          { title: "range" },
          { title: "why" },
        ]}
        rows={columns.map((column) => {
          const guessed = guesses.get(column.name);
          const { numbers, list, times } = column;
          return [
            column.name,
            column.type.toLowerCase(),
            <Badge key="use" kind={guessed?.use ?? "none"}>
              {guessed?.use === "feature" ? (guessed.feature?.kind ?? "feature") : (guessed?.use ?? "–")}
            </Badge>,
            formatCount(column.distinct),
            formatShare(column.rows === 0 ? 0 : column.nulls / column.rows),
            <TopValues key="top" top={column.top} rows={column.rows} />,
            times !== undefined
              ? `${times.first.slice(0, 10)} to ${times.last.slice(0, 10)}`
              : list !== undefined
                ? `${formatSignificant(list.medianLength)} entries, at most ${formatCount(list.maxLength)}`
                : numbers !== undefined
                  ? `${formatSignificant(numbers.min)} to ${formatSignificant(numbers.max)}`
                  : "–",
            <span key="why" class="wrap">
              {guessed?.reason ?? ""}
            </span>,
          ];
        })}
      />
    </>
  );
}

function TopValues({
  top,
  rows,
}: {
  readonly top: readonly { readonly value: string; readonly count: number }[];
  readonly rows: number;
}) {
  return (
    <ul class="top">
      {top.slice(0, 3).map(({ value, count }) => (
        <li key={value}>
          <i aria-hidden="true">
            <b style={{ width: `${rows === 0 ? 0 : (count / rows) * 100}%` }} />
          </i>
          <code>{value.length > 24 ? `${value.slice(0, 23)}…` : value}</code>{" "}
          {formatShare(count / Math.max(1, rows))}
        </li>
      ))}
    </ul>
  );
}
