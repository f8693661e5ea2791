/**
 * A log of requests as `millrace verify` reads it: JSON lines, each either the body of a `POST /rank` request
 * that names its candidates, or one raw row (an object by column of the training data, such as a line of the
 * training data's own file).
 */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { DataError, keyPath, problemOf } from "../../core/index.ts";
import type { RawRow, RawScalar } from "../../schema/index.ts";
import { type RankRequest, rankRequestSchema } from "../rank-api.ts";

/** A candidate as the log names it: its id, and what was sent with it. */
export interface LoggedCandidate {
  readonly id: string | number;
  readonly features: RawRow | undefined;
}

export type LoggedRequest =
  | {
      readonly kind: "rank";
      readonly line: number;
      readonly request: RankRequest;
      /** Those that are scored: the first of each id, without excluded ones. */
      readonly candidates: readonly LoggedCandidate[];
    }
  | { readonly kind: "row"; readonly line: number; readonly row: RawRow };

export interface RequestLogOptions {
  /** Raw columns of the model: a row may have a column called `candidates`. */
  readonly columns: readonly string[];
  /** Rows (candidates) to take at most. @default all */
  readonly rows?: number;
}

/** @throws DataError naming the line that is neither a request nor a row */
export async function readRequestLog(
  path: string,
  { columns, rows = Number.POSITIVE_INFINITY }: RequestLogOptions,
): Promise<LoggedRequest[]> {
  if (!existsSync(path)) throw new DataError(`there is no log ${path}`, { details: { path } });
  const requests: LoggedRequest[] = [];
  let line = 0;
  let left = rows;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++;
    if (text.trim() === "") continue;
    if (left <= 0) break;
    const request = readLine(text, line, path, columns);
    const taken =
      request.kind === "rank" ? { ...request, candidates: request.candidates.slice(0, left) } : request;
    requests.push(taken);
    left -= taken.kind === "rank" ? taken.candidates.length : 1;
  }
  if (requests.length === 0) throw new DataError(`${path} holds no requests`, { details: { path } });
  return requests;
}

function readLine(text: string, line: number, path: string, columns: readonly string[]): LoggedRequest {
  const refuse = (what: string, cause?: unknown): DataError =>
    new DataError(`${path}, line ${line}: ${what}`, {
      details: { path, line },
      hint: "each line is the body of a /rank request with candidates, or an object of raw columns",
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(`not JSON: ${(cause as Error).message}`, cause);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw refuse("an object was expected");
  }
  const tree = value as { readonly [key: string]: unknown };
  const parsed = rankRequestSchema.safeParse(tree);
  // Columns are often called `user`, as a request's own key is.
  const isRequest = parsed.data?.candidates !== undefined && !columns.includes("candidates");
  const isRow = !isRequest && Object.keys(tree).some((key) => columns.includes(key));
  if (isRow) return { kind: "row", line, row: tree as RawRow };
  if (!parsed.success) {
    const { path, message, received } = problemOf(parsed.error.issues[0], tree);
    const where = path.length === 0 ? "" : `${keyPath(path)}: `;
    throw refuse(
      `neither a row of the model's columns nor a /rank request: ${where}${message}; it is ${received}`,
    );
  }
  const { candidates, exclude = [] } = parsed.data;
  if (candidates === undefined || candidates.length === 0) {
    throw refuse("the request names no candidates, so that there is nothing to compare");
  }
  const seen = new Set(exclude.map(String));
  const scored = candidates.flatMap((candidate): LoggedCandidate[] => {
    const { id, features } =
      typeof candidate === "object" ? candidate : { id: candidate, features: undefined };
    if (seen.has(String(id))) return [];
    seen.add(String(id));
    return [{ id, features }];
  });
  return { kind: "rank", line, request: parsed.data, candidates: scored };
}

/** A table of users or items as the log's ids name its rows. */
export interface LookupTable {
  readonly key: string;
  readonly columns: { readonly [column: string]: readonly RawRow[string][] };
}

/**
 * The raw rows of a request, one a candidate, as documented for `/rank`: sent with the candidate, else the item
 * table, else the context, else the user table. Written apart from the server's own code on purpose.
 */
export function rawRowsOf(
  request: LoggedRequest,
  columns: readonly string[],
  users: LookupTable | undefined,
  items: LookupTable | undefined,
): RawRow[] {
  if (request.kind === "row") return [request.row];
  const { context = {}, user } = request.request;
  const userRow = rowNamed(users, user ?? null);
  return request.candidates.map(({ id, features = {} }) => {
    const itemRow = rowNamed(items, id);
    const row: { [column: string]: RawRow[string] } = {};
    for (const column of columns) {
      if (Object.hasOwn(features, column)) row[column] = features[column];
      else if (items !== undefined && (column === items.key || Object.hasOwn(items.columns, column))) {
        row[column] = itemRow?.[column] ?? (column === items.key ? id : undefined);
      } else if (Object.hasOwn(context, column)) row[column] = context[column];
      else row[column] = userRow?.[column] ?? (column === users?.key ? user : undefined);
    }
    return row;
  });
}

const rowsByKey = new WeakMap<LookupTable, Map<string, number>>();

function rowNamed(table: LookupTable | undefined, id: RawScalar): RawRow | undefined {
  if (table === undefined || id === null || id === undefined) return undefined;
  let rows = rowsByKey.get(table);
  if (rows === undefined) {
    rows = new Map((table.columns[table.key] ?? []).map((key, row) => [String(key), row]));
    rowsByKey.set(table, rows);
  }
  const row = rows.get(String(id));
  if (row === undefined) return undefined;
  return Object.fromEntries(Object.entries(table.columns).map(([name, values]) => [name, values[row]]));
}
