/** One run: where it stands, its curves while they grow, and what its report shows. */
import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../../core/index.ts";
import { formatBytes, formatCount, formatSeconds } from "../../report/drawing/index.ts";
import type { RunCurves, RunDetail, RunSummary, Validation } from "../api.ts";
import { pageOf, post } from "./ask.ts";
import { Boundary } from "./boundary.tsx";
import { Curves, EpochTable } from "./curves.tsx";
import { Code, ConditionBadge, doneOf, ProgressBar, Table, Trouble, Waiting } from "./parts.tsx";
import { Problems } from "./problems.tsx";
import { ReportPictures } from "./report-pictures.tsx";
import { linkTo } from "./route.ts";
import { useAnswer } from "./use-answer.ts";
import { useCurves } from "./use-curves.ts";
import { ago, scoreText, shortName } from "./words.ts";

export function RunView({ id }: { readonly id: string }) {
  const curves = useCurves(id);
  const summary = curves.value?.summary;
  const detail = useAnswer<RunDetail>("api/run", { id });
  const condition = summary?.condition;
  const before = useRef(condition);
  useEffect(() => {
    // A run that has ended has written more.
    if (before.current !== undefined && before.current !== condition) detail.again();
    before.current = condition;
  }, [condition]);
  if (curves.error?.status === 404) {
    return (
      <>
        <h1>{id}</h1>
        <Trouble error={curves.error} />
        <p>
          <a href={linkTo("runs")}>To the runs</a>
        </p>
      </>
    );
  }
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("runs")}>Runs</a> / {id}
      </p>
      <h1>
        {shortName(id)} {summary === undefined ? undefined : <ConditionBadge condition={summary.condition} />}
      </h1>
      {curves.error === undefined ? undefined : <Trouble error={curves.error} again={curves.again} />}
      {summary === undefined ? undefined : (
        <Standing summary={summary} curves={curves.value} onChange={curves.again} />
      )}
      {curves.value === undefined ? undefined : (
        <section aria-labelledby="training">
          <h2 id="training">Training</h2>
          <Curves runs={[{ name: summary?.model ?? "run", curves: curves.value }]} />
          <EpochTable curves={curves.value} />
        </section>
      )}
      <Waiting answer={detail} />
      {detail.value === undefined ? undefined : <Detail detail={detail.value} onChange={detail.again} />}
    </>
  );
}

function Standing({
  summary,
  curves,
  onChange,
}: {
  readonly summary: RunSummary;
  readonly curves: RunCurves | undefined;
  readonly onChange: () => void;
}) {
  const { condition, reason, scores, split, model, steps, epochs, seconds, parameters } = summary;
  const [label, values] = Object.entries(scores)[0] ?? ["", {}];
  const facts = [
    model,
    epochs > 0 ? `${epochs} epoch${epochs === 1 ? "" : "s"}` : undefined,
    steps > 0 ? `${formatCount(steps)} steps` : undefined,
    seconds === undefined ? undefined : formatSeconds(seconds),
    parameters === undefined ? undefined : `${formatCount(parameters)} parameters`,
    `begun ${ago(summary.createdAt)}`,
  ].filter((fact) => fact !== undefined);
  return (
    <>
      <p class="facts-line">{facts.join(" · ")}</p>
      {condition === "broken" || condition === "failed" || condition === "interrupted" ? (
        <div class="alert" role="alert">
          <p>
            <strong>
              {condition === "broken"
                ? "This run is broken"
                : condition === "failed"
                  ? "Training failed"
                  : "Training is not finished"}
            </strong>
            : {reason}
          </p>
        </div>
      ) : reason === undefined ? undefined : (
        <p class="note">Ended early: {reason}.</p>
      )}
      {condition === "training" ? <Live summary={summary} curves={curves} onChange={onChange} /> : undefined}
      {Object.keys(values).length === 0 ? undefined : (
        <ul class="tiles" aria-label={`Metrics of ${label} on the ${split} split`}>
          {Object.entries(values)
            .slice(0, 6)
            .map(([metric, value]) => (
              <li key={metric}>
                <span class="name">{metric}</span> <span class="value">{scoreText(value)}</span>{" "}
                <span class="beside">
                  {label}, {split} split
                </span>
              </li>
            ))}
        </ul>
      )}
    </>
  );
}

