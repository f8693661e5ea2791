/**
 * A typed client of `millrace serve`, for browsers and Node: `fetch` and nothing else. Its types are those
 * of the schemas with which the server checks requests.
 *
 *     const client = new RankClient("http://127.0.0.1:8080", { token });
 *     const { items } = await client.rank("feed", { user: 42, context: { hour: 9 } });
 */
import type { InferRequest, InferResponse, ModelMetadata } from "../open-inference.ts";
import type { Services } from "../openapi.ts";
import type { RankRequest, RankResponse } from "../rank-api.ts";

export type { InferRequest, InferResponse, ModelMetadata, RankRequest, RankResponse, Services };

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
  readonly #url: string;
  readonly #options: RankClientOptions;

  constructor(url: string, options: RankClientOptions = {}) {
    this.#url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** Ranks items by a service. @throws ServerError */
  rank(service: string, request: RankRequest, options?: CallOptions): Promise<RankResponse> {
    return this.#call("POST", `/rank/${encodeURIComponent(service)}`, request, options);
  }

  /** Services and what they need. */
  services(options?: CallOptions): Promise<Services> {
    return this.#call("GET", "/rank", undefined, options);
  }

  /** Predictions of one model for rows of raw values. @throws ServerError */
  infer(model: string, request: InferRequest, options?: CallOptions): Promise<InferResponse> {
    return this.#call("POST", `/v2/models/${encodeURIComponent(model)}/infer`, request, options);
  }

  /** A model's inputs and outputs. */
  model(name: string, options?: CallOptions): Promise<ModelMetadata> {
    return this.#call("GET", `/v2/models/${encodeURIComponent(name)}`, undefined, options);
  }

  /** Whether the server wants requests. */
  async ready({ signal }: Pick<CallOptions, "signal"> = {}): Promise<boolean> {
    const send = this.#options.fetch ?? fetch;
    const { ok } = await send(`${this.#url}/v2/health/ready`, { signal });
    return ok;
  }

  async #call<T>(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    { signal, requestId }: CallOptions = {},
  ): Promise<T> {
    const { token, retries = 0, fetch: send = fetch } = this.#options;
    const headers: { [name: string]: string } = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (requestId !== undefined) headers["x-request-id"] = requestId;
    for (let attempt = 0; ; attempt++) {
      const response = await send(this.#url + path, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (response.ok) return (await response.json()) as T;
      const error = await errorOf(response);
      if (attempt >= retries || (error.status !== 429 && error.status !== 503)) throw error;
      await pause((error.retryAfter ?? 1) * 1e3, signal);
    }
  }
}

async function errorOf(response: Response): Promise<ServerError> {
  const text = await response.text();
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(after) ? after : undefined;
  try {
    const { error, hint, request_id: requestId } = JSON.parse(text);
    return new ServerError(response.status, String(error), { hint, requestId, retryAfter });
  } catch {
    // Something between us and the server answered.
    return new ServerError(response.status, text.slice(0, 200) || response.statusText, { retryAfter });
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
