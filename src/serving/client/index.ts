/**
 * A typed client of `millrace serve`, for browsers and Node: `fetch` and little else. Its types are generated from
 * the server's OpenAPI document (`routes.ts`).
 *
 *     const client = new RankClient("http://127.0.0.1:8080", { token });
 *     const { items } = await client.rank("feed", { user: 42, context: { hour: 9 } });
 */
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./routes.ts";

type Schemas = components["schemas"];
export type InferRequest = Schemas["InferRequest"];
export type InferResponse = Schemas["InferResponse"];
export type ModelMetadata = Schemas["ModelMetadata"];
export type RankRequest = Schemas["RankRequest"];
export type RankResponse = Schemas["RankResponse"];
export type Services = Schemas["Services"];
/** Every route of the server, with its parameters, request and answers. */
export type Routes = paths;

export interface RankClientOptions {
  readonly token?: string;
  /** @default the global one */
  readonly fetch?: typeof fetch;
  /** How often a request that got 429 or 503 is sent again, after the time that the server asks for. @default 0 */
  readonly retries?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Found again in the server's log and answer. */
  readonly requestId?: string;
}

/** The server's answer was an error. */
export class ServerError extends Error {
  readonly status: number;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    message: string,
    about: { readonly hint?: string; readonly requestId?: string; readonly retryAfter?: number } = {},
  ) {
    super(message);
    this.name = "ServerError";
    this.status = status;
    this.hint = about.hint;
    this.requestId = about.requestId;
    this.retryAfter = about.retryAfter;
  }
}

export class RankClient {
  /**
   * Every route by its path, with this client's token and retries; errors are returned, not thrown:
   *
   *     const { data, error } = await client.routes.GET("/v2/models/{name}/ready", { params: { path: { name } } });
   */
  readonly routes: Client<Routes>;
  readonly #options: RankClientOptions;

  constructor(url: string, options: RankClientOptions = {}) {
    this.#options = options;
    this.routes = createClient<Routes>({
      baseUrl: url.replace(/\/+$/, ""),
      fetch: (request) => this.#send(request),
    });
  }

  /** Ranks items by a service. @throws ServerError */
  async rank(service: string, request: RankRequest, options?: CallOptions): Promise<RankResponse> {
    const { signal, header } = callOf(options);
    const params = { path: { name: service }, header };
    return dataOf(await this.routes.POST("/rank/{name}", { params, body: request, signal }));
  }

  /** Services and what they need. @throws ServerError */
  async services(options?: CallOptions): Promise<Services> {
    const { signal, header } = callOf(options);
    return dataOf(await this.routes.GET("/rank", { params: { header }, signal }));
  }

  /** Predictions of one model for rows of raw values. @throws ServerError */
  async infer(model: string, request: InferRequest, options?: CallOptions): Promise<InferResponse> {
    const { signal, header } = callOf(options);
    const params = { path: { name: model }, header };
    return dataOf(await this.routes.POST("/v2/models/{name}/infer", { params, body: request, signal }));
  }

  /** A model's inputs and outputs. @throws ServerError */
  async model(name: string, options?: CallOptions): Promise<ModelMetadata> {
    const { signal, header } = callOf(options);
    return dataOf(await this.routes.GET("/v2/models/{name}", { params: { path: { name }, header }, signal }));
  }

  /** Whether the server wants requests. */
  async ready({ signal }: Pick<CallOptions, "signal"> = {}): Promise<boolean> {
    // "Not now" is the answer here, and nothing to try again after.
    const send = this.#options.fetch ?? fetch;
    const { response } = await this.routes.GET("/v2/health/ready", {
      signal,
      fetch: (request) => send(request),
    });
    return response.ok;
  }

  async #send(request: Request): Promise<Response> {
    const { token, retries = 0, fetch: send = fetch } = this.#options;
    if (token !== undefined) request.headers.set("authorization", `Bearer ${token}`);
    for (let attempt = 0; ; attempt++) {
      if (attempt >= retries) return send(request);
      // A body can be sent once only.
      const response = await send(request.clone());
      if (response.status !== 429 && response.status !== 503) return response;
      // Nobody reads this answer, and its connection is wanted again.
      await response.body?.cancel();
      await pause((retryAfterOf(response) ?? 1) * 1e3, request.signal);
    }
  }
}

/** A call's options as routes take them. */
function callOf({ signal, requestId }: CallOptions = {}): {
  readonly signal: AbortSignal | undefined;
  readonly header: { readonly "x-request-id"?: string };
} {
  return { signal, header: requestId === undefined ? {} : { "x-request-id": requestId } };
}

function dataOf<T>({
  data,
  error,
  response,
}: {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}): T {
  if (response.ok && data !== undefined) return data;
  throw errorOf(response, error);
}

function errorOf(response: Response, body: unknown): ServerError {
  const { status, statusText } = response;
  const retryAfter = retryAfterOf(response);
  if (typeof body === "object" && body !== null && "error" in body) {
    const { error, hint, request_id: requestId } = body as Schemas["Error"];
    return new ServerError(status, String(error), { hint, requestId, retryAfter });
  }
  // Something between us and the server answered.
  const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
  return new ServerError(status, text.slice(0, 200) || statusText, { retryAfter });
}

function retryAfterOf({ headers }: Response): number | undefined {
  const after = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(after) ? after : undefined;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    }, milliseconds);
    // A caller that has given up by now is not told of again.
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
}
