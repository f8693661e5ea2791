/**
 * `npm run bench:serve`: ranking over HTTP, Millrace beside a straightforward FastAPI service that does the
 * same look-ups with two workers (`peer.py`). Servers and load generator are processes of their own. Latency is
 * measured with two connections, throughput with eight. Both servers are up and get their load in turns of a few
 * seconds, so that what else the machine does meets both; only one has work at a time.
 *
 *     --json             one JSON object on stdout
 *     --candidates N     ids of a request (default 500)
 *     --model NAME       DCNv2 (default) or DIN
 *     --seconds N        of each measurement (default 9; everything takes about four minutes)
 *     --no-peer          without FastAPI
 *     --no-cascade       without 100,000 items -> 2,000 -> 200 -> 10
 *     --no-ann           without nearest items (`ann.ts`; $MILLRACE_HNSWLIB names a folder with hnswlib-node)
 *
 * Python: $MILLRACE_PYTHON or python3, with fastapi, uvicorn, onnxruntime and numpy; without them the peer's
 * figures are null. So are those of a part that fails: it says why, the others go on, and the benchmark ends with 1.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { AnnFigure } from "./ann.ts";
import { freePort } from "./drills.ts";
import type { LoadJob, LoadResult } from "./load.ts";
import { itemKey, type ModelName, size, userKey, writeRetrieval, writeRun, writeTables } from "./workload.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    candidates: { type: "string", default: "500" },
    model: { type: "string", default: "DCNv2" },
    seconds: { type: "string", default: "9" },
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

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Turns of each server; a measurement's seconds are spread over them. */
const TURNS = 3;

/** Latency at moderate load, throughput at saturation, of each server. */
function measure(servers: readonly Running[], count: number): Measured[] {
  const calm = servers.map((): number[] => []);
  const full = servers.map((): number[] => []);
  const spent = servers.map(() => 0);
  const sent = servers.map(() => 0);
  const each = seconds / TURNS;
  for (let turn = 0; turn < TURNS; turn++) {
    const order = [...servers.keys()];
    // There and back: a machine that gets busier slowly should not always meet the same one.
    if (turn % 2 === 1) order.reverse();
    const common = {
      seconds: each,
      warmup: turn === 0 ? 2 : 0.5,
      users: size.users,
      items: size.items,
      candidates: count,
    };
    for (const k of order) {
      calm[k].push(...load({ ...common, url: servers[k].url, connections: 2 }).timesMs);
    }
    for (const k of order) {
      const { url, child } = servers[k];
      const before = cpuSeconds(child);
      const result = load({ ...common, url, connections: 8 });
      spent[k] += cpuSeconds(child) - before;
      sent[k] += result.sent;
      full[k].push(...result.timesMs);
    }
  }
  return servers.map((_, k) => {
    const times = calm[k].sort((a, b) => a - b);
    const at = (share: number): number =>
      times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
    return {
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      requestsPerSecond: full[k].length / seconds,
      cpuMs: Number.isNaN(spent[k]) ? null : (1e3 * spent[k]) / sent[k],
    };
  });
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

/** Ends a server that was started, however the measurement went. */
async function ended({ child }: Running): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}

async function ready(running: Running, path: string): Promise<Running> {
  try {
    await answering(new URL(path, running.url).href, running.child);
    return running;
  } catch (error) {
    await ended(running);
    throw error;
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

async function millrace(target: string, path: string): Promise<Running> {
  const port = await freePort();
  const main = join(root, "src", "cli", "main.ts");
  const options = ["--port", String(port), "--workers", String(WORKERS), "--quiet"];
  const child = spawn(process.execPath, ["--import", tsx, main, "serve", target, ...options], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return ready({ url: `http://127.0.0.1:${port}${path}`, child }, "/v2/health/ready");
}

/** Null where it is not installed. */
async function fastApi(run: string): Promise<Running | null> {
  const python = process.env.MILLRACE_PYTHON || "python3";
  if (spawnSync(python, ["-c", "import fastapi, uvicorn, onnxruntime, numpy"]).status !== 0) {
    say(`no FastAPI in ${python}: its figures are null (set MILLRACE_PYTHON to one that has it)`);
    return null;
  }
  const port = await freePort();
  const options = ["--port", String(port), "--workers", String(WORKERS), "--log-level", "error"];
  const child = spawn(python, ["-m", "uvicorn", "peer:app", ...options], {
    cwd: here,
    env: { ...process.env, BENCH_SERVE: folder, BENCH_RUN: run },
    stdio: "ignore",
  });
  return ready({ url: `http://127.0.0.1:${port}/rank`, child }, "/ready");
}

/** Ours, and the peer's where there is one. */
async function rankOf(target: string): Promise<{ ours: Measured; peer: Measured | null }> {
  const running = [await millrace(target, "/rank/rank")];
  try {
    const peer = args["no-peer"] ? null : await fastApi(join(folder, "run")).catch(failed);
    if (peer !== null) running.push(peer);
    const [ours, other] = measure(running, candidates);
    return { ours, peer: other ?? null };
  } finally {
    await Promise.all(running.map(ended));
  }
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
    return failed(error);
  } finally {
    say(`  ${((performance.now() - began) / 1e3).toFixed(0)} s`);
  }
}

function failed(error: unknown): null {
  say(`  failed: ${(error as Error).stack ?? error}`);
  process.exitCode = 1;
  return null;
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
  const running = await millrace(path, "/rank/feed");
  try {
    return measure([running], 0)[0];
  } finally {
    await ended(running);
  }
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
  const rank = await part(
    `Millrace${args["no-peer"] ? "" : " and FastAPI"}, ${model}, ${candidates} candidates`,
    () => rankOf(target),
  );
  const { ours, peer } = rank ?? { ours: null, peer: null };
  const cascade = args["no-cascade"]
    ? null
    : await part(`Millrace, cascade: ${size.items} items -> 2000 -> 200 -> 10`, () => cascadeOf("run"));
  const ann = args["no-ann"] ? [] : ((await part("nearest items", nearestItems)) ?? []);
  const perSecond = ours === null ? null : ours.requestsPerSecond * candidates;
  const peerPerSecond = peer === null ? null : peer.requestsPerSecond * candidates;
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
