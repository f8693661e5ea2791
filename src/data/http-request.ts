/** Requests for files: tried again where that may help, refused in words that name the address. */
import { setTimeout as sleep } from "node:timers/promises";
import { DataError } from "../core/index.ts";

/** What a server says of a file's version. */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

export function validatorsOf(headers: Headers): Validators {
  return {
    etag: headers.get("etag") ?? undefined,
    lastModified: headers.get("last-modified") ?? undefined,
  };
}

export interface FileResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Waits before further tries, in ms. */
const WAITS = [500, 2000];
/** A request that takes longer, its body included, is given up. */
const TIMEOUT_MS = 600_000;

/** Gets an address. @throws DataError for what is neither 2xx nor 304 nor 412, tries included */
export async function request(url: string, headers: Readonly<Record<string, string>>): Promise<FileResponse> {
  for (let attempt = 0; ; attempt++) {
    const last = attempt >= WAITS.length;
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.ok || response.status === 304 || response.status === 412) {
        return { status: response.status, headers: response.headers, body: bodyOf(url, response) };
      }
      await response.body?.cancel();
      const passing = response.status === 429 || response.status >= 500;
      if (last || !passing) throw refused(url, response);
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      if (last) throw unreachable(url, cause);
    }
    await sleep(WAITS[attempt]);
  }
}

async function* bodyOf(url: string, { body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

export interface RangeResponse {
  readonly bytes: Buffer;
  /** Length of the whole file. */
  readonly total: number;
  readonly validators: Validators;
}

/**
 * Gets bytes of a file.
 *
 * @param range as the header has it: `first-last`, or `-count` for the last ones
 * @param expected what the file's version must be
 * @returns the whole file where the server gives no ranges; undefined when it has another version of the file
 */
export async function requestRange(
  url: string,
  range: string,
  expected: Partial<Validators>,
): Promise<RangeResponse | FileResponse | undefined> {
  // A weak tag does not speak for bytes.
  const strong = expected.etag !== undefined && !expected.etag.startsWith("W/");
  for (let attempt = 0; ; attempt++) {
    const response = await request(url, {
      range: `bytes=${range}`,
      // Ranges count the bytes as they are stored.
      "accept-encoding": "identity",
      ...(strong && expected.etag !== undefined && { "if-match": expected.etag }),
    });
    if (response.status === 200) return response;
    const [, first, total] =
      /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    const validators = validatorsOf(response.headers);
    const same =
      (expected.etag === undefined || validators.etag === expected.etag) &&
      (expected.lastModified === undefined || validators.lastModified === expected.lastModified);
    const start = range.startsWith("-") ? undefined : range.split("-")[0];
    if (response.status !== 206 || total === undefined || !same || (start ?? first) !== first) {
      await discard(response);
      return undefined;
    }
    try {
      const parts: Uint8Array[] = [];
      for await (const part of response.body) parts.push(part);
      return { bytes: Buffer.concat(parts), total: Number(total), validators };
    } catch (cause) {
      if (attempt >= WAITS.length) throw cause;
      await sleep(WAITS[attempt]);
    }
  }
}

/** Ends a response without reading it. */
export async function discard({ body }: Pick<FileResponse, "body">): Promise<void> {
  for await (const _ of body) break;
}

function refused(url: string, { status, statusText }: Response): DataError {
  const hint =
    status === 401 || status === 403
      ? "addresses are read without credentials: sign the address, or copy the file here"
      : status === 404
        ? "is the address right?"
        : undefined;
  return new DataError(`${url}: the server answers ${status} ${statusText}`.trimEnd(), {
    details: { file: url, expected: "200 or 206", received: status },
    hint,
  });
}

function unreachable(url: string, cause: unknown): DataError {
  const error = cause as Error & { readonly cause?: Error };
  return new DataError(`${url} cannot be read: ${error.cause?.message || error.message}`, {
    details: { file: url },
    hint: "is the server there, and may this machine reach it?",
    cause,
  });
}
