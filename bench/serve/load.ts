/**
 * A load generator, to be run as a process of its own: so many connections, each sending its next request
 * when it has its answer. Reads one JSON job from its arguments, prints one JSON result.
 */
import { Agent, request } from "node:http";
import { CounterRandom } from "../../src/core/random.ts";

export interface LoadJob {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Seconds before counting. */
  readonly warmup: number;
  readonly users: number;
  readonly items: number;
  /** Ids a request names; 0: the server finds candidates. */
  readonly candidates: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  /** All answers, those before counting included. */
  readonly sent: number;
  /** Of each request, ascending. */
  readonly timesMs: readonly number[];
}

const job = JSON.parse(process.argv[2]) as LoadJob;
const random = new CounterRandom(9);
const bodies = Array.from({ length: 64 }, (_, b) => {
  const draw = (k: number, below: number): number => Math.floor(random.uniform(b * 10_000 + k) * below);
  const candidates = new Set<number>();
  for (let k = 1; candidates.size < job.candidates; k++) candidates.add(draw(k, job.items));
  return JSON.stringify({
    user: draw(0, job.users),
    ...(job.candidates > 0 && { candidates: [...candidates] }),
    limit: 10,
  });
});
const agent = new Agent({ keepAlive: true, maxSockets: job.connections });

function send(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(job.url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const started = performance.now();
const countFrom = started + job.warmup * 1e3;
const end = countFrom + job.seconds * 1e3;
const times: number[] = [];
let failed = 0;
let sent = 0;
await Promise.all(
  Array.from({ length: job.connections }, async (_, connection) => {
    for (let k = connection; performance.now() < end; k++) {
      const from = performance.now();
      const status = await send(bodies[k % bodies.length]);
      const now = performance.now();
      sent++;
      if (from < countFrom || now > end) continue;
      if (status === 200) times.push(now - from);
      else failed++;
    }
  }),
);
agent.destroy();
times.sort((a, b) => a - b);
const result: LoadResult = {
  requests: times.length,
  failed,
  sent,
  timesMs: times,
};
process.stdout.write(JSON.stringify(result));
