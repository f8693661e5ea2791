/** The papers' claims, each beside what our recipes measured: whether it held, by how much, and how sure that is. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatMetric, formatSeconds, linearScale } from "../../report/drawing/index.ts";
import type { RecipeResult, ResultComparison, Verdict } from "../../run/index.ts";
import type { Claim, Claims } from "../api.ts";
import { Badge, Table, Waiting } from "./parts.tsx";
import { linkTo } from "./route.ts";
import { useAnswer } from "./use-answer.ts";

const words: { readonly [V in Verdict | "none"]: string } = {
  holds: "holds",
  partly: "holds partly",
  "does-not-hold": "does not hold",
  inconclusive: "inconclusive",
  none: "not yet measured",
};

export function ClaimsView({ open }: { readonly open: string | undefined }) {
  const answer = useAnswer<Claims>("api/claims");
  const [filter, setFilter] = useState("");
  const [verdict, setVerdict] = useState<Verdict | "none" | "all">("all");
  const claims = answer.value;
  const shown = useMemo(() => {
    const parts = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return (claims?.claims ?? []).filter((claim) => {
      if (verdict !== "all" && (claim.verdict ?? "none") !== verdict) return false;
      const text = [claim.id, claim.name, claim.claim, claim.arxiv].join(" ").toLowerCase();
      return parts.every((part) => text.includes(part));
    });
  }, [claims, filter, verdict]);
  if (claims === undefined) {
    return (
      <>
        <h1>Claims</h1>
        <Waiting answer={answer} />
      </>
    );
  }
  const counts = new Map<Verdict | "none", number>();
  for (const claim of claims.claims) {
    const key = claim.verdict ?? "none";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return (
    <>
      <h1>Claims</h1>
      <p>
        {claims.claims.length} methods, each with its paper's claim in our words and what our recipe measured,
        whether or not it held. {claims.claims.length - (counts.get("none") ?? 0)} are measured so far.
        Verdicts come from paired differences over seeds with 95 % intervals.
      </p>
      {claims.directory === undefined ? (
        <p class="note">
          No folder of results was found, so nothing counts as measured; --results names one.
        </p>
      ) : undefined}
      {claims.broken.map(({ file, reason }) => (
        <div class="alert" role="alert" key={file}>
          <p>
            <strong>{file}</strong> cannot be read: {reason}
          </p>
        </div>
      ))}
      <form class="tools" onSubmit={(event) => event.preventDefault()}>
        <label>
          Find
          <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <label>
          Show
          <select
            value={verdict}
            onChange={(event) => setVerdict(event.currentTarget.value as Verdict | "none" | "all")}
          >
            <option value="all">all {claims.claims.length}</option>
            {(Object.keys(words) as (Verdict | "none")[]).map((key) => (
              <option key={key} value={key}>
                {words[key]} {counts.get(key) ?? 0}
              </option>
            ))}
          </select>
        </label>
      </form>
      <ul class="claims">
        {shown.map((claim) => (
          <ClaimRow key={claim.id} claim={claim} isOpen={claim.id === open} />
        ))}
      </ul>
      {shown.length === 0 ? <p>No claim fits.</p> : undefined}
      {claims.others.length === 0 ? undefined : (
        <section aria-labelledby="others">
          <h2 id="others">Other recipes</h2>
          {claims.others.map((result) => (
            <details key={result.recipe}>
              <summary>
                {result.recipe}: {result.claim} <VerdictBadge verdict={result.verdict} />
              </summary>
              <Result result={result} />
            </details>
          ))}
        </section>
      )}
    </>
  );
}

function VerdictBadge({ verdict }: { readonly verdict: Verdict | undefined }) {
  return <Badge kind={verdict ?? "none"}>{words[verdict ?? "none"]}</Badge>;
}

function ClaimRow({ claim, isOpen }: { readonly claim: Claim; readonly isOpen: boolean }) {
  const { id, name, arxiv, claim: text, verdict, results } = claim;
  const place = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isOpen) place.current?.scrollIntoView();
  }, [isOpen]);
  return (
    <li ref={place} class={verdict === undefined ? "unmeasured" : undefined}>
      <div class="claim">
        <span class="id">{id}</span>
        <div>
          <h2>
            <a href={linkTo("claims", { id })}>{name}</a>
          </h2>
          <p>{text}.</p>
          <p class="note">
            <a href={`https://arxiv.org/abs/${arxiv}`} target="_blank" rel="noreferrer">
              arXiv:{arxiv}
            </a>
            {results.length === 0 ? (
              ""
            ) : (
              <> · measured by {results.map(({ recipe }) => `millrace recipe ${recipe}`).join(", ")}</>
            )}
          </p>
        </div>
        <VerdictBadge verdict={verdict} />
      </div>
      {results.map((result) => (
        <details key={result.recipe} open={isOpen}>
          <summary>
            What {result.recipe} measured ({result.comparisons.length}{" "}
            {result.comparisons.length === 1 ? "comparison" : "comparisons"})
          </summary>
          <Result result={result} />
        </details>
      ))}
    </li>
  );
}

function Result({ result }: { readonly result: RecipeResult }) {
  const { comparisons, rows, note, date, codeCommit, cpuMinutes, machine, recipe } = result;
  const metrics = [...new Set(comparisons.map(({ metric }) => metric))];
  return (
    <div class="result">
      {note === "" ? undefined : <p>{note}</p>}
      {metrics.map((metric) => (
        <Intervals
          key={metric}
          title={`${metric}: method minus baseline`}
          comparisons={comparisons.filter((one) => one.metric === metric)}
        />
      ))}
      <details>
        <summary>All {rows.length} rows</summary>
        <Table
          caption={`Rows of ${recipe}`}
          columns={[
            { title: "variant" },
            { title: "role" },
            { title: "data" },
            { title: "setting" },
            { title: "task" },
            { title: "metric" },
            { title: "mean", numeric: true },
            { title: "std", numeric: true },
            { title: "seeds", numeric: true },
            { title: "parameters", numeric: true },
            { title: "training", numeric: true },
            { title: "trials", numeric: true },
          ]}
          rows={rows.map((row) => [
            row.variant,
            row.role,
            row.data,
            Object.entries(row.setting)
              .map(([key, value]) => `${key} ${value}`)
              .join(", "),
            [row.task, row.domain].filter((part) => part !== null).join(", "),
            row.metric,
            row.mean === null ? `– ${row.reason ?? ""}` : formatMetric(row.mean),
            row.std === null ? "–" : formatMetric(row.std),
            row.values.length,
            formatCount(row.parameters),
            formatSeconds(row.trainSeconds),
            row.trials,
          ])}
        />
      </details>
      <p class="note">
        {date.slice(0, 10)}, {machine}, commit {codeCommit.slice(0, 10)}, {formatCount(cpuMinutes)} minutes of
        processor time. Again: <code>millrace recipe {recipe}</code>
      </p>
    </div>
  );
}

const ROW = 26;
const WIDTH = 520;
/** Half a tick's text stands beyond the outermost ticks. */
const PLOT = { left: 26, right: 26 };

