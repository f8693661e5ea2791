/**
 * What a server has to bear, as functions over a server process: overload, swaps under load, a killed process, a
 * Redis that goes away. Each says what it saw; whether that is good enough is for the caller.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export interface Answer {
  /** 0: the connection broke. */
  readonly status: number;
  readonly ms: number;
  readonly body: string;
}

/** `millrace serve` as a process of its own. */
export class ServerProcess {
  readonly url: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess;
  #log = "";

  private constructor(port: number, target: string, options: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`;
    this.#arguments = ["serve", target, "--port", String(port), ...options];
    this.#child = this.#spawn();
  }

  static async start(target: string, options: readonly string[] = []): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), target, options);
    await server.ready();
    return server;
  }

  #spawn(): ChildProcess {
    const tsx = join(root, "node_modules", "tsx", "dist", "esm", "index.mjs");
    const main = join(root, "src", "cli", "main.ts");
    const child = spawn(process.execPath, ["--import", tsx, main, ...this.#arguments], {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-200_000);
    });
    return child;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory in MiB; NaN where there is no /proc. */
  get memoryMb(): number {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  /** Waits until requests are wanted; seconds that it took. */
  async ready(): Promise<number> {
    const began = performance.now();
    for (;;) {
      if (!this.alive) throw new Error(`the server has ended: ${this.#log.slice(-2000)}`);
      try {
        if ((await fetch(`${this.url}/v2/health/ready`)).ok) return (performance.now() - began) / 1e3;
      } catch {
        // Not yet.
      }
      await pause(20);
    }
  }

  /** Asks it to load what has changed, and waits until it says that it has. */
  async reload(): Promise<void> {
    const before = this.#reloads();
    this.#child.kill("SIGHUP");
    while (this.#reloads() === before) {
      if (!this.alive) throw new Error(`the server has ended: ${this.#log.slice(-2000)}`);
      await pause(5);
    }
  }

  #reloads(): number {
    return this.#log.split('"event":"reload"').length;
  }

  /** As a machine that fails does it. Then the same server again; seconds until it is ready. */
  async killAndRestart(): Promise<number> {
    await this.#end("SIGKILL");
    this.#log = "";
    this.#child = this.#spawn();
    return this.ready();
  }

  async stop(): Promise<void> {
    if (this.alive) await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await ended;
  }

  /** A counter of `/metrics`, all its labels together. */
  async counter(name: string, labels = ""): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return text
      .split("\n")
      .filter((line) => line.startsWith(name) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }
}

/** One file that names a run, replaced by a rename. */
export function pointTo(pointer: string, run: string): void {
  writeFileSync(`${pointer}.new`, `${run}\n`);
  renameSync(`${pointer}.new`, pointer);
}

/** Sends requests over connections that are kept. */
export class Client {
  readonly #agent: Agent;
  readonly #url: string;
  readonly #body: string;

  constructor(url: string, body: object, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = url;
    this.#body = JSON.stringify(body);
  }

