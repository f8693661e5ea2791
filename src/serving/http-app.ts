/**
 * The Fastify application that Millrace's servers are made of: ids of requests, time limits, and bodies that
 * are JSON in UTF-8 and nothing else.
 */
import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { RequestError } from "./cascade.ts";

export interface HttpAppOptions {
  /** Of a request. */
  readonly maxBodyBytes: number;
  /** For a whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** Open at once. @default as many as the process may have */
  readonly maxConnections?: number;
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

export function httpApp({ maxBodyBytes, requestTimeoutMs, maxConnections }: HttpAppOptions): FastifyInstance {
  const app = Fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    // Node looks for late requests every half minute only, unless told otherwise.
    http: { connectionsCheckingInterval: 500, headersTimeout: requestTimeoutMs },
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    // A service may be called as long as a file may.
    routerOptions: { maxParamLength: 1024 },
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const given = headers["x-request-id"];
      return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    },
    exposeHeadRoutes: false,
  });
  // The next one is closed when it is accepted: each takes a file handle, which models and tables need, too.
  if (maxConnections !== undefined) app.server.maxConnections = maxConnections;
  readJsonBodies(app);
  return app;
}

function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i,
    { parseAs: "buffer" },
    (request, body, done) => {
      if (!isUtf8(body as Buffer)) done(new RequestError("the body is not UTF-8"), undefined);
      else if (body.length === 0) done(new RequestError("the body is empty; JSON was expected"), undefined);
      else parse(request, body.toString("utf8"), done);
    },
  );
}

/** Listens; the address that clients use. */
export async function listenAt(
  app: FastifyInstance,
  at: { readonly host: string; readonly port: number },
): Promise<string> {
  await app.listen(at);
  const address = app.server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
