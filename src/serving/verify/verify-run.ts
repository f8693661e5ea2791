/**
 * Whether a server answers what was trained: the same raw requests through the trainer's path (checkpoint
 * weights in the training-time evaluation graph) and through the server's (the exported bundle, over HTTP), which
 * share the encoders' JSON and nothing below it.
 *
 *     difference = |p_trainer - p_server|,   for a real label divided by max(1, |p_trainer|)
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError } from "../../core/index.ts";
import { readTable } from "../../data/index.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { openTrainedPredictor, type TrainedPredictor } from "../../run/index.ts";
import type { FeatureMap, RawRow } from "../../schema/index.ts";
import { readTarget, type TableConfig } from "../cascade-config.ts";
import { RankClient, type RankRequest, type RankResponse } from "../client/index.ts";
import { inputColumns } from "../open-inference.ts";
import { rawColumnsOf, rawDomainColumns } from "../raw-columns.ts";
import { Server } from "../server.ts";
import { type LoggedRequest, type LookupTable, rawRowsOf, readRequestLog } from "./request-log.ts";

export interface VerifyOptions {
  /** JSON lines of requests or raw rows. */
  readonly log: string;
  /** A server that runs already. @default one of the run's own, at loopback */
  readonly url?: string;
  /** The server's service. @default the only one */
  readonly service?: string;
  readonly token?: string;
  readonly users?: TableConfig;
  readonly items?: TableConfig;
  /** Largest difference that passes. @default 1e-5 */
  readonly tolerance?: number;
  /** Rows (candidates) at most. @default all */
  readonly rows?: number;
  readonly engine?: Engine;
  readonly onProgress?: (done: number) => void;
}

export interface Difference {
  readonly difference: number;
  readonly label: string;
  /** Null where the server gave none. */
  readonly server: number | null;
  readonly trainer: number;
  /** Of the log, from 1. */
  readonly line: number;
  /** Id of the candidate; null where the line is a row. */
  readonly candidate: string | number | null;
  /** Raw values that the model reads. */
  readonly row: RawRow;
}

export interface Verification {
  /** Every difference is within the tolerance. */
  readonly ok: boolean;
  readonly tolerance: number;
  readonly requests: number;
  readonly rows: number;
  readonly labels: readonly string[];
  /** Version that the server says it serves. */
  readonly served: string;
  readonly mean: number;
  /** Rows of which some label differs by more than the tolerance. */
  readonly beyond: number;
  readonly largest: Difference;
}

/** Rows of one request where the log holds bare rows. */
const ROWS_A_REQUEST = 100;

/**
 * @throws DataError for a run without checkpoint or a log that cannot be read, ConfigError for a service that is
 *   not there, ServerError when the server refuses a request
 */
export async function verifyRun(directory: string, options: VerifyOptions): Promise<Verification> {
  const { log, tolerance = 1e-5, rows, onProgress = () => {} } = options;
  const engine = options.engine ?? (await createEngine("auto"));
  const trainer = await openTrainedPredictor(directory, engine);
  try {
    const columns = columnsOf(trainer.map);
    const requests = await readRequestLog(log, { columns, rows });
    const tables = { users: await lookupTable(options.users), items: await lookupTable(options.items) };
    const raw = requests.map((request) => rawRowsOf(request, columns, tables.users, tables.items));
    const trained = await trainerPredictions(trainer, raw.flat(), columns);
    const { client, service, close } = await serverFor(directory, options);
    try {
      const comparison = new Comparison(trainer.map, trained, tolerance);
      let served = "";
      for (const { first, part } of batched(requests)) {
        const answer = await client.rank(service, requestOf(part, columns));
        served = answer.version;
        comparison.add(part, raw.slice(first, first + part.length), answer);
        onProgress((first + part.length) / requests.length);
      }
      return { ...comparison.result(), requests: requests.length, served };
    } finally {
      await close();
    }
  } finally {
    await trainer.release();
  }
}

function columnsOf(map: FeatureMap): string[] {
  const raw = map.features.flatMap((feature) => rawColumnsOf(feature, map));
  return [...new Set([...raw, ...rawDomainColumns(map)])];
}

async function lookupTable(table: TableConfig | undefined): Promise<LookupTable | undefined> {
  if (table === undefined) return undefined;
  const { file, key, types } = table;
  const { columns } = await readTable({ files: typeof file === "string" ? [file] : file, types });
  return { key, columns };
}