function Live({
  summary,
  curves,
  onChange,
}: {
  readonly summary: RunSummary;
  readonly curves: RunCurves | undefined;
  readonly onChange: () => void;
}) {
  const [error, setError] = useState<Error>();
  const { status, stopRequested } = summary;
  if (status === undefined) return null;
  const ask = async (stop: boolean): Promise<void> => {
    try {
      setError(undefined);
      await post("api/stop", { id: summary.id, stop });
      onChange();
    } catch (refused) {
      setError(refused as Error);
    }
  };
  const left = secondsLeft(summary, curves);
  return (
    <section class="live" aria-label="Training now">
      <article class="card">
        <h2>
          Epoch {status.epoch + 1} of {status.epochs}
        </h2>
        <ProgressBar label="Training" done={doneOf(summary)} />
        <p>
          Step {formatCount(status.step)}, {formatCount(status.rows)} of {formatCount(status.epochRows)} rows
          of this epoch{status.samplesPerSecond > 0 ? `, ${formatCount(status.samplesPerSecond)} rows/s` : ""}
          . {left === undefined ? "" : `At most ${clock(left)} left.`}
        </p>
        <p>
          {stopRequested ? (
            <button type="button" onClick={() => ask(false)}>
              Go on after all
            </button>
          ) : (
            <button type="button" onClick={() => ask(true)}>
              Stop after this epoch
            </button>
          )}{" "}
          <span class="note" role="status">
            {stopRequested
              ? "Asked to stop: the run will be measured and written when this epoch is over. The button takes the request back."
              : "Writes the file stop-after-epoch into the run; it then ends as a finished run of fewer epochs, and can go on later with --resume."}
          </span>
        </p>
        {error === undefined ? undefined : <Trouble error={error} />}
      </article>
    </section>
  );
}

/** Time for what is left of this epoch and the others, by the pace so far; early stopping may shorten it. */
function secondsLeft({ status }: RunSummary, curves: RunCurves | undefined): number | undefined {
  if (status === undefined) return undefined;
  const { epoch, epochs, rows, epochRows, samplesPerSecond, updatedAt } = status;
  const before = curves?.history.at(-1)?.seconds;
  const perEpoch = samplesPerSecond > 0 ? epochRows / samplesPerSecond : before;
  if (perEpoch === undefined || epochRows === 0) return undefined;
  const since = Math.max(0, (Date.now() - Date.parse(updatedAt)) / 1000);
  const ofThis = Math.max(0, perEpoch * (1 - rows / epochRows) - since);
  return ofThis + (epochs - epoch - 1) * (before ?? perEpoch);
}

function Detail({ detail, onChange }: { readonly detail: RunDetail; readonly onChange: () => void }) {
  const { summary, report, hasReportPage, hasAnalysis, config, files, commands, rows } = detail;
  return (
    <>
      {report === undefined ? undefined : (
        <Boundary what="report.json of this run">
          <ReportPictures report={report} />
        </Boundary>
      )}
      {summary.condition === "finished" ? (
        <Measure
          id={summary.id}
          what={
            summary.kind === "ranking"
              ? "calibration, slices and importance"
              : "cut-offs, popularity and coverage"
          }
          has={report !== undefined}
          hasPage={hasReportPage}
          hasAnalysis={hasAnalysis}
          onChange={onChange}
        />
      ) : undefined}
      <DataOfRun id={summary.id} kind={summary.kind} rows={rows} />
      <section aria-labelledby="reproduce">
        <h2 id="reproduce">Reproduce</h2>
        <ol class="commands">
          {commands.map(({ purpose, command }) => (
            <li key={purpose}>
              <p>{purpose}</p>
              <Code>{command}</Code>
            </li>
          ))}
        </ol>
        <details>
          <summary>Configuration</summary>
          <Code>{JSON.stringify(config, null, 2)}</Code>
        </details>
        <details>
          <summary>Files ({files.length})</summary>
          <Table
            caption="Files of the run"
            columns={[{ title: "file" }, { title: "size", numeric: true }]}
            rows={files.map(({ name, bytes }) => [name, formatBytes(bytes)])}
          />
        </details>
      </section>
    </>
  );
}

