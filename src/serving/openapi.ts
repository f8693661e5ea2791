/** The OpenAPI 3.1 document of a server, from the schemas that check its requests. */
import { z } from "zod";
import { errorSchema } from "./http-error.ts";
import { inferRequestSchema, inferResponseSchema, modelMetadataSchema } from "./open-inference.ts";
import { rankRequestSchema, rankResponseSchema } from "./rank-api.ts";

export const servicesSchema = z
  .object({
    services: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        models: z.array(z.object({ name: z.string(), version: z.string(), labels: z.array(z.string()) })),
        stages: z.array(z.string()),
        candidates: z.string().describe("`request`, or the source that finds them"),
        context: z.array(z.string()).describe("columns that the models read and no table has"),
      }),
    ),
  })
  .meta({ id: "Services" });

export type Services = z.output<typeof servicesSchema>;

export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: "ServerMetadata" });

export const healthSchema = z.object({ live: z.boolean(), ready: z.boolean() }).meta({ id: "Health" });
export const modelReadySchema = z.object({ name: z.string(), ready: z.boolean() }).meta({ id: "ModelReady" });
export const reloadSchema = z
  .object({ name: z.string(), outcome: z.enum(["swapped", "unchanged"]), version: z.string() })
  .meta({ id: "Reload" });

interface Operation {
  readonly method: "get" | "post";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** Parameters of the address: their schemas. */
  readonly query?: { readonly [name: string]: JsonSchema };
  readonly request?: z.ZodType;
  /** Absent: text. */
  readonly response?: z.ZodType;
  readonly statuses?: readonly number[];
  /** Whether 503 comes with the same body as 200, which says so. */
  readonly notReady?: boolean;
}

/** What work on a body may end with. */
const WORK = [400, 401, 404, 408, 413, 415, 429, 500, 503];

/** Every route, in the order of the documentation. */
export const operations: readonly Operation[] = [
  {
    method: "post",
    path: "/rank/{name}",
    id: "rank",
    summary: "Ranks items for a user",
    query: {
      explain: {
        type: "boolean",
        description: "as in the body, which wins where both say it; `1` is true, too",
      },
    },
    request: rankRequestSchema,
    response: rankResponseSchema,
    statuses: WORK,
  },
  {
    method: "get",
    path: "/rank",
    id: "services",
    summary: "Services and what they need",
    response: servicesSchema,
  },
  {
    method: "post",
    path: "/v2/models/{name}/infer",
    id: "infer",
    summary: "Predictions of one model for rows of raw values (Open Inference Protocol)",
    request: inferRequestSchema,
    response: inferResponseSchema,
    statuses: WORK,
  },
  {
    method: "post",
    path: "/v2/models/{name}/versions/{version}/infer",
    id: "inferVersion",
    summary: "The same, of one version; 404 when another is being served",
    request: inferRequestSchema,
    response: inferResponseSchema,
    statuses: WORK,
  },
  {
    method: "get",
    path: "/v2/models/{name}",
    id: "model",
    summary: "A model's inputs and outputs",
    response: modelMetadataSchema,
    statuses: [401, 404],
  },
  {
    method: "get",
    path: "/v2/models/{name}/versions/{version}",
    id: "modelVersion",
    summary: "The same, of one version",
    response: modelMetadataSchema,
    statuses: [401, 404],
  },
  {
    method: "get",
    path: "/v2/models/{name}/ready",
    id: "modelReady",
    summary: "Whether a model is ready",
    response: modelReadySchema,
    statuses: [401, 404],
    notReady: true,
  },
  {
    method: "get",
    path: "/v2/models/{name}/versions/{version}/ready",
    id: "modelVersionReady",
    summary: "The same, of one version",
    response: modelReadySchema,
    statuses: [401, 404],
    notReady: true,
  },
  { method: "get", path: "/v2", id: "server", summary: "The server", response: serverMetadataSchema },
  {
    method: "get",
    path: "/v2/health/live",
    id: "live",
    summary: "Whether the process answers",
    response: healthSchema,
    statuses: [],
  },
  {
    method: "get",
    path: "/v2/health/ready",
    id: "ready",
    summary: "Whether to send requests here; 503 while stopping",
    response: healthSchema,
    statuses: [],
    notReady: true,
  },
  { method: "get", path: "/metrics", id: "metrics", summary: "Prometheus metrics" },
  {
    method: "get",
    path: "/openapi.json",
    id: "openapi",
    summary: "This document",
    response: z.record(z.string(), z.unknown()),
  },
  {
    method: "post",
    path: "/admin/reload/{name}",
    id: "reload",
    summary: "Loads what the service's configuration and pointers say now; only with `--admin`",
    response: reloadSchema,
    statuses: [400, 401, 404, 408, 413, 415, 500],
  },
];

