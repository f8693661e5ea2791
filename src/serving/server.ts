/**
 * The HTTP server: routes, limits, identity, logs and metrics around services. It knows nothing of models;
 * what it serves can be swapped beneath it at any time.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ConfigError, parseOptions } from "../core/index.ts";
import { packageVersion } from "../core/node/index.ts";
import { BearerToken } from "./bearer-token.ts";
import type { SourceRefresh } from "./candidate-source.ts";
import { type CascadeObserver, rank, RequestError, UnavailableError } from "./cascade.ts";
import { httpApp, isLoopback, listenAt } from "./http-app.ts";
import { errorAnswer, NotFoundError, parseBody } from "./http-error.ts";
import { InferencePool, type InferencePoolOptions, OverloadError } from "./inference-pool.ts";
import {
  inferRequestSchema,
  type InferResponse,
  inputColumns,
  type ModelMetadata,
  rowsOfRequest,
} from "./open-inference.ts";
import { openApiDocument, type Services } from "./openapi.ts";
import { rankRequestSchema } from "./rank-api.ts";
import type { LoadedModel, Release, ReleaseOptions } from "./release.ts";
import { type ServerOptions, type ServerOptionsInput, serverOptionsSchema } from "./server-options.ts";
import { Service } from "./service.ts";
import { ServingMetrics } from "./serving-metrics.ts";
import type { NamedCascade } from "./cascade-config.ts";

/** One line of the log. */
export interface LogEntry {
  readonly time: string;
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface ServeOptions extends ServerOptionsInput {
  readonly pool?: InferencePoolOptions;
  /** Sources of candidates by name, beside `all` and `top`. */
  readonly sources?: ReleaseOptions["sources"];
  /** @default nothing */
  readonly log?: (entry: LogEntry) => void;
  /** Gives up the start: `create` rejects with its reason. */
  readonly signal?: AbortSignal;
}

export class Server {
  readonly app: FastifyInstance;
  readonly metrics: ServingMetrics;
  readonly pool: InferencePool;
  readonly #options: ServerOptions;
  readonly #log: (entry: LogEntry) => void;
  readonly #services = new Map<string, Service>();
  readonly #token: BearerToken | undefined;
  #inFlight = 0;
  #stopping: Promise<void> | undefined;

