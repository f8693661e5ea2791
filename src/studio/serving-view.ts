/**
 * What a running `millrace serve` is doing, as a funnel: its services and their stages, with counts, latencies
 * and fallbacks out of `/metrics`. Ranking requests go to the same address, and to no other.
 */
import { RankClient, type RankRequest, type RankResponse } from "../serving/client/index.ts";
import type { FunnelStage, Latency, ServiceFunnel, ServingView } from "./api.ts";
import { histogramQuantile, matching, parsePrometheus, type Samples, total } from "./prometheus-text.ts";

export interface ServingOptions {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The server's own bearer token. */
  readonly token?: string;
}

const TIMEOUT_MS = 5000;
const RANK = "/rank/:name";

export class ServingProbe {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #client: RankClient;

  constructor({ url, token }: ServingOptions) {
    this.url = url.replace(/\/+$/, "");
    this.#token = token;
    this.#client = new RankClient(this.url, token === undefined ? {} : { token });
  }

  async view(): Promise<ServingView> {
    const empty = { url: this.url, services: [], inFlight: 0, queuedRows: 0, at: Date.now() };
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const [{ services }, samples] = await Promise.all([
        this.#client.services({ signal }),
        this.#metrics(signal),
      ]);
      return {
        ...empty,
        services: services.map((service) => funnelOf(service, samples)),
        inFlight: total(samples, "millrace_requests_in_flight"),
        queuedRows: total(samples, "millrace_queued_rows"),
      };
    } catch (error) {
      return { ...empty, unreachable: reasonOf(error) };
    }
  }

  rank(service: string, request: RankRequest): Promise<RankResponse> {
    return this.#client.rank(service, { ...request, explain: true }, { signal: AbortSignal.timeout(30_000) });
  }

  async #metrics(signal: AbortSignal): Promise<Samples> {
    const headers = this.#token === undefined ? undefined : { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.url}/metrics`, { signal, headers });
    if (!response.ok) throw new Error(`/metrics answers ${response.status}`);
    return parsePrometheus(await response.text());
  }
}

type DescribedService = Awaited<ReturnType<RankClient["services"]>>["services"][number];

function funnelOf(service: DescribedService, samples: Samples): ServiceFunnel {
  const { name } = service;
  const requests: { [code: string]: number } = {};
  for (const { labels, value } of matching(samples, "millrace_requests_total", { route: RANK, name })) {
    requests[labels.code] = (requests[labels.code] ?? 0) + value;
  }
  const found = service.candidates === "request" ? [] : ["candidates"];
  return {
    name,
    version: service.version,
    context: service.context,
    source: service.candidates,
    models: service.models.map((model) => ({ name: model.name, labels: model.labels })),
    requests,
    latency: latencyOf(samples, "millrace_request_duration_seconds", { route: RANK, name }),
    stages: [...found, ...service.stages].map((stage) => stageOf(samples, name, stage)),
    unknownValues: matching(samples, "millrace_out_of_vocabulary_total", { name })
      .map(({ labels, value }) => ({ model: labels.model, feature: labels.feature, count: value }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, 20),
  };
}

function stageOf(samples: Samples, name: string, stage: string): FunnelStage {
  const labels = { name, stage };
  const fallbacks: { [reason: string]: number } = {};
  for (const sample of matching(samples, "millrace_fallbacks_total", labels)) {
    fallbacks[sample.labels.reason] = (fallbacks[sample.labels.reason] ?? 0) + sample.value;
  }
  return {
    name: stage,
    runs: total(samples, "millrace_stage_candidates_count", labels),
    candidates: total(samples, "millrace_stage_candidates_sum", labels),
    latency: latencyOf(samples, "millrace_stage_duration_seconds", labels),
    fallbacks,
  };
}

function latencyOf(samples: Samples, metric: string, labels: { readonly [name: string]: string }): Latency {
  const count = total(samples, `${metric}_count`, labels);
  const quantile = (q: number): number | null => {
    const seconds = histogramQuantile(samples, metric, labels, q);
    return seconds === null ? null : seconds * 1000;
  };
  return {
    count,
    meanMs: count === 0 ? null : (total(samples, `${metric}_sum`, labels) / count) * 1000,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
  };
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { readonly message?: string; readonly cause?: unknown };
  const because = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  return `${message ?? String(error)}${because}`;
}
