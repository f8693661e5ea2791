/** Errors as answers: every mistake of a request is a 4xx that says what is wrong. */
import { z } from "zod";
import { ConfigError, DataError, keyPath, type MillraceError, problemOf } from "../core/index.ts";
import { RequestError, UnavailableError } from "./cascade.ts";
import { OverloadError } from "./inference-pool.ts";

export const errorSchema = z
  .object({
    error: z.string(),
    hint: z.string().optional(),
    request_id: z.string(),
  })
  .meta({ id: "Error" });

export interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
  readonly hint?: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
}

/** Something that is not there. */
export class NotFoundError extends RequestError {}

/** @param error whatever was thrown while answering */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof OverloadError) return { ...told(error, 429), retryAfter: 1 };
  if (error instanceof UnavailableError) return { ...told(error, 503), retryAfter: 1 };
  if (error instanceof NotFoundError) return told(error, 404);
  if (error instanceof RequestError || error instanceof DataError || error instanceof ConfigError) {
    return told(error, 400);
  }
  const { statusCode, message } = error as { readonly statusCode?: unknown; readonly message?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, message: String(message) };
  }
  // What went wrong inside is for the log, not for strangers.
  return { status: 500, message: "internal error" };
}

function told({ message, hint }: MillraceError, status: number): ErrorAnswer {
  return { status, message, ...(hint !== undefined && { hint }) };
}

/** A body checked against its schema. @throws RequestError naming the key, or the first of several */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const { path, message, received } = problemOf(result.error.issues[0], body);
  const key = keyPath(path);
  throw new RequestError(`${key === "" ? "the body" : key}: ${message}; it is ${received}`.slice(0, 500));
}