  private constructor(options: ServerOptions, { pool, log = () => {} }: ServeOptions) {
    this.#options = options;
    this.#log = log;
    this.#token = options.token === undefined ? undefined : new BearerToken(options.token);
    this.metrics = new ServingMetrics({
      queuedRows: () => this.pool.queuedRows,
      inFlight: () => this.#inFlight,
      versions: () => new Map([...this.#services].map(([name, { release }]) => [name, release.version])),
    });
    this.pool = new InferencePool({
      ...pool,
      onBatch: (event) => this.metrics.batch(event),
      onThreadReplaced: (cause) => {
        this.metrics.threadReplaced();
        this.#write("error", "thread", { outcome: "replaced", error: String(cause?.stack ?? cause) });
      },
    });
    this.app = httpApp(options);
    this.#hooks();
    this.#routes();
  }

  /**
   * Loads services and makes the server that offers them; it listens once `listen` is called.
   *
   * @param targets each gives its configuration, and again at every reload
   * @throws ConfigError for options or configurations that cannot be, DataError for runs or tables
   */
  static async create(targets: readonly (() => NamedCascade)[], options: ServeOptions = {}): Promise<Server> {
    const { pool, sources, log, signal, ...given } = options;
    const checked = parseOptions(serverOptionsSchema, given, "serve");
    if (checked.token === undefined && !checked.insecure && !isLoopback(checked.host)) {
      throw new ConfigError(`listening at ${checked.host} without a token would let anyone in`, {
        details: { host: checked.host },
        hint: "set a token, or say insecure where something else guards the address",
      });
    }
    if (checked.admin && checked.token === undefined) {
      throw new ConfigError("admin routes need a token", { hint: "set one, or reload by signal or --watch" });
    }
    const server = new Server(checked, options);
    try {
      for (const read of targets) {
        const service = await Service.open(read, {
          pool: server.pool,
          sources,
          signal,
          onRefresh: (name, refresh) => server.#refreshed(name, refresh),
        });
        if (server.#services.has(service.name)) {
          throw new ConfigError(`two services are called ${service.name}`, {
            hint: "say `name` in one of the configurations",
          });
        }
        server.#services.set(service.name, service);
        server.#writeSplit(service);
      }
    } catch (error) {
      await server.pool.close();
      throw error;
    }
    return server;
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services;
  }

  get ready(): boolean {
    return this.#stopping === undefined;
  }

  /** Listens; the address that clients use. */
  async listen(): Promise<string> {
    const { host, port } = this.#options;
    return listenAt(this.app, { host, port });
  }

  /** Reloads a service; a failure is logged and counted, and changes nothing. */
  async reload(name: string): Promise<{ outcome: "swapped" | "unchanged"; version: string }> {
    const service = this.#services.get(name);
    if (service === undefined) throw new NotFoundError(`there is no service "${name}"`);
    try {
      const outcome = await service.reload();
      const { version } = service.release;
      this.metrics.reload(name, outcome);
      this.#write("info", "reload", { name, outcome, version });
      this.#writeSplit(service);
      return { outcome, version };
    } catch (error) {
      if (service.closed) throw error;
      this.metrics.reload(name, "failed");
      this.#write("error", "reload", { name, outcome: "failed", error: (error as Error).message });
      throw error;
    }
  }

  #refreshed(name: string, refresh: SourceRefresh): void {
    const { outcome, version } = refresh;
    this.metrics.refresh(name, outcome);
    if (outcome === "swapped") this.#write("info", "index", { name, outcome, version });
    else {
      const error = String((refresh.cause as Error)?.message ?? refresh.cause);
      this.#write("error", "index", { name, outcome, version, error });
    }
  }

  /**
   * Stops: not ready any more, then no new connections, then waits for requests under way (at most
   * `graceMs`), then frees everything.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { drainMs, graceMs } = this.#options;
    this.#write("info", "stopping", { in_flight: this.#inFlight });
    await new Promise((resolve) => setTimeout(resolve, drainMs));
    let cut: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      cut = setTimeout(() => {
        this.app.server.closeAllConnections();
        resolve();
      }, graceMs);
    });
    await this.app.close();
    await Promise.race([grace, Promise.all([...this.#services.values()].map((service) => service.close()))]);
    clearTimeout(cut);
    await this.pool.close();
    this.#write("info", "stopped");
  }

  #write(level: LogEntry["level"], event: string, fields: { readonly [field: string]: unknown } = {}): void {
    this.#log({ time: new Date().toISOString(), level, event, ...fields });
  }

  /** What models' parts computed ahead take: memory that grows with the item table should not be a surprise. */
  #writeSplit({ name, release }: Service): void {
    for (const { name: model, version, split } of release.models) {
      if (split === undefined) continue;
      this.#write("info", "split", {
        name,
        model,
        version,
        item_products_mb: Math.ceil(split.productBytes / 2 ** 20),
        multiply_adds_saved: split.saved,
      });
    }
  }

  #hooks(): void {
    const { app } = this;
    app.addHook("onRequest", async (request, reply) => {
      void reply.header("x-request-id", request.id);
      // Whoever has gone gets no answer, and "onResponse" is never called; the log should not be without them.
      reply.raw.once("close", () => {
        if (!reply.raw.writableFinished) this.#finished(request, reply, CLIENT_GONE);
      });
      const { url } = request.routeOptions;
      if (this.#token !== undefined && url?.startsWith("/v2/health/") !== true) {
        if (!this.#token.accepts(request.headers.authorization)) {
          void reply.header("www-authenticate", "Bearer");
          throw Object.assign(new Error("a bearer token is needed"), { statusCode: 401 });
        }
      }
      if (request.headers["content-encoding"] !== undefined) {
        throw Object.assign(new Error("bodies are taken without content-encoding"), { statusCode: 415 });
      }
      // Before the body is read: a refusal should cost next to nothing.
      if (request.method === "POST" && this.#isWork(url)) {
        this.#refuseIfFull();
        this.#refuseIfThreadsAreFull(request.params);
      }
    });
    app.addHook("onResponse", async (request, reply) => this.#finished(request, reply));
    app.setErrorHandler((error, request, reply) => this.#failed(error, request, reply));
    app.setNotFoundHandler((request, reply) =>
      this.#failed(
        new NotFoundError(`there is no ${request.method} ${request.url.split("?")[0].slice(0, 200)}`),
        request,
        reply,
      ),
    );
  }

  #isWork(url: string | undefined): boolean {
    return url?.startsWith("/rank") === true || url?.endsWith("/infer") === true;
  }

  #refuseIfFull(): void {
    const { maxInFlight } = this.#options;
    if (this.#inFlight < maxInFlight) return;
    throw new OverloadError(`${this.#inFlight} requests are being worked on, which is all that fit`);
  }

  /** As full, where no answer can be given without the pool's threads. */
  #refuseIfThreadsAreFull(params: unknown): void {
    const { name = "" } = params as { readonly name?: string };
    if (this.#services.get(name)?.release.answersWithoutStages !== true) this.pool.admit(1);
  }

  /** Work that counts towards the limit. */
  async #work<T>(release: Release, work: () => Promise<T>): Promise<T> {
    if (!this.ready) throw new UnavailableError("the server is stopping");
    this.#refuseIfFull();
    this.#inFlight++;
    try {
      return await release.use(work);
    } finally {
      this.#inFlight--;
    }
  }

  #failed(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { status, message, hint, retryAfter } = errorAnswer(error);
    const facts = factsOf(request);
    facts.error = status === 500 ? String((error as Error)?.stack ?? error) : message;
    if (retryAfter !== undefined) void reply.header("retry-after", String(retryAfter));
    return reply
      .code(status)
      .send({ error: message, ...(hint !== undefined && { hint }), request_id: request.id });
  }

  #finished(request: FastifyRequest, reply: FastifyReply, status = reply.statusCode): void {
    const { name, ...facts } = factsOf(request);
    const route = request.routeOptions.url ?? "none";
    const seconds = reply.elapsedTime / 1e3;
    // Only names that exist become labels: others would grow the metrics without bound.
    this.metrics.request(route, typeof name === "string" ? name : "", status, seconds);
    const level = status >= 500 ? "error" : "info";
    this.#write(level, "request", {
      request_id: request.id,
      method: request.method,
      route,
      status,
      ms: Math.round(seconds * 1e5) / 100,
      ...(name !== undefined && { name }),
      ...facts,
    });
  }

  #routes(): void {
    const { app } = this;
    const models = "/v2/models/:name";
    app.get("/v2/health/live", async () => ({ live: true, ready: this.ready }));
    app.get("/v2/health/ready", async (_, reply) => ({ live: true, ready: this.#answerReady(reply) }));
    app.get("/v2", async () => ({ name: "millrace", version: packageVersion(), extensions: ["rank"] }));
    for (const path of [models, `${models}/versions/:version`]) {
      app.get<ModelRoute>(path, async ({ params }) => this.#metadata(params));
      app.get<ModelRoute>(`${path}/ready`, async ({ params }, reply) => {
        this.#model(params);
        return { name: params.name, ready: this.#answerReady(reply) };
      });
      app.post<ModelRoute>(`${path}/infer`, async (request) => this.#infer(request));
    }
    app.get("/rank", async () => ({ services: [...this.#services.values()].map(describe) }));
    app.post<{ Params: { name: string } }>("/rank/:name", async (request) => this.#rank(request));
    app.get("/metrics", async (_, reply) => {
      void reply.type(this.metrics.registry.contentType);
      return this.metrics.registry.metrics();
    });
    const document = openApiDocument({ version: packageVersion(), secured: this.#token !== undefined });
    app.get("/openapi.json", async () => document);
    if (this.#options.admin) {
      app.post<{ Params: { name: string } }>("/admin/reload/:name", async ({ params: { name } }) => ({
        name,
        ...(await this.reload(name)),
      }));
    }
  }

  /** Clients of the protocol read the status, others the body. */
  #answerReady(reply: FastifyReply): boolean {
    const { ready } = this;
    if (!ready) void reply.code(503).header("retry-after", "1");
    return ready;
  }

  async #rank(request: FastifyRequest<{ Params: { name: string } }>): Promise<unknown> {
    const { name } = request.params;
    const service = this.#services.get(name);
    if (service === undefined) {
      throw new NotFoundError(`there is no service "${name.slice(0, 100)}"`, {
        hint: `services: ${[...this.#services.keys()].join(", ")}`,
      });
    }
    const facts = factsOf(request);
    facts.name = name;
    const body = parseBody(rankRequestSchema, request.body);
    const { explain } = request.query as { explain?: unknown };
    const wanted = { ...body, explain: body.explain ?? (explain === "true" || explain === "1") };
    this.#checkCount(wanted.candidates?.length ?? 0);
    const { release } = service;
    facts.version = release.version;
    return this.#work(release, async () => {
      const answer = await rank(release, this.pool, wanted, this.#observerOf(name, request.id));
      Object.assign(facts, {
        candidates: answer.counts.candidates,
        items: answer.items.length,
        stage: answer.stage,
        fallbacks: answer.fallbacks.map(({ stage, reason }) => `${stage}: ${reason}`),
      });
      return { request_id: request.id, ...answer };
    });
  }

  /** Counts, and says why a stage failed: the answer tells no more than that it did. */
  #observerOf(name: string, requestId: string): CascadeObserver {
    const observer = this.metrics.observerOf(name);
    return {
      ...observer,
      fallback: (stage, reason, cause) => {
        observer.fallback?.(stage, reason, cause);
        if (reason !== "failed") return;
        const error = String((cause as Error)?.stack ?? cause);
        this.#write("warn", "failed", { request_id: requestId, name, stage, error });
      },
    };
  }

  async #infer(request: FastifyRequest<ModelRoute>): Promise<InferResponse> {
    const { model, release } = this.#model(request.params);
    const facts = factsOf(request);
    facts.name = request.params.name;
    facts.version = model.version;
    const body = parseBody(inferRequestSchema, request.body);
    const { assembly, source } = model;
    const columns = inputColumns(model.map, assembly.columns);
    const rows = rowsOfRequest(body, columns, this.#options.maxCandidates);
    facts.rows = rows.length;
    const known = Object.entries(source.predictions);
    const wanted = (body.outputs ?? known.map(([, name]) => ({ name }))).map(({ name }) => {
      const found = known.find(([, output]) => output === name);
      if (found !== undefined) return { label: found[0], name };
      throw new RequestError(
        `the model has no output "${name.slice(0, 100)}"; its outputs are ${known.map(([, output]) => output).join(", ")}`,
      );
    });
    return this.#work(release, async () => {
      const { batch, outOfVocabulary } = assembly.assembleRows(rows);
      const observer = this.metrics.observerOf(release.cascade.name);
      observer.outOfVocabulary?.(model.name, outOfVocabulary);
      const predictions = await this.pool.run(model.key, batch);
      return {
        model_name: request.params.name,
        model_version: model.version,
        id: body.id ?? request.id,
        outputs: wanted.map(({ label, name }) => ({
          name,
          shape: [rows.length],
          datatype: "FP32" as const,
          data: Array.from(predictions[label]),
        })),
      };
    });
  }

  #metadata(params: ModelRoute["Params"]): ModelMetadata {
    const { model } = this.#model(params);
    return {
      name: params.name,
      versions: [model.version],
      platform: "onnx_onnxruntime",
      inputs: inputColumns(model.map, model.assembly.columns).map(({ name, datatype, list }) => ({
        name,
        datatype,
        shape: list ? [-1, -1] : [-1],
      })),
      outputs: Object.values(model.source.predictions).map((name) => ({
        name,
        datatype: "FP32",
        shape: [-1],
      })),
    };
  }

  /** `service.model`, or the service's name where it has one model. */
  #model({ name, version }: ModelRoute["Params"]): {
    readonly model: LoadedModel;
    readonly release: Release;
  } {
    for (const [service, { release }] of this.#services) {
      const model =
        name === service && release.models.length === 1
          ? release.models[0]
          : release.models.find((candidate) => name === `${service}.${candidate.name}`);
      if (model === undefined) continue;
      if (version !== undefined && version !== model.version) {
        throw new NotFoundError(`model "${name}" is served in version ${model.version} only`);
      }
      return { model, release };
    }
    const names = [...this.#services.values()].flatMap(modelNames);
    throw new NotFoundError(`there is no model "${name.slice(0, 100)}"`, {
      hint: `models: ${names.join(", ")}`,
    });
  }

  #checkCount(count: number): void {
    const { maxCandidates } = this.#options;
    if (count <= maxCandidates) return;
    throw Object.assign(new Error(`${count} candidates, of which ${maxCandidates} are the most`), {
      statusCode: 413,
    });
  }
}

/** The status by which a connection that ended before the answer is known in logs and metrics. */
const CLIENT_GONE = 499;

interface ModelRoute {
  Params: { name: string; version?: string };
}

/** What the log will say of a request beside what every request has. */
const requestFacts = new WeakMap<object, { [field: string]: unknown }>();

function factsOf(request: FastifyRequest): { [field: string]: unknown } {
  let facts = requestFacts.get(request);
  if (facts === undefined) {
    facts = {};
    requestFacts.set(request, facts);
  }
  return facts;
}

function modelNames({ name, release: { models } }: Service): string[] {
  return models.length === 1 ? [name] : models.map((model) => `${name}.${model.name}`);
}

function describe(service: Service): Services["services"][number] {
  const { name, release } = service;
  const { config } = release.cascade;
  const names = modelNames(service);
  return {
    name,
    version: release.version,
    models: release.models.map(({ version, labels }, k) => ({
      name: names[k],
      version,
      labels: [...labels],
    })),
    stages: release.stages.map((stage) => stage.name),
    candidates: config.candidates.source,
    context: [
      ...new Set([...release.models.flatMap(({ assembly }) => assembly.contextColumns), ...config.context]),
    ],
  };
}
