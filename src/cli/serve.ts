/** `millrace serve`: runs and cascades over HTTP until it is told to stop. */
import { ConfigError } from "../core/index.ts";
import { packageVersion, writeJsonAtomic } from "../core/node/index.ts";
import {
  type LogEntry,
  lookAt,
  openApiDocument,
  readTarget,
  type ServeOptions,
  Server,
  watchServices,
} from "../serving/index.ts";
import { bearerToken } from "./bearer-token.ts";
import { type EngineChoice, engineOption } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { tableOption } from "./table-option.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly host?: string;
  readonly port?: number;
  readonly users?: string;
  readonly items?: string;
  readonly rows?: string;
  readonly workers?: number;
  readonly maxBatchRows?: number;
  readonly maxWaitMs?: number;
  readonly maxQueuedRows?: number;
  readonly maxQueueMs?: number;
  readonly maxInFlight?: number;
  readonly maxConnections?: number;
  readonly maxCandidates?: number;
  readonly maxBodyBytes?: number;
  readonly drainMs?: number;
  readonly graceMs?: number;
  readonly tokenFile?: string;
  readonly insecure?: boolean;
  readonly admin?: boolean;
  readonly watch?: boolean;
  readonly openapi?: string;
  readonly engine: EngineChoice;
}

export const serveVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "serve",
    description:
      "Serves runs and cascades over HTTP: POST /rank/NAME, the Open Inference Protocol under /v2, /metrics, " +
      "/openapi.json. A run may be a directory, a symbolic link, or a file that holds the path of one. SIGHUP " +
      "(or --watch) loads what has changed and swaps it in without dropping a request; Ctrl-C finishes " +
      "requests under way. The log goes to stderr, one JSON object a line.",
    examples: [
      ["millrace serve runs/first", "a run: requests bring all features"],
      [
        "millrace serve runs/first --users users.parquet:user_id --items items.parquet:item_id",
        "with tables",
      ],
      ["millrace serve cascade.yaml --port 9000 --watch", "a cascade, reloaded when its files change"],
      ["MILLRACE_TOKEN=... millrace serve cascade.yaml --host 0.0.0.0", "beyond this machine, with a token"],
      ["millrace serve cascade.yaml --openapi openapi.json", "only write the OpenAPI document"],
    ],
  })
    .argument("<targets...>", "run directories, links or pointer files; cascades as .yaml or .json")
    .option("--host <address>", "address to listen at (default: 127.0.0.1)")
    .option("--port <number>", "port to listen at, 0 for any free one (default: 8080)", whole)
    .option("--users <file:key>", "table of user features and its key column")
    .option("--items <file:key>", "table of item features and its key column")
    .option("--rows <where>", "rows of a run's large tables: memory, file, or redis://... (default: memory)")
    .option("--workers <count>", "threads that run models (default: one a core)", whole)
    .option("--max-batch-rows <count>", "rows of one run of a model (default: 512)", whole)
    .option("--max-wait-ms <time>", "how long requests wait to share a run (default: 0)", whole)
    .option("--max-queued-rows <count>", "rows that may wait (default: 20000)", whole)
    .option("--max-queue-ms <time>", "how long rows may expect to wait; else 429 (default: 40)", whole)
    .option("--max-in-flight <count>", "requests at once; others get 429 (default: 32)", whole)
    .option("--max-connections <count>", "open at once, idle ones too (default: 1024)", whole)
    .option("--max-candidates <count>", "candidates of a request (default: 5000)", whole)
    .option("--max-body-bytes <count>", "size of a request's body (default: 1 MiB)", whole)
    .option("--drain-ms <time>", "between not ready and not listening (default: 0)", whole)
    .option("--grace-ms <time>", "for requests under way at the end (default: 10000)", whole)
    .option("--token-file <file>", "bearer token that requests must carry; else MILLRACE_TOKEN")
    .option("--insecure", "listen beyond loopback without a token")
    .option("--admin", "offer POST /admin/reload/NAME; needs a token")
    .option("--watch", "reload when configurations, pointers, runs or tables change")
    .option("--openapi <file>", "write the OpenAPI document and end")
    .addOption(engineOption())
    .action(async (targets: string[], options: Options) =>
      shell.finish(
        options.openapi === undefined
          ? await serve(shell, targets, options)
          : writeOpenApi(options.openapi, bearerToken(options.tokenFile)),
      ),
    );

async function serve(shell: Shell, paths: readonly string[], options: Options): Promise<Outcome> {
  const tables = {
    users: tableOption("--users", options.users),
    items: tableOption("--items", options.items),
  };
  const targets = paths.map((path) => () => readTarget(path, { ...tables, rows: options.rows }));
  const { workers, maxBatchRows, maxWaitMs, maxQueuedRows, maxQueueMs, engine } = options;
  const { host, port, insecure, admin, drainMs, graceMs } = options;
  const { maxInFlight, maxConnections, maxCandidates, maxBodyBytes } = options;
  let requests = 0;
  const settings: ServeOptions = {
    ...given({ host, port, insecure, admin, drainMs, graceMs }),
    ...given({ maxInFlight, maxConnections, maxCandidates, maxBodyBytes }),
    ...given({ token: bearerToken(options.tokenFile) }),
    pool: { engine, ...given({ workers, maxBatchRows, maxWaitMs, maxQueuedRows, maxQueueMs }) },
    log: (entry) => {
      if (entry.event === "request") requests++;
      if (!shell.quiet || entry.level !== "info") logLine(entry);
    },
  };
  const since = lookAt(targets);
  let server: Server | undefined;
  let early = false;
  const reload = (): void => {
    // A signal during the start must neither end it nor be lost.
    early = server === undefined;
    // A release that does not load is logged by the server, which goes on with the one it has.
    for (const name of server?.services.keys() ?? []) server?.reload(name).catch(() => {});
  };
  process.on("SIGHUP", reload);
  shell.hasNativeThreads = true;
  const interrupted = shell.untilInterrupted(
    "stopping: finishing requests under way; Ctrl-C again ends at once",
  );
  server = await Server.create(targets, { ...settings, signal: interrupted });
  const url = await server.listen();
  const services = [...server.services].map(([name, { release }]) => ({ name, version: release.version }));
  logLine({ time: new Date().toISOString(), level: "info", event: "listening", url, services });
  if (early) reload();
  const unwatch = options.watch === true ? watchServices(server, targets, { since }) : () => {};
  await new Promise<void>((stop) => {
    if (interrupted.aborted) stop();
    else interrupted.addEventListener("abort", () => stop(), { once: true });
  });
  unwatch();
  await server.stop();
  process.off("SIGHUP", reload);
  return {
    json: { url, services, requests },
    text: `${requests} requests answered at ${url}`,
  };
}

function writeOpenApi(output: string, token: string | undefined): Outcome {
  const document = openApiDocument({ version: packageVersion(), secured: token !== undefined });
  writeJsonAtomic(output, document);
  const paths = Object.keys(document.paths as object);
  return { json: { output, paths }, text: `OpenAPI document of ${paths.length} paths written to ${output}` };
}

function logLine(entry: LogEntry): void {
  process.stderr.write(`${JSON.stringify(entry)}\n`);
}

function whole(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new ConfigError(`a whole number was expected, not "${text}"`, { details: { received: text } });
}

/** Without what was not said, so that defaults hold. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
