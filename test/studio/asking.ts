/** A studio for tests, and what asks it. */
import { request } from "node:http";
import { Studio, type StudioOptions } from "../../src/studio/index.ts";

export interface Asked {
  readonly studio: Studio;
  /** With the token. */
  readonly address: string;
  readonly origin: string;
  readonly token: string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
}

export async function openStudio(options: StudioOptions): Promise<Asked> {
  const studio = new Studio(options);
  const address = await studio.listen();
  const { origin, searchParams } = new URL(address);
  const token = searchParams.get("token") ?? "";
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const call = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await fetch(origin + path, { ...init, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    studio,
    address,
    origin,
    token,
    get: (path) => call(path, {}),
    post: (path, body) => call(path, { method: "POST", body: JSON.stringify(body) }),
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** A request exactly as written: `fetch` would tidy up paths and refuse headers. */
export function raw(
  origin: string,
  path: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { readonly method?: string; readonly headers?: { [name: string]: string }; readonly body?: string } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, body: text, headers: answer.headers }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