  send(): Promise<Answer> {
    const began = performance.now();
    return new Promise((resolve) => {
      const answer = (status: number, body = ""): void =>
        resolve({ status, body, ms: performance.now() - began });
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(this.#body) };
      const sent = request(this.#url, { method: "POST", agent: this.#agent, headers }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => answer(response.statusCode ?? 0, body));
        response.on("error", () => answer(0));
      });
      sent.on("error", () => answer(0));
      sent.end(this.#body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface Saturation {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** So many connections, each sending its next request when it has its answer. */
export async function saturate(
  url: string,
  body: object,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<Saturation> {
  const client = new Client(url, body, connections);
  for (let k = 0; k < 2 * connections; k++) await client.send();
  const times: number[] = [];
  const end = performance.now() + seconds * 1e3;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        const { status, ms } = await client.send();
        if (status === 200) times.push(ms);
      }
    }),
  );
  client.close();
  return {
    requestsPerSecond: times.length / seconds,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

export interface Overload {
  readonly offeredPerSecond: number;
  readonly seconds: number;
  readonly accepted: number;
  /** 429 and 503. */
  readonly refused: number;
  /** Anything else, broken connections among them. */
  readonly other: number;
  /** Of accepted requests. */
  readonly p99Ms: number;
  /** Resident memory after the first quarter and at the end, means over a tenth of the time. */
  readonly memoryMb: readonly [begin: number, end: number];
  readonly alive: boolean;
}

/** Requests at a fixed rate, whether or not the server keeps up. */
export async function overload(
  server: ServerProcess,
  path: string,
  body: object,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Overload> {
  const client = new Client(server.url + path, body, 512);
  const pending = new Set<Promise<void>>();
  const times: number[] = [];
  const counts = { accepted: 0, refused: 0, other: 0 };
  const memory: number[] = [];
  const began = performance.now();
  let sent = 0;
  let sampled = 0;
  for (;;) {
    const passed = (performance.now() - began) / 1e3;
    if (passed >= seconds) break;
    if (passed >= (sampled * seconds) / 100) {
      memory.push(server.memoryMb);
      sampled++;
    }
    for (; sent < passed * perSecond; sent++) {
      const one = client.send().then(({ status, ms }) => {
        if (status === 200) {
          counts.accepted++;
          times.push(ms);
        } else if (status === 429 || status === 503) counts.refused++;
        else counts.other++;
        pending.delete(one);
      });
      pending.add(one);
    }
    await pause(2);
  }
  await Promise.all(pending);
  client.close();
  const tenth = Math.max(1, Math.floor(memory.length / 10));
  const quarter = Math.floor(memory.length / 4);
  return {
    offeredPerSecond: sent / seconds,
    seconds,
    ...counts,
    p99Ms: quantile(times, 0.99),
    memoryMb: [average(memory.slice(quarter, quarter + tenth)), average(memory.slice(-tenth))],
    alive: server.alive,
  };
}

export interface Swaps {
  readonly swaps: number;
  readonly requests: number;
  /** Answers that are no 200. */
  readonly failed: number;
  /** Answers whose scores are neither run's. */
  readonly mixed: number;
  /** Answers by run. */
  readonly byRun: readonly [number, number];
}

/** Points to one run and the other in turn while requests go on; every answer must be one run's whole. */
export async function swapUnderLoad(
  server: ServerProcess,
  path: string,
  body: object,
  {
    pointer,
    runs,
    swaps,
    connections,
  }: {
    readonly pointer: string;
    readonly runs: readonly [string, string];
    readonly swaps: number;
    readonly connections: number;
  },
): Promise<Swaps> {
  const client = new Client(server.url + path, body, connections);
  const truth: Map<string, number>[] = [];
  for (const run of runs) {
    pointTo(pointer, run);
    await server.reload();
    truth.push(scoresOf((await client.send()).body));
  }
  let [running, requests, failed, mixed] = [true, 0, 0, 0];
  const byRun: [number, number] = [0, 0];
  const load = Array.from({ length: connections }, async () => {
    while (running) {
      const { status, body: answer } = await client.send();
      requests++;
      if (status !== 200) {
        failed++;
        continue;
      }
      const scores = scoresOf(answer);
      const run = truth.findIndex((expected) => sameScores(expected, scores));
      if (run < 0) mixed++;
      else byRun[run]++;
    }
  });
  for (let swap = 0; swap < swaps; swap++) {
    pointTo(pointer, runs[swap % 2]);
    await server.reload();
  }
  running = false;
  await Promise.all(load);
  client.close();
  return { swaps, requests, failed, mixed, byRun };
}

function scoresOf(answer: string): Map<string, number> {
  const { items } = JSON.parse(answer) as { items: { id: string | number; score: number }[] };
  return new Map(items.map(({ id, score }) => [String(id), score]));
}

function sameScores(a: Map<string, number>, b: Map<string, number>): boolean {
  return (
    a.size === b.size && [...a].every(([id, score]) => Math.abs((b.get(id) ?? Number.NaN) - score) < 1e-5)
  );
}

export interface Outage {
  readonly requests: number;
  readonly failed: number;
  /** Rows that were a fallback's while Redis was away. */
  readonly fallbacks: number;
  /** Whether answers were again those from before. */
  readonly recovered: boolean;
}

/**
 * Redis stopped and started again while requests go on, of several bodies in turn, so that caches need not hold the
 * rows of all of them. The first one's answer, all of its rows from Redis, is what answers have to be again.
 */
export async function redisOutage(
  server: ServerProcess,
  path: string,
  bodies: readonly [object, ...object[]],
  {
    stop,
    start,
    seconds,
  }: {
    readonly stop: () => Promise<void>;
    readonly start: () => Promise<void>;
    readonly seconds: number;
  },
): Promise<Outage> {
  const clients = bodies.map((body) => new Client(server.url + path, body, 4));
  const [client] = clients;
  const fallbackRows = (): Promise<number> =>
    server.counter("millrace_table_rows_total", 'outcome="fallback"');
  let before: Map<string, number> | undefined;
  for (let attempt = 0; before === undefined && attempt < 20; attempt++) {
    const earlier = await fallbackRows();
    const { body } = await client.send();
    if ((await fallbackRows()) === earlier) before = scoresOf(body);
  }
  if (before === undefined) throw new Error("no answer came without fallbacks");
  let [running, requests, failed] = [true, 0, 0];
  const load = Array.from({ length: 4 }, async (_, connection) => {
    for (let k = connection; running; k++) {
      const { status } = await clients[k % clients.length].send();
      requests++;
      if (status !== 200) failed++;
    }
  });
  await stop();
  await pause(seconds * 1e3);
  const fallbacks = await fallbackRows();
  await start();
  let recovered = false;
  for (const end = performance.now() + 20_000; !recovered && performance.now() < end; await pause(100)) {
    const { status, body: answer } = await client.send();
    recovered = status === 200 && sameScores(before, scoresOf(answer));
  }
  running = false;
  await Promise.all(load);
  for (const one of clients) one.close();
  return { requests, failed, fallbacks, recovered };
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
