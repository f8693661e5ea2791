/**
 * The studio's server: the page, and what it asks for as JSON. It looks at files and at a running server; what
 * it computes, library functions compute. It writes in two places, both behind buttons that say so: the request
 * to stop a run, and a run's report.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ConfigError } from "../core/index.ts";
import { packageVersion } from "../core/node/index.ts";
import { requestStop, runFiles, withdrawStop } from "../run/index.ts";
import {
  BearerToken,
  errorAnswer,
  httpApp,
  listenAt,
  NotFoundError,
  parseBody,
  rankRequestSchema,
  RequestError,
} from "../serving/index.ts";
import { ServerError } from "../serving/client/index.ts";
import { FOREIGN_POLICY, guard } from "./access.ts";
import type { Inspection, RunDetail, StudioInfo, Validation } from "./api.ts";
import { readClaims } from "./claims.ts";
import { DataFolders, filesNamedAt } from "./data-folders.ts";
import { Jobs } from "./jobs.ts";
import { readPageFiles } from "./page-files.ts";
import { CurveReader } from "./run-curves.ts";
import { isPlainFile } from "./plain-file.ts";
import { ANALYSIS_PAGE, hasPredictions, runDetail } from "./run-detail.ts";
import { RunFolder } from "./run-folder.ts";
import { type ServingOptions, ServingProbe } from "./serving-view.ts";

export interface StudioOptions {
  /** Runs, at any depth. */
  readonly folder: string;
  /** 0: any free one. @default 0 */
  readonly port?: number;
  /** Further folders whose data files may be read. */
  readonly data?: readonly string[];
  /** A running `millrace serve`. */
  readonly serving?: ServingOptions;
  /** Where result files of recipes are; the first that exists. @default `results` in the folder, then here, then the package's own */
  readonly results?: readonly string[];
  /** The built page. @default beside this module */
  readonly page?: string;
  /** @default drawn at random */
  readonly token?: string;
  /** Told of every error that is the studio's own. @default nobody */
  readonly onError?: (error: unknown) => void;
}

const LOOPBACK = "127.0.0.1";
/** What was measured before this version was published; beside `dist` and `src` alike. */
const packageResults = fileURLToPath(new URL("../../results", import.meta.url));

const oneRun = z.strictObject({ id: z.string() });
const stopBody = z.strictObject({ id: z.string(), stop: z.boolean() });
const dataBody = z.strictObject({ id: z.string(), label: z.string().optional() });
const rankBody = z.strictObject({ service: z.string(), request: rankRequestSchema });

export class Studio {
  readonly app: FastifyInstance;
  readonly #options: StudioOptions;
  readonly #token: string;
  readonly #runs: RunFolder;
  readonly #data: DataFolders;
  readonly #curves = new CurveReader();
  readonly #jobs = new Jobs();
  readonly #serving: ServingProbe | undefined;