const reasons: { readonly [status: number]: string } = {
  400: "The request cannot be answered as it is",
  401: "The bearer token is missing or wrong",
  404: "No such service, model or version",
  408: "The request did not arrive in time; the connection is closed, and the body is no `Error`",
  413: "The body is larger, or has more candidates, than the server takes",
  415: "The body is not JSON",
  429: "Too much at once; try again after `Retry-After` seconds",
  500: "Something went wrong inside; the log says what",
  503: "Not now; try again after `Retry-After` seconds",
};

const requestId = {
  description: "Of the request: as it came, or made where it did not come; in the log, too",
  schema: { type: "string", maxLength: 128 },
};
const retryAfter = {
  description: "Seconds after which trying again makes sense",
  schema: { type: "integer" },
};

function headersOf(status: number): { readonly [name: string]: unknown } {
  return {
    "x-request-id": { $ref: "#/components/headers/RequestId" },
    ...((status === 429 || status === 503) && {
      "retry-after": { $ref: "#/components/headers/RetryAfter" },
    }),
  };
}

interface JsonSchema {
  readonly $schema?: string;
  readonly $defs?: { readonly [id: string]: unknown };
  readonly [key: string]: unknown;
}

export interface OpenApiOptions {
  readonly version: string;
  /** Whether requests carry a token. */
  readonly secured: boolean;
}

export function openApiDocument({ version, secured }: OpenApiOptions): { readonly [key: string]: unknown } {
  const schemas: { [id: string]: unknown } = {};
  const refer = (schema: z.ZodType, io: "input" | "output"): unknown => {
    const { id } = schema.meta() ?? {};
    const { $schema, $defs = {}, ...json } = z.toJSONSchema(schema, { io }) as JsonSchema;
    if (typeof id !== "string") return json;
    // A schema with an id comes as a reference to its own definition.
    schemas[id] ??= $defs[id] ?? json;
    return { $ref: `#/components/schemas/${id}` };
  };
  const paths: { [path: string]: { [method: string]: unknown } } = {};
  for (const operation of operations) {
    const { method, path, id, summary, query = {}, request, response, statuses = [401] } = operation;
    const { notReady = false } = operation;
    const content = (schema: z.ZodType, io: "input" | "output"): unknown => ({
      "application/json": { schema: refer(schema, io) },
    });
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    }));
    const inQuery = Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema }));
    const done =
      response === undefined ? { "text/plain": { schema: { type: "string" } } } : content(response, "output");
    paths[path] ??= {};
    paths[path][method] = {
      operationId: id,
      summary,
      parameters: [...inPath, ...inQuery, { $ref: "#/components/parameters/RequestId" }],
      ...(request !== undefined && { requestBody: { required: true, content: content(request, "input") } }),
      responses: {
        200: { description: "Done", headers: headersOf(200), content: done },
        ...Object.fromEntries(
          statuses.map((status) => [
            status,
            status === 408
              ? { description: reasons[status] }
              : {
                  description: reasons[status],
                  headers: headersOf(status),
                  content: content(errorSchema, "output"),
                },
          ]),
        ),
        ...(notReady && { 503: { description: "Not ready", headers: headersOf(503), content: done } }),
      },
      ...(path.startsWith("/v2/health") && { security: [] }),
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Millrace serving", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    ...(secured && { security: [{ token: [] }] }),
    paths,
    components: {
      schemas,
      parameters: { RequestId: { name: "x-request-id", in: "header", ...requestId } },
      headers: { RequestId: requestId, RetryAfter: retryAfter },
      ...(secured && { securitySchemes: { token: { type: "http", scheme: "bearer" } } }),
    },
  };
}