/** Differences with their intervals around zero: each beside its own words, however many lines those take. */
function Intervals({
  title,
  comparisons,
}: {
  readonly title: string;
  readonly comparisons: readonly ResultComparison[];
}) {
  const ends = comparisons.flatMap(({ difference, interval95 }) => [
    ...(interval95 ?? []),
    difference ?? 0,
    0,
  ]);
  const scale = linearScale(Math.min(...ends), Math.max(...ends), { ticks: 4 });
  const x = (value: number): number => PLOT.left + scale.at(value) * (WIDTH - PLOT.left - PLOT.right);
  return (
    <figure class="intervals">
      <figcaption>{title}</figcaption>
      <ul class="forest">
        {comparisons.map((one, k) => (
          <li key={k}>
            <span class="what">
              {one.method} over {one.baseline}{" "}
              <span class="note">
                {[one.data, one.task, ...Object.values(one.setting ?? {})]
                  .filter((part) => part !== null && part !== undefined)
                  .join(", ")}
              </span>
            </span>
            <span class="figure">
              {one.difference === null ? "undefined" : signed(one.difference)} {words[one.verdict]}
            </span>
            <svg viewBox={`0 0 ${WIDTH} ${ROW}`} role="img" aria-label={sentence(one)}>
              {scale.ticks.map((tick) => (
                <path key={tick} class="grid" d={`M${x(tick)} 0V${ROW}`} />
              ))}
              <path class="zero" d={`M${x(0)} 0V${ROW}`} />
              {one.difference === null ? undefined : (
                <g class={`interval ${one.verdict}`}>
                  {one.interval95 === null ? undefined : (
                    <path d={`M${x(one.interval95[0])} ${ROW / 2}H${x(one.interval95[1])}`} />
                  )}
                  <circle cx={x(one.difference)} cy={ROW / 2} r={4.5} />
                </g>
              )}
            </svg>
          </li>
        ))}
        <li>
          <svg viewBox={`0 0 ${WIDTH} 18`} aria-hidden="true">
            {scale.ticks.map((tick) => (
              <text key={tick} x={x(tick)} y={13} text-anchor="middle">
                {Number(tick.toPrecision(6))}
              </text>
            ))}
          </svg>
        </li>
      </ul>
    </figure>
  );
}

function sentence({ method, baseline, difference, interval95, verdict }: ResultComparison): string {
  const interval = interval95 === null ? "" : `, between ${interval95.map(signed).join(" and ")}`;
  return `${method} over ${baseline}: ${difference === null ? "undefined" : signed(difference)}${interval}, ${words[verdict]}.`;
}

function signed(value: number): string {
  const text = String(Number(value.toPrecision(3)));
  return value > 0 ? `+${text}` : text;
}
