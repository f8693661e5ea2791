/** All runs of the folder: what they reached, in what they differ; those that train first. */
import { memo } from "./memo.ts";
import { useEffect, useMemo, useState } from "preact/hooks";
import { formatCount, formatSeconds } from "../../report/drawing/index.ts";
import type { RunCondition, RunList, RunSummary } from "../api.ts";
import { ConditionBadge, doneOf, ProgressBar, Scroll, Waiting } from "./parts.tsx";
import { linkTo } from "./route.ts";
import { useAnswer } from "./use-answer.ts";
import { ago, bestOf, scoresOf, scoreText } from "./words.ts";

/** Between looks while something trains, and while nothing does. */
const LIVE_MS = 2500;
const IDLE_MS = 8000;
/** Runs that are compared at most. */
const MOST_COMPARED = 6;
/** Settings that have a column before anything is chosen. */
const FIRST_SETTINGS = 3;
/** Metrics in the order in which most people ask for them; others follow. */
const METRICS = ["auc", "gauc", "log_loss", "ne", "calibration_ratio", "rmse", "mae"];
const HIDDEN_METRICS = new Set(["ece"]);
/** Rows drawn at once: more come with the button, so that sorting a large folder takes no longer than a small one. */
const PAGE_ROWS = 100;

interface Sorting {
  /** `metric:auc`, `setting:model.name`, `created`, `run`, … */
  readonly by: string;
  readonly down: boolean;
}

