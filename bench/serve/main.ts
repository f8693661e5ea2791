/**
 * `npm run bench:serve`: ranking over HTTP, Millrace beside a straightforward FastAPI service that does the
 * same look-ups with two workers (`peer.py`). Servers and load generator are processes of their own and run in
 * turn. Latency is measured with two connections, throughput with eight.
 *
 *     --json             one JSON object on stdout
 *     --candidates N     ids of a request (default 500)
 *     --model NAME       DCNv2 (default) or DIN
 *     --seconds N        of each measurement (default 6: about four minutes for everything on two idle cores)
 *     --no-peer          without FastAPI
 *     --no-cascade       without 100,000 items -> 2,000 -> 200 -> 10
 *     --no-ann           without nearest items (`ann.ts`; $MILLRACE_HNSWLIB names a folder with hnswlib-node)
 *
 * Python: $MILLRACE_PYTHON or python3, with fastapi, uvicorn, onnxruntime and numpy; without them the peer's
 * figures are null. So are those of a part that fails: it says why, the others go on, and the benchmark ends with 1.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { AnnFigure } from "./ann.ts";
import type { LoadJob, LoadResult } from "./load.ts";
import { itemKey, type ModelName, size, userKey, writeRetrieval, writeRun, writeTables } from "./workload.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    candidates: { type: "string", default: "500" },
    model: { type: "string", default: "DCNv2" },
    seconds: { type: "string", default: "6" },
    "no-peer": { type: "boolean", default: false },
    "no-cascade": { type: "boolean", default: false },
    "no-ann": { type: "boolean", default: false },
  },
});
if (args.model !== "DCNv2" && args.model !== "DIN")
  throw new Error(`--model takes DCNv2 or DIN, not ${args.model}`);
const model: ModelName = args.model;
const candidates = Number(args.candidates);
const seconds = Number(args.seconds);
const WORKERS = 2;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const tsx = join(root, "node_modules", "tsx", "dist", "esm", "index.mjs");
const folder = mkdtempSync(join(tmpdir(), "millrace-bench-serve-"));
const say = (line: string): void => console.error(line);

interface Measured {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
  /** Processor time of the server a request at saturation: says something on a busy machine, too; Linux only. */
  readonly cpuMs: number | null;
}

/** Latency at moderate load, throughput at saturation. */
function measure(url: string, count: number, server: ChildProcess): Measured {
  const common = { url, seconds, warmup: 2, users: size.users, items: size.items, candidates: count };
  const calm = load({ ...common, connections: 2 });
  const before = cpuSeconds(server);
  const full = load({ ...common, connections: 8 });
  const spent = cpuSeconds(server) - before;
  const { requestsPerSecond } = full;
  const cpuMs = Number.isNaN(spent) ? null : (1e3 * spent) / full.sent;
  return { p50Ms: calm.p50Ms, p99Ms: calm.p99Ms, requestsPerSecond, cpuMs };
}

/** Processor time of a process and its children so far, NaN where there is no /proc. */
function cpuSeconds({ pid }: ChildProcess): number {
  if (!existsSync("/proc/self/stat")) return Number.NaN;
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) /, "")
          .split(" ");
        return [
          { pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) },
        ];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  const family = new Set([pid]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const process of processes) if (family.has(process.parent)) family.add(process.pid);
  }
  const ticks = processes.reduce((sum, process) => sum + (family.has(process.pid) ? process.ticks : 0), 0);
  return ticks / 100;
}

function load(job: LoadJob): LoadResult {
  const output = execFileSync(process.execPath, [
    "--import",
    tsx,
    join(here, "load.ts"),
    JSON.stringify(job),
  ]);
  const result = JSON.parse(output.toString()) as LoadResult;
  if (result.failed > 0)
    throw new Error(`${result.failed} of ${result.requests + result.failed} requests failed`);
  return result;
}

