/** Asking the studio's server; the token is the one of the page's own address. */

const token = new URLSearchParams(location.search).get("token") ?? "";

/** What the server refused, in its words. */
export class Refused extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

export type Query = { readonly [name: string]: string | number | undefined | readonly string[] };

/** The body as it came, so that unchanged answers can be told without looking inside. */
export async function askText(path: string, query: Query = {}, signal?: AbortSignal): Promise<string> {
  return send(`${path}${searchOf(query)}`, { headers: { authorization: `Bearer ${token}` }, signal });
}

export async function ask<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return JSON.parse(await askText(path, query, signal)) as T;
}

export async function post<T>(path: string, body: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return JSON.parse(await send(path, { method: "POST", headers, body: JSON.stringify(body) })) as T;
}

/** The address of a page that a run holds, which a browser opens by itself. */
export function pageOf(id: string, what: "report" | "analysis"): string {
  return `${what}${searchOf({ id, token })}`;
}

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) search.append(name, String(one));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

async function send(path: string, init: RequestInit): Promise<string> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Refused(0, "the studio does not answer", "has its program been stopped?");
  }
  const text = await response.text();
  if (response.ok) return text;
  let told: { readonly error?: string; readonly hint?: string } = {};
  try {
    told = JSON.parse(text);
  } catch {
    // Not an answer of the studio's own.
  }
  throw new Refused(response.status, told.error ?? `answered ${response.status}`, told.hint);
}
