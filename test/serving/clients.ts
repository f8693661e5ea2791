/** Requests to a server under test. */
import type { RankRequest, RankResponse } from "../../src/serving/index.ts";

/** Of servers under test that ask for one. */
export const TOKEN = "a secret of some length";
export const bearer = { authorization: `Bearer ${TOKEN}` };

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export async function post<T>(
  url: string,
  body: unknown,
  headers: { readonly [name: string]: string } = {},
): Promise<Answer<T>> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

export async function rankAt(url: string, name: string, request: RankRequest): Promise<RankResponse> {
  const { status, body } = await post<RankResponse>(`${url}/rank/${name}`, request);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

export async function get<T>(
  url: string,
  headers: { readonly [name: string]: string } = {},
): Promise<Answer<T>> {
  const response = await fetch(url, { headers });
  const text = await response.text();
  const json = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    body: (json ? JSON.parse(text) : text) as T,
  };
}
