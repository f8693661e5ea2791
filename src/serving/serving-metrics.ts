/** What a server counts, for Prometheus: base units, names that begin with `millrace_`. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { BulkHistogram } from "./bulk-histogram.ts";
import type { CascadeObserver } from "./cascade.ts";
import type { BatchEvent } from "./inference-pool.ts";

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const ROWS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const SCORES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export interface Gauges {
  queuedRows(): number;
  inFlight(): number;
  /** Versions being served, by service. */
  versions(): ReadonlyMap<string, string>;
}

export class ServingMetrics {
  readonly registry = new Registry();
  readonly #requests;
  readonly #seconds;
  readonly #stages;
  readonly #stageCandidates;
  readonly #fallbacks;
  readonly #unknown;
  readonly #scores: BulkHistogram;
  readonly #graphRows;
  readonly #batchRows;
  readonly #batchSeconds;
  readonly #rows;
  readonly #threads;
  readonly #reloads;
  readonly #refreshes;

  constructor(gauges: Gauges) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: "millrace_requests_total",
      help: "Requests answered, by route, service or model, and status code",
      labelNames: ["route", "name", "code"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "millrace_request_duration_seconds",
      help: "From the request's head to the answer's last byte handed over",
      labelNames: ["route", "name"],
      buckets: SECONDS,
      registers,
    });
    this.#stages = new Histogram({
      name: "millrace_stage_duration_seconds",
      help: "Time of one stage of a request, waiting in the queue included",
      labelNames: ["name", "stage"],
      buckets: SECONDS,
      registers,
    });
    this.#stageCandidates = new Histogram({
      name: "millrace_stage_candidates",
      help: "Candidates that a stage had to score",
      labelNames: ["name", "stage"],
      buckets: ROWS,
      registers,
    });
    this.#fallbacks = new Counter({
      name: "millrace_fallbacks_total",
      help: "Stages left out, by reason: late, failed, overloaded",
      labelNames: ["name", "stage", "reason"],
      registers,
    });
    this.#unknown = new Counter({
      name: "millrace_out_of_vocabulary_total",
      help: "Values that no vocabulary knows: once a request, or once a candidate for items' features",
      labelNames: ["name", "model", "feature"],
      registers,
    });
    this.#scores = new BulkHistogram(
      {
        name: "millrace_prediction",
        help: "Predictions of all candidates scored, by model and label, calibrated",
        buckets: SCORES,
      },
      this.registry,
    );
    this.#graphRows = new Counter({
      name: "millrace_graph_rows_total",
      help: "Rows run, by graph: plain, split (request's and items' parts apart), towers, items (what is made of them ahead)",
      labelNames: ["model", "graph"],
      registers,
    });
    this.#batchRows = new Histogram({
      name: "millrace_batch_rows",
      help: "Rows of one run of a model",
      labelNames: ["model"],
      buckets: ROWS,
      registers,
    });
    this.#batchSeconds = new Histogram({
      name: "millrace_batch_duration_seconds",
      help: "Time of one run of a model in its thread",
      labelNames: ["model"],
      buckets: SECONDS,
      registers,
    });
    this.#rows = new Counter({
      name: "millrace_table_rows_total",
      help: "Rows of tables looked up in files or Redis: hit (cache), miss (fetched), fallback (could not be had)",
      labelNames: ["model", "outcome"],
      registers,
    });
    this.#threads = new Counter({
      name: "millrace_threads_replaced_total",
      help: "Inference threads that died and were replaced; what they had under way failed",
      registers,
    });
    this.#reloads = new Counter({
      name: "millrace_reloads_total",
      help: "Releases loaded while serving, by outcome: swapped, unchanged, failed",
      labelNames: ["name", "outcome"],
      registers,
    });
    this.#refreshes = new Counter({
      name: "millrace_index_refreshes_total",
      help: "Newer versions of a source's index, by outcome: swapped, failed",
      labelNames: ["name", "outcome"],
      registers,
    });
    gauge(this.registry, "millrace_queued_rows", "Rows that wait for a thread", () => gauges.queuedRows());
    gauge(this.registry, "millrace_requests_in_flight", "Requests being worked on", () => gauges.inFlight());
    const release = new Gauge({
      name: "millrace_release_info",
      help: "1 for the release that each service serves",
      labelNames: ["name", "version"],
      registers,
      collect() {
        release.reset();
        for (const [name, version] of gauges.versions()) release.set({ name, version }, 1);
      },
    });
  }

  request(route: string, name: string, code: number, seconds: number): void {
    this.#requests.inc({ route, name, code: String(code) });
    this.#seconds.observe({ route, name }, seconds);
  }

  threadReplaced(): void {
    this.#threads.inc();
  }

  reload(name: string, outcome: "swapped" | "unchanged" | "failed"): void {
    this.#reloads.inc({ name, outcome });
  }

  refresh(name: string, outcome: "swapped" | "failed"): void {
    this.#refreshes.inc({ name, outcome });
  }

  batch({ key, rows, seconds, fetched }: BatchEvent): void {
    const [, model, graph = "plain"] = key.match(/^(.*)#\d+(?:\/(\w+))?$/) ?? ["", key];
    this.#graphRows.inc({ model, graph }, rows);
    if (graph === "items") return;
    this.#batchRows.observe({ model }, rows);
    this.#batchSeconds.observe({ model }, seconds);
    if (fetched.hits > 0) this.#rows.inc({ model, outcome: "hit" }, fetched.hits);
    if (fetched.misses > 0) this.#rows.inc({ model, outcome: "miss" }, fetched.misses);
    if (fetched.fallbacks > 0) this.#rows.inc({ model, outcome: "fallback" }, fetched.fallbacks);
  }

  /** Counts what happens in one service's cascade. */
  observerOf(name: string): CascadeObserver {
    return {
      stage: (stage, seconds, candidates) => {
        this.#stages.observe({ name, stage }, seconds);
        this.#stageCandidates.observe({ name, stage }, candidates);
      },
      fallback: (stage, reason) => this.#fallbacks.inc({ name, stage, reason }),
      outOfVocabulary: (model, counts) => {
        for (const [feature, count] of Object.entries(counts)) {
          this.#unknown.inc({ name, model, feature }, count);
        }
      },
      predictions: (model, label, values) => this.#scores.observe({ name, model, label }, values),
    };
  }
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  const metric = new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      metric.set(value());
    },
  });
}