  /** @throws ConfigError for folders that are not there, or a page that was not built */
  constructor(options: StudioOptions) {
    this.#options = options;
    this.#token = options.token ?? randomBytes(24).toString("base64url");
    for (const folder of [options.folder, ...(options.data ?? [])]) checkFolder(folder);
    this.#runs = new RunFolder(realpathSync(options.folder));
    this.#data = new DataFolders([options.folder, ...(options.data ?? [])]);
    this.#serving = options.serving === undefined ? undefined : new ServingProbe(options.serving);
    this.app = httpApp({ maxBodyBytes: 1_048_576, requestTimeoutMs: 10_000 });
    const page = readPageFiles(options.page ?? fileURLToPath(new URL("./app", import.meta.url)));
    // The program itself tells nothing; the page that starts it needs the token like everything else.
    guard(this.app, new BearerToken(this.#token), (url) => url !== "/index.html" && page.has(url));
    this.app.setErrorHandler((error, request, reply) => {
      const { status, message, hint } = answerOf(error);
      if (status === 500) options.onError?.(error);
      return reply
        .code(status)
        .send({ error: message, ...(hint !== undefined && { hint }), request_id: request.id });
    });
    this.app.setNotFoundHandler((request) => {
      throw new NotFoundError(`there is no ${request.method} ${request.url.split("?")[0].slice(0, 200)}`);
    });
    for (const [url, { type, content }] of page) {
      this.app.get(url === "/index.html" ? "/" : url, async (_, reply) => reply.type(type).send(content));
    }
    this.#readRoutes();
    this.#buttonRoutes();
  }

  /** Listens at loopback; the address to open, token included. */
  async listen(): Promise<string> {
    const url = await listenAt(this.app, { host: LOOPBACK, port: this.#options.port ?? 0 });
    return `${url}/?token=${this.#token}`;
  }

  async close(): Promise<void> {
    await this.#jobs.close();
    this.app.server.closeAllConnections();
    await this.app.close();
  }

  #readRoutes(): void {
    const { app } = this;
    const runs = this.#runs;
    const { folder, results = [join(folder, "results"), "results", packageResults] } = this.#options;
    app.get(
      "/api/info",
      async (): Promise<StudioInfo> => ({
        folder: runs.path,
        version: packageVersion(),
        serving: this.#serving?.url,
      }),
    );
    app.get("/api/runs", async () => runs.list());
    app.get("/api/run", async ({ query }): Promise<RunDetail> => {
      const { id } = parseBody(oneRun, withoutToken(query));
      return runDetail(runs.directory(id), runs.summary(id));
    });
    app.get("/api/curves", async ({ query }) => {
      const { id, from, generation } = query as { id?: string; from?: string; generation?: string };
      const directory = runs.directory(String(id ?? ""));
      const known =
        generation === undefined ? {} : { generation, from: Math.max(0, Math.trunc(Number(from) || 0)) };
      return this.#curves.read(directory, runs.summary(String(id)), known);
    });
    app.get("/api/compare", async ({ query }) => {
      const { id } = query as { id?: string | string[] };
      const ids = (Array.isArray(id) ? id : [id ?? ""]).map(String);
      if (ids.length > 12) throw new RequestError("at most 12 runs are compared");
      return runs.compare(ids);
    });
    app.get("/api/claims", async () => readClaims(results));
    app.get("/api/data", async () => this.#data.list());
    app.get("/api/serving", async () => this.#probe().view());
    for (const [url, file, what] of [
      ["/report", runFiles.report, "report"],
      ["/analysis", ANALYSIS_PAGE, "analysis"],
    ]) {
      app.get(url, async ({ query }, reply) => {
        const { id } = query as { id?: string };
        const path = join(runs.directory(String(id ?? "")), file);
        if (!isPlainFile(path)) throw new NotFoundError(`the run has no ${what} yet`);
        void reply.header("content-security-policy", FOREIGN_POLICY);
        return reply.type("text/html; charset=utf-8").send(readFileSync(path));
      });
    }
  }

  /** What a button of the page does, each saying beforehand what that is. */
  #buttonRoutes(): void {
    const { app } = this;
    const runs = this.#runs;
    app.post("/api/stop", async ({ body }) => {
      const { id, stop } = parseBody(stopBody, body);
      const directory = runs.directory(id);
      if (stop && runs.summary(id).condition !== "training") {
        throw new RequestError("the run is not training, so there is nothing to stop");
      }
      if (stop) requestStop(directory);
      else withdrawStop(directory);
      return runs.summary(id);
    });
    app.post("/api/measure", async ({ body }) => {
      const { id } = parseBody(oneRun, body);
      const directory = runs.directory(id);
      const outside = this.#data.outside(filesNamedAt(join(directory, runFiles.config)));
      if (outside.length > 0 && hasPredictions(directory)) {
        throw new RequestError(
          `measuring reads ${outside.join(", ")}, outside the folder; without it the new report would lack what the present one has measured on it`,
          { hint: "start the studio with --data and the folder that holds the data" },
        );
      }
      const made = await this.#jobs.run<{ warnings: string[] }>({
        type: "measure",
        directory,
        withData: outside.length === 0,
      });
      return { ...made, outside };
    });
    app.post("/api/inspect", async ({ body }): Promise<Inspection> => {
      const { id, label } = parseBody(dataBody, body);
      const { path: file, kind } = this.#data.path(id);
      if (kind !== "data")
        throw new RequestError("only data files are inspected; configurations are validated");
      return timed(() => this.#jobs.run({ type: "inspect", file, label }));
    });
    app.post("/api/validate", async ({ body }): Promise<Validation> => {
      const { id, label } = parseBody(dataBody, body);
      const { path, kind } = this.#data.path(id);
      if (kind === "data") return timed(() => this.#jobs.run({ type: "validate-file", file: path, label }));
      return this.#validateConfig(path);
    });
    app.post("/api/validate-run", async ({ body }): Promise<Validation> => {
      const { id } = parseBody(oneRun, body);
      return this.#validateConfig(join(runs.directory(id), runFiles.config));
    });
    app.post("/api/rank", async ({ body }) => {
      const { service, request } = parseBody(rankBody, body);
      return this.#probe().rank(service, request);
    });
  }

  async #validateConfig(config: string): Promise<Validation> {
    const outside = this.#data.outside(filesNamedAt(config));
    if (outside.length > 0) {
      throw new RequestError(`the configuration names data outside the folder: ${outside.join(", ")}`, {
        hint: "start the studio with --data and the folder that holds them",
      });
    }
    return timed(() => this.#jobs.run({ type: "validate", config }));
  }

  #probe(): ServingProbe {
    if (this.#serving !== undefined) return this.#serving;
    throw new NotFoundError("the studio was started without the address of a server", {
      hint: "millrace studio FOLDER --serving http://127.0.0.1:8080",
    });
  }
}

/** Another server's refusal is told as its own, everything else as every server of ours does. */
function answerOf(error: unknown): ReturnType<typeof errorAnswer> {
  if (error instanceof ServerError) {
    const { status, message, hint } = error;
    return {
      status,
      message: `the server answered ${status}: ${message}`,
      ...(hint !== undefined && { hint }),
    };
  }
  return errorAnswer(error);
}

async function timed<T>(work: () => Promise<T>): Promise<{ report: T; seconds: number }> {
  const began = performance.now();
  const report = await work();
  return { report, seconds: (performance.now() - began) / 1000 };
}

function withoutToken(query: unknown): unknown {
  const { token: _, ...rest } = query as { token?: unknown };
  return rest;
}

function checkFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ConfigError(`there is no folder ${path}`, { details: { path }, hint: "name a folder of runs" });
}
