/**
 * `npm run bench:overload`: what a server bears, on the serving benchmark's model and tables.
 *
 *     three times saturation for two minutes   alive, memory flat, accepted requests' p99 within twice that at
 *                                              saturation, all others 429 or 503
 *     50 swaps under load                      none dropped, every answer one run's whole
 *     kill -9 and restart                      ready in seconds
 *     Redis stopped and started under load     every request answered, fallbacks counted, recovered by itself
 *
 *     --json        one JSON object on stdout
 *     --seconds N   of overload (default 120)
 *     --swaps N     (default 50)
 *
 * Ends with 1 where a promise is not kept. Without redis-server that part is null.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  freePort,
  overload,
  type Outage,
  pause,
  pointTo,
  redisOutage,
  saturate,
  ServerProcess,
  swapUnderLoad,
} from "./drills.ts";
import { itemKey, size, userKey, writeRun, writeTables } from "./workload.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "120" },
    swaps: { type: "string", default: "50" },
  },
});
const seconds = Number(args.seconds);
const say = (line: string): void => console.error(line);
const folder = mkdtempSync(join(tmpdir(), "millrace-bench-overload-"));
const path = "/rank/rank";
const body = {
  user: 7,
  candidates: Array.from({ length: 500 }, (_, k) => (k * 197) % size.items),
  limit: 500,
};
/** Of other items: the two together are more rows than a thread keeps in the Redis drill. */
const other = { ...body, candidates: body.candidates.map((item) => (item + 50_000) % size.items) };

function cascade(file: string, run: string, more: object = {}): string {
  const tree = {
    name: "rank",
    models: [{ name: "final", run, ...more }],
    users: { file: "users.csv", key: userKey },
    items: { file: "items.csv", key: itemKey },
    stages: [{ name: "final", model: "final" }],
  };
  writeFileSync(join(folder, file), JSON.stringify(tree));
  return join(folder, file);
}

class RedisProcess {
  readonly port: number;
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
  }

  readonly start = async (): Promise<void> => {
    const settings = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", folder];
    this.#child = spawn("redis-server", settings, { stdio: "ignore" });
    while (
      !spawnSync("redis-cli", ["-p", String(this.port), "ping"])
        .stdout.toString()
        .includes("PONG")
    ) {
      await pause(50);
    }
  };

  readonly stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => this.#child?.once("exit", resolve));
    spawnSync("redis-cli", ["-p", String(this.port), "shutdown", "save"]);
    await ended;
  };
}

async function outage(): Promise<Outage | null> {
  if (spawnSync("redis-server", ["--version"]).status !== 0) {
    say("no redis-server here: that part is null");
    return null;
  }
  const redis = new RedisProcess(await freePort());
  await redis.start();
  const rows = { rows: `redis://127.0.0.1:${redis.port}`, stored_mb: 0, cache_mb: 1 };
  const server = await ServerProcess.start(cascade("redis.json", "one", rows), ["--quiet"]);
  try {
    return await redisOutage(server, path, [body, other], { ...redis, seconds: 5 });
  } finally {
    await server.stop();
    await redis.stop();
  }
}

try {
  say("writing tables and two runs");
  writeTables(folder);
  for (const [k, run] of ["one", "two"].entries()) {
    mkdirSync(join(folder, run));
    writeRun(join(folder, run), "DCNv2", { seed: k + 1, whole: false });
  }
  const pointer = join(folder, "current");
  pointTo(pointer, "one");
  const server = await ServerProcess.start(cascade("rank.json", "current"), []);
  const saturation = await saturate(server.url + path, body, { connections: 8, seconds: 10 });
  say(
    `saturation: ${saturation.requestsPerSecond.toFixed(1)} requests/s, p99 ${saturation.p99Ms.toFixed(0)} ms`,
  );
  const perSecond = 3 * saturation.requestsPerSecond;
  const over = await overload(server, path, body, { perSecond, seconds });
  say(`overload: ${JSON.stringify(over)}`);
  const swaps = await swapUnderLoad(server, path, body, {
    pointer,
    runs: ["one", "two"],
    swaps: Number(args.swaps),
    connections: 4,
  });
  say(`swaps: ${JSON.stringify(swaps)}`);
  const readySeconds = await server.killAndRestart();
  say(`ready ${readySeconds.toFixed(1)} s after kill -9`);
  await server.stop();
  const redis = await outage();
  say(`redis: ${JSON.stringify(redis)}`);
  const [before, after] = over.memoryMb;
  const kept = {
    alive: over.alive,
    onlyRefusals: over.other === 0 && over.accepted > 0,
    latency: over.p99Ms <= 2 * saturation.p99Ms,
    memoryFlat: after <= 1.1 * before,
    swaps: swaps.failed === 0 && swaps.mixed === 0,
    restart: readySeconds < 60,
    redis: redis === null || (redis.failed === 0 && redis.fallbacks > 0 && redis.recovered),
  };
  const machine = `${cpus()[0].model}, ${availableParallelism()} cores`;
  const result = { machine, saturation, overload: over, swaps, restart: { readySeconds }, redis, kept };
  process.stdout.write(`${args.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
  process.exitCode = Object.values(kept).every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
