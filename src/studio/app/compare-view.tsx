/** Several runs side by side: metrics, curves over one another, and every setting in which they differ. */
import { useMemo, useState } from "preact/hooks";
import { formatCount, formatSeconds } from "../../report/drawing/index.ts";
import type { Comparison, RunSummary } from "../api.ts";
import { Curves, type NamedCurves } from "./curves.tsx";
import { Code, ConditionBadge, Table, Trouble, Waiting } from "./parts.tsx";
import { linkTo } from "./route.ts";
import { useAnswer } from "./use-answer.ts";
import { useCurves } from "./use-curves.ts";
import { bestOf, scoreText, shortName } from "./words.ts";

/** Hooks cannot be called in a loop of unknown length, so each run has a place. */
const MOST = 6;

export function CompareView({ ids: given }: { readonly ids: readonly string[] }) {
  const ids = given.slice(0, MOST);
  const answer = useAnswer<Comparison>("api/compare", { id: ids }, 5000);
  const comparison = answer.value;
  if (ids.length < 2) {
    return (
      <>
        <h1>Compare runs</h1>
        <p>
          Choose two or more in the <a href={linkTo("runs")}>table of runs</a>.
        </p>
      </>
    );
  }
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("runs")}>Runs</a> / compare
      </p>
      <h1>{ids.length} runs compared</h1>
      <Waiting answer={answer} />
      {comparison === undefined ? undefined : (
        <>
          <OtherData comparison={comparison} />
          <Metrics runs={comparison.runs} />
          <section aria-labelledby="curves">
            <h2 id="curves">Training</h2>
            <AllCurves key={ids.join(" ")} ids={ids} names={namesOf(comparison.runs)} />
          </section>
          <Differences comparison={comparison} />
          <section aria-labelledby="page">
            <h2 id="page">As one page</h2>
            {comparison.command === undefined ? (
              <p>{comparison.apart}</p>
            ) : (
              <>
                <p>
                  To print or to send, with{" "}
                  {comparison.runs[0]?.kind === "retrieval"
                    ? "cut-offs, popularity and coverage"
                    : "calibration, slices and importance"}{" "}
                  of each:
                </p>
                <Code>{comparison.command}</Code>
              </>
            )}
          </section>
        </>
      )}
    </>
  );
}

/** Short names, whole paths where two are alike. */
function namesOf(runs: readonly RunSummary[]): string[] {
  const names = runs.map(({ id }) => shortName(id));
  return runs.map(({ id }, k) => (names.filter((name) => name === names[k]).length === 1 ? names[k] : id));
}

/** Settings that say which rows a run was measured on. */
const ROWS = /^(?:data\.(?:train|valid|test|split)|interactions\.|log\.data\.(?:train|valid|test|split))/;

function OtherData({ comparison: { settings } }: { readonly comparison: Comparison }) {
  const keys = settings.filter(({ key, differs }) => differs && ROWS.test(key)).map(({ key }) => key);
  if (keys.length === 0) return null;
  return (
    <p class="note">
      These runs were not given the same data ({keys.join(", ")} differ{keys.length === 1 ? "s" : ""}): the
      figures of one may say nothing beside those of another.
    </p>
  );
}

function Metrics({ runs }: { readonly runs: readonly RunSummary[] }) {
  const labels = [...new Set(runs.flatMap(({ scores }) => Object.keys(scores)))];
  const names = namesOf(runs);
  return (
    <section aria-labelledby="metrics">
      <h2 id="metrics">Metrics</h2>
      {(labels.length === 0 ? [""] : labels).map((label) => {
        const metrics = [...new Set(runs.flatMap(({ scores }) => Object.keys(scores[label] ?? {})))];
        const best = metrics.map((metric) =>
          bestOf(
            metric,
            runs.map(({ scores }) => scores[label]?.[metric]),
          ),
        );
        return (
          <Table
            key={label}
            caption={label === "" ? "Runs" : `${label}, test split where there is one`}
            showCaption={label !== ""}
            columns={[
              { title: "run" },
              { title: "state" },
              { title: "model" },
              ...metrics.map((title) => ({ title, numeric: true })),
              { title: "parameters", numeric: true },
              { title: "time", numeric: true },
            ]}
            rows={runs.map((run, k) => [
              <a key="run" href={linkTo("run", { id: run.id })}>
                {names[k]}
              </a>,
              <ConditionBadge key="condition" condition={run.condition} />,
              run.model,
              ...metrics.map((metric, m) => {
                const text = scoreText(run.scores[label]?.[metric]);
                return best[m] === k ? <strong key={metric}>{text}</strong> : text;
              }),
              run.parameters === undefined ? "–" : formatCount(run.parameters),
              run.seconds === undefined ? "–" : formatSeconds(run.seconds),
            ])}
          />
        );
      })}
    </section>
  );
}

function AllCurves({ ids, names }: { readonly ids: readonly string[]; readonly names: readonly string[] }) {
  const places = Array.from({ length: MOST }, (_, k) => ids[k]);
  // The number of places never changes, so the order of hooks does not either.
  const followed = places.map((id) => useCurves(id));
  const values = followed.map(({ value }) => value);
  const runs = useMemo(
    () =>
      names.flatMap((name, k): NamedCurves[] => {
        const curves = values[k];
        return curves === undefined ? [] : [{ name, curves }];
      }),
    [...values, names.join(" ")],
  );
  const error = followed.find((one) => one.error !== undefined)?.error;
  if (error !== undefined) return <Trouble error={error} />;
  if (runs.length < names.length) return <p class="note">Loading…</p>;
  return <Curves runs={runs} />;
}

function Differences({ comparison: { runs, settings } }: { readonly comparison: Comparison }) {
  const [all, setAll] = useState(false);
  const differing = settings.filter(({ differs }) => differs);
  const names = namesOf(runs);
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <p>
        {differing.length === 0
          ? "The runs have the same configuration."
          : `${differing.length} of ${settings.length} settings differ.`}{" "}
        <label class="inline">
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
          show all
        </label>
      </p>
      <Table
        caption="Settings by run"
        columns={[{ title: "setting" }, ...names.map((title) => ({ title }))]}
        rows={(all ? settings : differing).map(({ key, values }) => [
          key,
          ...values.map((value, k) => (
            <span key={names[k]} class="setting">
              {value ?? "–"}
            </span>
          )),
        ])}
      />
    </section>
  );
}
