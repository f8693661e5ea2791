/** How a server listens and what it puts up with. */
import { z } from "zod";

export const serverOptionsSchema = z.strictObject({
  host: z.string().default("127.0.0.1").describe("address to listen at; beyond loopback a token is needed"),
  port: z.number().int().min(0).max(65535).default(8080).describe("0: any free one"),
  token: z
    .string()
    .min(16)
    .optional()
    .describe("bearer token that every request but health checks must carry"),
  insecure: z.boolean().default(false).describe("listen beyond loopback without a token"),
  admin: z.boolean().default(false).describe("offer POST /admin/reload/{name}; needs a token"),
  maxBodyBytes: z.number().int().positive().default(1_048_576).describe("of a request"),
  maxCandidates: z.number().int().positive().default(5000).describe("candidates (or rows) of a request"),
  maxInFlight: z
    .number()
    .int()
    .positive()
    .default(32)
    .describe("requests worked on at once; others get 429 with Retry-After"),
  maxConnections: z
    .number()
    .int()
    .positive()
    .default(1024)
    .describe("open at once, idle ones too; one more is closed without an answer"),
  requestTimeoutMs: z.number().int().positive().default(10_000).describe("for a whole request to arrive"),
  drainMs: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("time between not being ready and not listening, for load balancers to notice"),
  graceMs: z.number().int().positive().default(10_000).describe("time for requests under way at the end"),
});

export type ServerOptionsInput = z.input<typeof serverOptionsSchema>;
export type ServerOptions = z.output<typeof serverOptionsSchema>;