function Measure({
  id,
  what,
  has,
  hasPage,
  hasAnalysis,
  onChange,
}: {
  readonly id: string;
  /** What there is to measure on the data. */
  readonly what: string;
  readonly has: boolean;
  readonly hasPage: boolean;
  readonly hasAnalysis: boolean;
  readonly onChange: () => void;
}) {
  const [state, setState] = useState<"idle" | "working" | Error>("idle");
  const [outside, setOutside] = useState<readonly string[]>([]);
  const measure = async (): Promise<void> => {
    setState("working");
    try {
      const made = await post<{ outside: string[] }>("api/measure", { id });
      setOutside(made.outside);
      setState("idle");
      onChange();
    } catch (error) {
      setState(error as Error);
    }
  };
  return (
    <section aria-labelledby="report">
      <h2 id="report">Report</h2>
      {hasPage ? (
        <p>
          <a href={pageOf(id, "report")} target="_blank" rel="noreferrer">
            Open report.html
          </a>
          , one file to print or send.
        </p>
      ) : undefined}
      {hasAnalysis ? (
        <p>
          <a href={pageOf(id, "analysis")} target="_blank" rel="noreferrer">
            Open analysis.html
          </a>
          , what millrace analyze has found inside the model.
        </p>
      ) : undefined}
      <p>
        <button type="button" disabled={state === "working"} onClick={measure}>
          {state === "working" ? "Measuring…" : has ? "Measure again" : `Measure ${what}`}
        </button>{" "}
        <span class="note" role="status">
          {state === "working"
            ? "Reading the data and running the model; this may take a minute."
            : "Reads the run's data (its encoded form is kept in .millrace/datasets) and writes report.html and report.json into the run."}
        </span>
      </p>
      {outside.length === 0 ? undefined : (
        <p class="note">
          Data outside the folder was not read ({outside.join(", ")}), so what needs it is left out: start the
          studio with --data and its folder.
        </p>
      )}
      {state instanceof Error ? <Trouble error={state} /> : undefined}
    </section>
  );
}

function DataOfRun({
  id,
  kind,
  rows,
}: {
  readonly id: string;
  readonly kind: string;
  readonly rows: RunDetail["rows"];
}) {
  const [state, setState] = useState<"idle" | "working" | Error | Validation>("idle");
  const validate = async (): Promise<void> => {
    setState("working");
    try {
      setState(await post<Validation>("api/validate-run", { id }));
    } catch (error) {
      setState(error as Error);
    }
  };
  const counted = Object.entries(rows);
  if (counted.length === 0 && kind === "retrieval") return null;
  return (
    <section aria-labelledby="data">
      <h2 id="data">Data</h2>
      {counted.length === 0 ? undefined : (
        <p>
          {counted.map(([what, count]) => `${what} ${formatCount(count)}`).join(", ")}
          {kind === "retrieval" ? "" : " rows"}.
        </p>
      )}
      {kind === "retrieval" ? undefined : (
        <p>
          <button type="button" disabled={state === "working"} onClick={validate}>
            {state === "working" ? "Validating…" : "Validate its data"}
          </button>{" "}
          <span class="note">Reads the files that the configuration names; writes nothing.</span>
        </p>
      )}
      {state instanceof Error ? <Trouble error={state} /> : undefined}
      {typeof state === "object" && "report" in state ? <Problems validation={state} /> : undefined}
    </section>
  );
}