/** The rows as a data file, through the path of training data. */
async function trainerPredictions(
  trainer: TrainedPredictor,
  rows: readonly RawRow[],
  columns: readonly string[],
): Promise<{ readonly [label: string]: Float32Array }> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-verify-"));
  // A list column without any entry would have no type.
  const empty = new Set(
    inputColumns(trainer.map, columns).flatMap(({ name, list }) =>
      list && rows.every((row) => row[name] == null) ? [name] : [],
    ),
  );
  const lines = rows.map((row) =>
    JSON.stringify(
      Object.fromEntries(columns.map((column) => [column, row[column] ?? (empty.has(column) ? [] : null)])),
      (_, value) => (typeof value === "bigint" ? String(value) : value),
    ),
  );
  const file = join(folder, "rows.jsonl");
  writeFileSync(file, lines.join("\n"));
  try {
    return await trainer.predict({ files: [file], types: trainer.config.data.types });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface OpenServer {
  readonly client: RankClient;
  readonly service: string;
  close(): Promise<void>;
}

async function serverFor(directory: string, options: VerifyOptions): Promise<OpenServer> {
  const { url, token, users, items, service } = options;
  if (url !== undefined) {
    const client = new RankClient(url, { token, retries: 3 });
    const { services } = await client.services();
    const names = services.map(({ name }) => name);
    const [only] = names;
    if (service === undefined ? names.length === 1 : names.includes(service)) {
      return { client, service: service ?? only, close: async () => {} };
    }
    throw new ConfigError(
      service === undefined
        ? `${url} has ${names.length} services, of which one must be named`
        : `${url} has no service "${service}"`,
      { details: { url, services: names }, hint: `services: ${names.join(", ")}` },
    );
  }
  const target = readTarget(directory, { users, items });
  const server = await Server.create([() => target], {
    port: 0,
    maxCandidates: 1_000_000,
    maxBodyBytes: 2 ** 28,
  });
  try {
    const client = new RankClient(await server.listen());
    return { client, service: target.name, close: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Requests as they are; bare rows, which say nothing of each other, many at a time. */
function* batched(requests: readonly LoggedRequest[]): Generator<{ first: number; part: LoggedRequest[] }> {
  for (let first = 0; first < requests.length; ) {
    let end = first + 1;
    while (
      requests[first].kind === "row" &&
      end < requests.length &&
      end - first < ROWS_A_REQUEST &&
      requests[end].kind === "row"
    )
      end++;
    yield { first, part: requests.slice(first, end) };
    first = end;
  }
}

function requestOf(part: readonly LoggedRequest[], columns: readonly string[]): RankRequest {
  const [first] = part;
  if (first.kind === "rank") {
    const candidates = first.candidates.map(({ id, features }) => ({
      id,
      ...(features && { features: features as JsonRow }),
    }));
    return { ...first.request, candidates, limit: Math.max(1, candidates.length), explain: false };
  }
  return {
    candidates: part.map((request, k) => ({
      id: rowId(k),
      // Every column is said, so that no table of the server speaks for one.
      features: Object.fromEntries(
        columns.map((column) => [column, request.kind === "row" ? (request.row[column] ?? null) : null]),
      ) as JsonRow,
    })),
    limit: part.length,
  };
}

/** Raw values as they came, out of JSON. */
type JsonRow = NonNullable<RankRequest["context"]>;

const rowId = (k: number): string => `@row ${k}`;

/** Differences of answers from the trainer's predictions, the largest kept. */
class Comparison {
  readonly #map: FeatureMap;
  readonly #trained: { readonly [label: string]: Float32Array };
  readonly #tolerance: number;
  #rows = 0;
  #sum = 0;
  #beyond = 0;
  #largest: Difference | undefined;

  constructor(map: FeatureMap, trained: { readonly [label: string]: Float32Array }, tolerance: number) {
    this.#map = map;
    this.#trained = trained;
    this.#tolerance = tolerance;
  }

  /** @param raw of each request in `part`, one row a candidate */
  add(part: readonly LoggedRequest[], raw: readonly RawRow[][], answer: RankResponse): void {
    const byId = new Map(answer.items.map(({ id, predictions }) => [String(id), predictions]));
    for (const [k, request] of part.entries()) {
      for (const [c, row] of raw[k].entries()) {
        const id = request.kind === "rank" ? request.candidates[c].id : rowId(k);
        const candidate = request.kind === "rank" ? id : null;
        this.#row(row, { line: request.line, candidate }, byId.get(String(id)));
      }
    }
  }

  #row(
    row: RawRow,
    where: Pick<Difference, "line" | "candidate">,
    served: { readonly [label: string]: number } | undefined,
  ): void {
    let worst = 0;
    for (const [label, values] of Object.entries(this.#trained)) {
      const trainer = values[this.#rows];
      const server = served?.[label] ?? null;
      const difference = this.#difference(label, trainer, server);
      worst = Math.max(worst, difference);
      if (this.#largest === undefined || difference > this.#largest.difference) {
        this.#largest = { difference, label, server, trainer, ...where, row };
      }
    }
    this.#rows++;
    this.#sum += worst;
    if (!(worst <= this.#tolerance)) this.#beyond++;
  }

  #difference(label: string, trainer: number, server: number | null): number {
    if (server === null) return Number.POSITIVE_INFINITY;
    const real = this.#map.labels.some(({ name, kind }) => name === label && kind === "real");
    const difference = Math.abs(trainer - server) / (real ? Math.max(1, Math.abs(trainer)) : 1);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }

  result(): Omit<Verification, "requests" | "served"> {
    if (this.#largest === undefined) {
      throw new DataError("the log leaves no candidate to compare: all are excluded");
    }
    return {
      ok: this.#beyond === 0,
      tolerance: this.#tolerance,
      rows: this.#rows,
      labels: Object.keys(this.#trained),
      mean: this.#sum / this.#rows,
      beyond: this.#beyond,
      largest: this.#largest,
    };
  }
}
