/** A running server: each service's cascade as a funnel with live counts, and a form to try a request. */
import { useEffect, useRef, useState } from "preact/hooks";
import { formatCount, formatSignificant } from "../../report/drawing/index.ts";
import type { FunnelStage, Latency, ServiceFunnel, ServingView as View } from "../api.ts";
import { Badge, Code, Table, Waiting } from "./parts.tsx";
import { TryRequest } from "./try-request.tsx";
import { useAnswer } from "./use-answer.ts";

const REFRESH_MS = 2000;

export function ServingView({
  address,
  known,
}: {
  readonly address: string | undefined;
  readonly known: boolean;
}) {
  if (!known) return <h1>Serving</h1>;
  if (address === undefined) {
    return (
      <>
        <h1>Serving</h1>
        <p>The studio was started without the address of a server. With a running one:</p>
        <Code>millrace studio FOLDER --serving http://127.0.0.1:8080</Code>
      </>
    );
  }
  return <Running address={address} />;
}

function Running({ address }: { readonly address: string }) {
  const answer = useAnswer<View>("api/serving", {}, REFRESH_MS);
  const view = answer.value;
  const before = useRef<View | undefined>(undefined);
  // The form stays when the server goes away: what was typed, and the last answer, are its user's.
  const services = useRef<View["services"]>([]);
  if (view !== undefined && view.unreachable === undefined) services.current = view.services;
  const [rates, setRates] = useState<ReadonlyMap<string, number>>(new Map());
  useEffect(() => {
    if (view === undefined) return;
    const last = before.current;
    before.current = view;
    if (last !== undefined && last.at < view.at) setRates(ratesBetween(last, view));
  }, [view]);
  return (
    <>
      <h1>Serving</h1>
      <Waiting answer={answer} />
      {view === undefined ? undefined : view.unreachable !== undefined ? (
        <div class="alert" role="alert">
          <p>
            <strong>{address} cannot be asked</strong>: {view.unreachable}. It is asked again every{" "}
            {REFRESH_MS / 1000} seconds.
          </p>
        </div>
      ) : (
        <>
          <p class="facts-line">
            {address} · {view.services.length} service{view.services.length === 1 ? "" : "s"} ·{" "}
            {formatCount(view.inFlight)} requests in flight · {formatCount(view.queuedRows)} rows waiting
          </p>
          {view.services.map((service) => (
            <Service key={service.name} service={service} rate={rates.get(service.name)} />
          ))}
        </>
      )}
      {services.current.length === 0 ? undefined : <TryRequest services={services.current} />}
    </>
  );
}

/** Ranking requests a second by service. */
function ratesBetween(before: View, after: View): ReadonlyMap<string, number> {
  const seconds = (after.at - before.at) / 1000;
  return new Map(
    after.services.flatMap(({ name, requests }): [string, number][] => {
      const old = before.services.find((service) => service.name === name);
      if (old === undefined || seconds <= 0) return [];
      return [[name, Math.max(0, (countOf(requests) - countOf(old.requests)) / seconds)]];
    }),
  );
}

function countOf(requests: ServiceFunnel["requests"]): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}

function Service({ service, rate }: { readonly service: ServiceFunnel; readonly rate: number | undefined }) {
  const { name, version, requests, latency, stages, unknownValues, models } = service;
  const failed = Object.entries(requests).filter(([code]) => !code.startsWith("2"));
  const titleId = `service-${name}`;
  return (
    <section aria-labelledby={titleId}>
      <h2 id={titleId}>{name}</h2>
      <p class="facts-line">
        version {version} · {models.map((model) => `${model.name} (${model.labels.join(", ")})`).join(", ")}
      </p>
      <ul class="tiles">
        <li>
          <span class="name">Requests</span> <span class="value">{formatCount(countOf(requests))}</span>{" "}
          <span class="beside">
            {rate === undefined ? "so far" : `${formatSignificant(rate)} a second now`}
          </span>
        </li>
        <li>
          <span class="name">Refused or failed</span>{" "}
          <span class="value">{formatCount(failed.reduce((sum, [, count]) => sum + count, 0))}</span>{" "}
          <span class="beside">
            {failed.map(([code, count]) => `${code}: ${count}`).join(", ") || "none"}
          </span>
        </li>
        <li>
          <span class="name">Half are answered in</span> <span class="value">{ms(latency.p50Ms)}</span>{" "}
          <span class="beside">mean {ms(latency.meanMs)}</span>
        </li>
        <li>
          <span class="name">99 of 100 in</span> <span class="value">{ms(latency.p99Ms)}</span>{" "}
          <span class="beside">95 of 100 in {ms(latency.p95Ms)}</span>
        </li>
      </ul>
      <Funnel name={name} stages={stages} answered={latency} />
      {unknownValues.length === 0 ? undefined : (
        <details>
          <summary>Values that no vocabulary knows</summary>
          <Table
            caption="Unknown values by feature"
            columns={[{ title: "feature" }, { title: "model" }, { title: "values", numeric: true }]}
            rows={unknownValues.map(({ feature, model, count }) => [feature, model, formatCount(count)])}
          />
        </details>
      )}
    </section>
  );
}

/** What each stage had to score on average: bars that narrow as candidates are left out. */
function Funnel({
  name,
  stages,
  answered,
}: {
  readonly name: string;
  readonly stages: readonly FunnelStage[];
  readonly answered: Latency;
}) {
  const means = stages.map(({ runs, candidates }) => (runs === 0 ? 0 : candidates / runs));
  const most = Math.max(...means, 1);
  return (
    <section class="funnel" aria-label={`Stages of ${name}`}>
      <ol>
        {stages.map(({ name: stage, runs, latency, fallbacks }, k) => {
          const late = Object.entries(fallbacks);
          return (
            <li key={stage}>
              <span class="stage">{stage}</span>
              <span class="amount" aria-hidden="true">
                {/* Orders of magnitude lie between stages. */}
                <b
                  style={{
                    width: `${means[k] === 0 ? 0 : Math.max(2, (Math.log1p(means[k]) / Math.log1p(most)) * 100)}%`,
                  }}
                />
              </span>
              <span class="told">
                {runs === 0
                  ? "has not run yet"
                  : `${formatSignificant(means[k])} candidates ${stage === "candidates" ? "asked for" : "scored"} a request, ${formatCount(runs)} times`}
              </span>
              <span class="told">
                {runs === 0
                  ? ""
                  : `${ms(latency.p50Ms)} median, ${ms(latency.p95Ms)} for 95 of 100, ${ms(latency.p99Ms)} for 99`}
              </span>
              {late.length === 0 ? undefined : (
                <span class="told">
                  {late.map(([reason, count]) => (
                    <Badge key={reason} kind="warning">
                      {reason} {formatCount(count)} ({formatSignificant((count / Math.max(1, runs)) * 100)} %)
                    </Badge>
                  ))}
                </span>
              )}
            </li>
          );
        })}
        <li>
          <span class="stage">answers</span>
          <span class="amount" aria-hidden="true" />
          <span class="told">{formatCount(answered.count)} requests in all</span>
        </li>
      </ol>
    </section>
  );
}

function ms(value: number | null): string {
  return value === null ? "–" : `${formatSignificant(value)} ms`;
}
