/**
 * Who may use the studio, and what its pages may do.
 *
 * It listens at loopback only and answers only to names of loopback, so that a page elsewhere cannot reach it
 * by having its own name resolve here. Everything but the page's own program needs the token, from the
 * `Authorization` header or, for what a browser opens by itself, from the address. Pages load nothing from
 * elsewhere, run no inline scripts, and cannot be framed.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type BearerToken, isLoopback } from "../serving/index.ts";

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** For what runs have written: a document of its own origin that runs nothing. */
export const FOREIGN_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'";

export function guard(app: FastifyInstance, token: BearerToken, isPublic: (url: string) => boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({
      "content-security-policy": PAGE_POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cache-control": "no-store",
    });
    if (!isOwnName(request.headers.host)) {
      throw refusal(421, "the studio answers to this machine's own names only, such as 127.0.0.1");
    }
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `http://${request.headers.host}`) {
      throw refusal(403, "the request comes from another page");
    }
    if (isPublic(request.url.split("?")[0])) return;
    if (!token.accepts(tokenOf(request))) {
      void reply.header("www-authenticate", "Bearer");
      throw refusal(
        401,
        "the token is missing or wrong: open the address that `millrace studio` has printed",
      );
    }
  });
}

function tokenOf({ headers, query, method }: FastifyRequest): string | undefined {
  if (headers.authorization !== undefined) return headers.authorization;
  const { token } = query as { readonly token?: unknown };
  // What changes something is never done by a link.
  return typeof token === "string" && method === "GET" ? `Bearer ${token}` : undefined;
}

function isOwnName(host: string | undefined): boolean {
  const name = /^(\[[\da-f:]+\]|[^:]+)(:\d+)?$/i.exec(host ?? "")?.[1];
  return name !== undefined && isLoopback(name.replace(/^\[|\]$/g, ""));
}

function refusal(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}
