/** A ranking request put together by hand, and its answer explained: what each stage made of each item. */
import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { formatSignificant } from "../../report/drawing/index.ts";
import type { RankRequest, RankResponse } from "../../serving/index.ts";
import type { ServiceFunnel } from "../api.ts";
import { post } from "./ask.ts";
import { Badge, Scroll, Trouble } from "./parts.tsx";

type State = "idle" | "asking" | Error | { readonly answer: RankResponse; readonly ms: number };

export function TryRequest({ services }: { readonly services: readonly ServiceFunnel[] }) {
  const [chosen, setService] = useState<string>();
  const [user, setUser] = useState("");
  const [context, setContext] = useState<{ readonly [column: string]: string }>({});
  const [candidates, setCandidates] = useState("");
  const [limit, setLimit] = useState("10");
  const [state, setState] = useState<State>("idle");
  const service = services.find(({ name }) => name === chosen) ?? services[0];
  if (service === undefined) return null;
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    setState("asking");
    const began = performance.now();
    try {
      const request = requestOf({ user, context, candidates, limit });
      const answer = await post<RankResponse>("api/rank", { service: service.name, request });
      setState({ answer, ms: performance.now() - began });
    } catch (error) {
      setState(error as Error);
    }
  };
  return (
    <section aria-labelledby="try">
      <h2 id="try">Try a request</h2>
      <form class="request" noValidate onSubmit={ask}>
        <label>
          Service
          <select value={service.name} onChange={(event) => setService(event.currentTarget.value)}>
            {services.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          User id
          <input
            value={user}
            placeholder="id; empty: unknown"
            onInput={(event) => setUser(event.currentTarget.value)}
          />
        </label>
        {service.context.map((column) => (
          <label key={column}>
            {column}
            <input
              value={context[column] ?? ""}
              placeholder="missing"
              onInput={(event) => {
                const { value } = event.currentTarget;
                setContext((before) => ({ ...before, [column]: value }));
              }}
            />
          </label>
        ))}
        <label class="wide">
          Candidates
          <textarea
            rows={2}
            value={candidates}
            placeholder={
              service.source === "request"
                ? "ids, separated by spaces or commas"
                : `empty: found by ${service.source}; else ids, separated by spaces or commas`
            }
            onInput={(event) => setCandidates(event.currentTarget.value)}
          />
        </label>
        <label>
          At most
          <input
            type="number"
            min={1}
            value={limit}
            onInput={(event) => setLimit(event.currentTarget.value)}
          />
        </label>
        <p class="wide">
          <button type="submit" disabled={state === "asking"}>
            {state === "asking" ? "Asking…" : "Rank"}
          </button>{" "}
          <span class="note">
            Sends POST /rank/{service.name} with explain to the server; it counts like any other request.
          </span>
        </p>
      </form>
      {state instanceof Error ? <Trouble error={state} /> : undefined}
      {typeof state === "object" && "answer" in state ? (
        <Ranked answer={state.answer} ms={state.ms} />
      ) : undefined}
    </section>
  );
}

function Ranked({ answer, ms }: { readonly answer: RankResponse; readonly ms: number }) {
  const {
    items,
    counts,
    fallbacks,
    stage,
    unknown_user: unknownUser,
    request_id: requestId,
    version,
  } = answer;
  const stages = items[0]?.explanation?.stages.map((one) => one.stage) ?? [];
  const labels = Object.keys(items[0]?.predictions ?? {});
  return (
    <div class="answer">
      <p role="status">
        {items.length} of {counts.candidates} candidates in {formatSignificant(ms)} ms, in the order of{" "}
        {stage === null ? "the candidate source" : `the stage ${stage}`}.
        {counts.filtered > 0 ? ` ${counts.filtered} were filtered out.` : ""}
        {counts.without_value > 0 ? ` ${counts.without_value} had no value.` : ""}
        {counts.unknown_items > 0 ? ` ${counts.unknown_items} are not in the item table.` : ""}
        {unknownUser ? " The user is unknown." : ""}{" "}
        {fallbacks.map((fallback) => (
          <Badge key={fallback.stage} kind="warning">
            {fallback.stage} was {fallback.reason}
          </Badge>
        ))}
      </p>
      <Scroll label="Ranked items">
        <table>
          <caption class="unseen">Ranked items</caption>
          <thead>
            <tr>
              <th scope="col" class="number">
                rank
              </th>
              <th scope="col">item</th>
              <th scope="col" class="number">
                score
              </th>
              {labels.map((label) => (
                <th key={label} scope="col" class="number">
                  {label}
                </th>
              ))}
              {stages.map((name) => (
                <th key={name} scope="col" class="number">
                  rank in {name}
                </th>
              ))}
              <th scope="col">features</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item, k) => (
              <tr key={item.id}>
                <td class="number">{k + 1}</td>
                <th scope="row">{item.id}</th>
                <td class="number">{item.score === null ? "–" : formatSignificant(item.score, 4)}</td>
                {labels.map((label) => (
                  <td key={label} class="number">
                    {formatSignificant(item.predictions[label] ?? 0, 4)}
                  </td>
                ))}
                {stages.map((name) => {
                  const found = item.explanation?.stages.find((one) => one.stage === name);
                  return (
                    <td key={name} class="number">
                      {found === undefined ? "–" : `${found.rank} (${formatSignificant(found.score)})`}
                    </td>
                  );
                })}
                <td>
                  <FeatureValues features={item.explanation?.features ?? {}} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="note">
        Request {requestId}, version {version}.
      </p>
    </div>
  );
}

function FeatureValues({ features }: { readonly features: { readonly [column: string]: unknown } }) {
  const entries = Object.entries(features);
  if (entries.length === 0) return <>–</>;
  return (
    <details>
      <summary>{entries.length} values</summary>
      <dl class="values">
        {entries.map(([column, value]) => (
          <Fragment key={column}>
            <dt>{column}</dt>
            <dd>{value === null ? "missing" : Array.isArray(value) ? value.join(", ") : String(value)}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  );
}

interface Filled {
  readonly user: string;
  readonly context: { readonly [column: string]: string };
  readonly candidates: string;
  readonly limit: string;
}

/** What the form says, as a request; empty fields are left out. */
function requestOf({ user, context, candidates, limit }: Filled): RankRequest {
  const ids = candidates.split(/[\s,]+/).filter(Boolean);
  const values = Object.entries(context).filter(([, text]) => text.trim() !== "");
  return {
    ...(user.trim() === "" ? {} : { user: valueIn(user) }),
    ...(values.length === 0
      ? {}
      : { context: Object.fromEntries(values.map(([column, text]) => [column, valueIn(text)])) }),
    ...(ids.length === 0 ? {} : { candidates: ids.map(valueIn) }),
    ...(limit.trim() === "" ? {} : { limit: Number(limit) }),
  };
}

/** Numbers as numbers, everything else as text. */
function valueIn(text: string): string | number {
  const trimmed = text.trim();
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}