async function withServer<T>(child: ChildProcess, ready: string, use: () => T): Promise<T> {
  try {
    await answering(ready, child);
    return use();
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let k = 0; k < 600; k++) {
    if (child.exitCode !== null) throw new Error(`the server at ${url} ended with ${child.exitCode}`);
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing answers at ${url}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function millrace(target: string, path: string, count: number): Promise<Measured> {
  const port = await freePort();
  const main = join(root, "src", "cli", "main.ts");
  const options = ["--port", String(port), "--workers", String(WORKERS), "--quiet"];
  const child = spawn(process.execPath, ["--import", tsx, main, "serve", target, ...options], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const address = `http://127.0.0.1:${port}`;
  return withServer(child, `${address}/v2/health/ready`, () => measure(`${address}${path}`, count, child));
}

async function fastApi(run: string, count: number): Promise<Measured | undefined> {
  const python = process.env.MILLRACE_PYTHON ?? "python3";
  if (spawnSync(python, ["-c", "import fastapi, uvicorn, onnxruntime, numpy"]).status !== 0) {
    say(`no FastAPI in ${python}: its figures are null (set MILLRACE_PYTHON to one that has it)`);
    return undefined;
  }
  const port = await freePort();
  const child = spawn(
    python,
    [
      "-m",
      "uvicorn",
      "peer:app",
      "--port",
      String(port),
      "--workers",
      String(WORKERS),
      "--log-level",
      "error",
    ],
    { cwd: here, env: { ...process.env, BENCH_SERVE: folder, BENCH_RUN: run }, stdio: "ignore" },
  );
  const address = `http://127.0.0.1:${port}`;
  return withServer(child, `${address}/ready`, () => measure(`${address}/rank`, count, child));
}

/** In a process of its own, on one thread, so that nothing of servers is in the way. */
function nearestItems(): AnnFigure[] {
  const env = { ...process.env, BENCH_FOLDER: folder, MILLRACE_THREADS: "1" };
  const output = execFileSync(process.execPath, ["--import", tsx, join(here, "ann.ts")], { env });
  return JSON.parse(output.toString()) as AnnFigure[];
}

function config(file: string, tree: object): string {
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify(tree));
  return path;
}

const tables = {
  users: { file: "users.csv", key: userKey },
  items: { file: "items.csv", key: itemKey },
};

/** A part's figures, or null where it fails: what others measured must not be lost with it. */
async function part<T>(name: string, measurePart: () => T | Promise<T>): Promise<Awaited<T> | null> {
  const began = performance.now();
  say(name);
  try {
    const figures = await measurePart();
    // Said at once: a run that is cut off has shown what it had.
    say(`  ${JSON.stringify(figures)}`);
    return figures;
  } catch (error) {
    say(`${name} failed: ${(error as Error).stack ?? error}`);
    process.exitCode = 1;
    return null;
  } finally {
    say(`  ${((performance.now() - began) / 1e3).toFixed(0)} s`);
  }
}

async function cascadeOf(final: string): Promise<Measured> {
  writeRun(join(folder, "early"), "EarlyStageMTL");
  await writeRetrieval(join(folder, "tower"));
  const path = config("feed.json", {
    models: [
      { name: "early", run: "early" },
      { name: "final", run: final },
    ],
    ...tables,
    candidates: { source: "retrieval", run: "tower/run", limit: 2000 },
    stages: [
      { name: "early", model: "early", keep: 200 },
      { name: "final", model: "final" },
    ],
  });
  return millrace(path, "/rank/feed", 0);
}

try {
  say("writing tables and runs");
  writeTables(folder);
  writeRun(join(folder, "run"), model);
  const target = config("rank.json", {
    models: [{ name: "final", run: "run" }],
    ...tables,
    stages: [{ name: "final", model: "final" }],
  });
  const ours = await part(`Millrace, ${model}, ${candidates} candidates`, () =>
    millrace(target, "/rank/rank", candidates),
  );
  const peer = args["no-peer"] ? null : await part("FastAPI", () => fastApi(join(folder, "run"), candidates));
  const cascade = args["no-cascade"]
    ? null
    : await part(`Millrace, cascade: ${size.items} items -> 2000 -> 200 -> 10`, () => cascadeOf("run"));
  const ann = args["no-ann"] ? [] : ((await part("nearest items", nearestItems)) ?? []);
  const perSecond = ours === null ? null : ours.requestsPerSecond * candidates;
  const peerPerSecond = peer == null ? null : peer.requestsPerSecond * candidates;
  const result = {
    machine: `${cpus()[0].model}, ${availableParallelism()} cores`,
    model,
    rank: {
      candidates,
      p50Ms: ours?.p50Ms ?? null,
      p99Ms: ours?.p99Ms ?? null,
      millraceCandidatesPerSecond: perSecond,
      fastapiP50Ms: peer?.p50Ms ?? null,
      fastapiP99Ms: peer?.p99Ms ?? null,
      fastapiCandidatesPerSecond: peerPerSecond,
      millraceCpuMsPerRequest: ours?.cpuMs ?? null,
      fastapiCpuMsPerRequest: peer?.cpuMs ?? null,
      ratio: perSecond === null || peerPerSecond === null ? null : perSecond / peerPerSecond,
    },
    ann,
    cascade,
  };
  process.stdout.write(`${args.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