export function RunsView() {
  const [refreshMs, setRefreshMs] = useState(LIVE_MS);
  const answer = useAnswer<RunList>("api/runs", {}, refreshMs);
  const [filter, setFilter] = useState("");
  const [condition, setCondition] = useState<RunCondition | "all">("all");
  const [label, setLabel] = useState<string>();
  const [sorting, setSorting] = useState<Sorting>({ by: "created", down: true });
  const [picked, setPicked] = useState<readonly string[]>([]);
  const [columns, setColumns] = useState<readonly string[]>();
  const [rows, setRows] = useState(PAGE_ROWS);
  const list = answer.value;
  useEffect(() => {
    if (list !== undefined) setRefreshMs(list.runs.some(isTraining) ? LIVE_MS : IDLE_MS);
  }, [list]);
  useEffect(() => setRows(PAGE_ROWS), [filter, condition, sorting]);
  const labels = useMemo(() => [...new Set(list?.runs.flatMap(({ scores }) => Object.keys(scores)))], [list]);
  const metrics = useMemo(() => metricNames(list?.runs ?? [], label), [list, label]);
  const settings =
    columns ?? list?.differing.filter((key) => key !== "model.name").slice(0, FIRST_SETTINGS) ?? [];
  const shown = useMemo(
    () => sorted(chosen(list?.runs ?? [], filter, condition), sorting, label),
    [list, filter, condition, sorting, label],
  );
  const best = useMemo(
    () =>
      bestRuns(
        shown.filter(({ condition: own }) => own === "finished"),
        metrics,
        label,
      ),
    [shown, metrics, label],
  );
  if (list === undefined) {
    return (
      <>
        <h1>Runs</h1>
        <Waiting answer={answer} />
      </>
    );
  }
  const training = list.runs.filter(isTraining);
  const counts = new Map<RunCondition, number>();
  for (const run of list.runs) counts.set(run.condition, (counts.get(run.condition) ?? 0) + 1);
  const pick = (id: string): void =>
    setPicked((before) =>
      before.includes(id) ? before.filter((other) => other !== id) : [...before, id].slice(-MOST_COMPARED),
    );
  const header = (by: string, title: string, numeric = true) => (
    <SortHeader key={by} by={by} title={title} numeric={numeric} sorting={sorting} onSort={setSorting} />
  );
  return (
    <>
      <h1>Runs</h1>
      <Waiting answer={answer} />
      {training.length === 0 ? undefined : (
        <section class="live" aria-label="Training now">
          {training.map((run) => (
            <LiveCard key={run.id} run={run} />
          ))}
        </section>
      )}
      {list.runs.length === 0 ? (
        <p>
          There is no run below <code>{list.folder}</code> yet.{" "}
          <code>millrace train config.yaml --out …</code> makes one.
        </p>
      ) : (
        <>
          <form class="tools" onSubmit={(event) => event.preventDefault()}>
            <label>
              Find
              <input
                type="search"
                value={filter}
                placeholder="name, model, setting"
                onInput={(event) => setFilter(event.currentTarget.value)}
              />
            </label>
            <label>
              Show
              <select
                value={condition}
                onChange={(event) => setCondition(event.currentTarget.value as RunCondition | "all")}
              >
                <option value="all">all {list.runs.length}</option>
                {[...counts].map(([name, count]) => (
                  <option key={name} value={name}>
                    {name} {count}
                  </option>
                ))}
              </select>
            </label>
            {labels.length < 2 ? undefined : (
              <label>
                Label
                <select
                  value={label ?? ""}
                  onChange={(event) => setLabel(event.currentTarget.value || undefined)}
                >
                  <option value="">each run's first</option>
                  {labels.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </label>
            )}
            <SettingColumns differing={list.differing} shown={settings} onChange={setColumns} />
            <a
              class={`button${picked.length < 2 ? " off" : ""}`}
              aria-disabled={picked.length < 2}
              href={picked.length < 2 ? undefined : linkTo("compare", { id: picked })}
            >
              Compare {picked.length < 2 ? "two or more" : `${picked.length} runs`}
            </a>
          </form>
          <Scroll label="Table of runs">
            <table class="runs">
              <caption class="unseen">Runs, their metrics and the settings in which they differ</caption>
              <thead>
                <tr>
                  <td />
                  {header("run", "run", false)}
                  {header("condition", "state", false)}
                  {header("model", "model", false)}
                  {metrics.map((metric) => header(`metric:${metric}`, metric))}
                  {header("epochs", "epochs")}
                  {header("seconds", "time")}
                  {header("parameters", "parameters")}
                  {settings.map((key) => header(`setting:${key}`, key, false))}
                  {header("created", "begun", false)}
                </tr>
              </thead>
              <tbody>
                {shown.slice(0, rows).map((run) => (
                  <RunRow
                    key={run.id}
                    run={run}
                    metrics={metrics}
                    settings={settings}
                    label={label}
                    best={best}
                    isPicked={picked.includes(run.id)}
                    onPick={pick}
                  />
                ))}
              </tbody>
            </table>
          </Scroll>
          {shown.length > rows ? (
            <p>
              <button type="button" onClick={() => setRows(rows + PAGE_ROWS)}>
                Show {Math.min(PAGE_ROWS, shown.length - rows)} more
              </button>
            </p>
          ) : undefined}
          <p class="note">
            {shown.length} of {list.runs.length} runs. Metrics are of the test split, else of validation
            (marked v); the best of each is bold. Settings shown are those that differ between runs.
            {list.unseen > 0 ? ` ${list.unseen} folders were not looked into.` : ""}
          </p>
        </>
      )}
    </>
  );
}

const isTraining = ({ condition }: RunSummary): boolean => condition === "training";

interface RowProps {
  readonly run: RunSummary;
  readonly metrics: readonly string[];
  readonly settings: readonly string[];
  readonly label: string | undefined;
  readonly best: ReadonlyMap<string, string>;
  readonly isPicked: boolean;
  readonly onPick: (id: string) => void;
}

const RunRow = memo(
  ({ run, metrics, settings, label, best, isPicked, onPick }: RowProps) => {
    const scores = scoresOf(run, label);
    return (
      <tr class={run.condition === "broken" || run.condition === "failed" ? "trouble" : undefined}>
        <td>
          <input
            type="checkbox"
            aria-label={`Compare ${run.id}`}
            checked={isPicked}
            onChange={() => onPick(run.id)}
          />
        </td>
        <th scope="row">
          <a href={linkTo("run", { id: run.id })}>{run.id}</a>
        </th>
        <td>
          <ConditionBadge condition={run.condition} />
          {run.condition === "broken" || run.condition === "failed" ? (
            <span class="why" title={run.reason}>
              {run.reason}
            </span>
          ) : undefined}
        </td>
        <td>{run.model}</td>
        {metrics.map((metric) => (
          <td key={metric} class={`number${best.get(metric) === run.id ? " best" : ""}`}>
            {scoreText(scores[metric])}
            {run.split === "valid" && scores[metric] !== undefined ? (
              <sup title="of the validation split">v</sup>
            ) : undefined}
          </td>
        ))}
        <td class="number">{run.epochs || "–"}</td>
        <td class="number">{run.seconds === undefined ? "–" : formatSeconds(run.seconds)}</td>
        <td class="number">{run.parameters === undefined ? "–" : formatCount(run.parameters)}</td>
        {settings.map((key) => (
          <td key={key} class="setting">
            {run.settings[key] ?? "–"}
          </td>
        ))}
        <td>{ago(run.createdAt)}</td>
      </tr>
    );
  },
  (before, after) =>
    JSON.stringify(before.run) === JSON.stringify(after.run) &&
    before.isPicked === after.isPicked &&
    before.label === after.label &&
    before.metrics.join() === after.metrics.join() &&
    before.settings.join() === after.settings.join() &&
    before.metrics.every(
      (metric) => (before.best.get(metric) === before.run.id) === (after.best.get(metric) === after.run.id),
    ),
);

function SortHeader({
  by,
  title,
  numeric,
  sorting,
  onSort,
}: {
  readonly by: string;
  readonly title: string;
  readonly numeric: boolean;
  readonly sorting: Sorting;
  readonly onSort: (sorting: Sorting) => void;
}) {
  const isOwn = sorting.by === by;
  const down = isOwn ? !sorting.down : numeric || by === "created";
  return (
    <th
      scope="col"
      class={numeric ? "number" : undefined}
      aria-sort={isOwn ? (sorting.down ? "descending" : "ascending") : "none"}
    >
      <button type="button" class="sort" onClick={() => onSort({ by, down })}>
        {title}
        <span aria-hidden="true">{isOwn ? (sorting.down ? " ▾" : " ▴") : ""}</span>
      </button>
    </th>
  );
}

function SettingColumns({
  differing,
  shown,
  onChange,
}: {
  readonly differing: readonly string[];
  readonly shown: readonly string[];
  readonly onChange: (keys: readonly string[]) => void;
}) {
  if (differing.length === 0) return null;
  return (
    <details class="menu">
      <summary>Settings ({shown.length})</summary>
      <fieldset>
        <legend>Settings that differ</legend>
        {differing.map((key) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={shown.includes(key)}
              onChange={() =>
                onChange(shown.includes(key) ? shown.filter((other) => other !== key) : [...shown, key])
              }
            />
            {key}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

function LiveCard({ run }: { readonly run: RunSummary }) {
  const { status } = run;
  return (
    <article class="card">
      <h2>
        <a href={linkTo("run", { id: run.id })}>{run.id}</a> <ConditionBadge condition="training" />
      </h2>
      <ProgressBar label={`Progress of ${run.id}`} done={doneOf(run)} />
      <p class="note">
        {run.model}, epoch {(status?.epoch ?? 0) + 1} of {status?.epochs ?? "?"}, step{" "}
        {formatCount(status?.step ?? 0)}, {formatCount(status?.samplesPerSecond ?? 0)} rows/s
        {run.stopRequested ? "; asked to stop after this epoch" : ""}
      </p>
    </article>
  );
}

function metricNames(runs: readonly RunSummary[], label: string | undefined): string[] {
  const names = new Set(runs.flatMap((run) => Object.keys(scoresOf(run, label))));
  const known = METRICS.filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !known.includes(name) && !HIDDEN_METRICS.has(name))];
}

function chosen(runs: readonly RunSummary[], filter: string, condition: RunCondition | "all"): RunSummary[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (condition !== "all" && run.condition !== condition) return false;
    if (words.length === 0) return true;
    const settings = Object.entries(run.settings).map(([key, value]) => `${key}=${value}`);
    const text = [run.id, run.model, run.condition, ...settings].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sorted(runs: readonly RunSummary[], { by, down }: Sorting, label: string | undefined): RunSummary[] {
  const [kind, key = ""] = by.split(/:(.*)/s);
  const value = (run: RunSummary): number | string | undefined => {
    if (kind === "metric") return scoresOf(run, label)[key] ?? undefined;
    if (kind === "setting") {
      const text = run.settings[key];
      return text !== undefined && text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    }
    if (kind === "created") return run.createdAt;
    if (kind === "epochs" || kind === "seconds" || kind === "parameters") return run[kind];
    return kind === "run" ? run.id : kind === "model" ? run.model : run.condition;
  };
  const sign = down ? -1 : 1;
  return [...runs].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    // Without a value comes last, whichever way.
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), undefined, { numeric: true });
  });
}

/** Id of the best run by metric. */
function bestRuns(
  runs: readonly RunSummary[],
  metrics: readonly string[],
  label: string | undefined,
): ReadonlyMap<string, string> {
  return new Map(
    metrics.flatMap((metric): [string, string][] => {
      const at = bestOf(
        metric,
        runs.map((run) => scoresOf(run, label)[metric]),
      );
      return at < 0 ? [] : [[metric, runs[at].id]];
    }),
  );
}
