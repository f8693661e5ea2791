/**
 * `npm run -s bench:data -- [--json] [--rows N] [--repeat K] [--dir DIR] [--big [--gigabytes G]]`
 *
 * Encodes a generated CSV (1 label, 13 numbers, 26 categorical columns) with Millrace and with a Python
 * peer, in turns, and prints both sides. The peer (`peer.py`) does FuxiCTR's preprocessing; without
 * Python or polars its figures are null. `--big` encodes a file of 10 GB and prints the peak memory.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../../src/core/index.ts";
import { generateCsv } from "./generate.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rows: { type: "string", default: "1000000" },
    repeat: { type: "string", default: "1" },
    dir: { type: "string" },
    big: { type: "boolean", default: false },
    gigabytes: { type: "string", default: "10" },
  },
});

interface Side {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

interface MillraceSide extends Side {
  readonly rows: number;
  readonly distinct: number;
  readonly batchRowsPerSecond: number;
  readonly peakBytesWithBatches: number;
}

interface PeerSide extends Side {
  readonly polars: string;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Runs a program that prints one JSON object; undefined when it cannot run. */
function runSide<T>(command: string, args: readonly string[]): T | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status === 0) return JSON.parse(stdout) as T;
  process.stderr.write(`${command} ${args.join(" ")}\n${stderr ?? "did not start"}\n`);
  return undefined;
}

const BYTES_PER_ROW = 289;
const folder = mkdtempSync(join(options.dir ?? tmpdir(), "millrace-bench-"));
const csv = join(folder, "log.csv");
const rows = options.big
  ? Math.ceil((Number(options.gigabytes) * 1e9) / BYTES_PER_ROW)
  : Number(options.rows);
try {
  process.stderr.write(`writing ${rows} rows to ${csv}\n`);
  await generateCsv(csv, rows);
  const ours: MillraceSide[] = [];
  const peers: PeerSide[] = [];
  const vectorised: PeerSide[] = [];
  const python = process.env.MILLRACE_PYTHON || "python3";
  const runPeer = (style: string): PeerSide | undefined =>
    runSide<PeerSide>(python, [here("peer.py"), csv, join(folder, "peer"), "--style", style]);
  for (let turn = 0; turn < Number(options.repeat); turn++) {
    const side = runSide<MillraceSide>(process.execPath, [
      "--import",
      "tsx",
      here("millrace-side.ts"),
      csv,
      join(folder, "millrace"),
    ]);
    if (side === undefined) throw new Error("our own side failed");
    ours.push(side);
    if (options.big) continue;
    const one = runPeer("fuxictr");
    if (one !== undefined) peers.push(one);
    const other = one === undefined ? undefined : runPeer("vectorised");
    if (other !== undefined) vectorised.push(other);
  }
  const of = <S extends Side>(sides: readonly S[], key: keyof S): number | null =>
    sides.length === 0 ? null : median(sides.map((side) => Number(side[key])));
  const millraceSeconds = of(ours, "seconds")!;
  const peerSeconds = of(peers, "seconds");
  const result = {
    machine: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    rows,
    columns: 40,
    csvBytes: statSync(csv).size,
    distinct: ours[0].distinct,
    millraceSeconds,
    peerSeconds,
    peer: peers.length === 0 ? null : `polars ${peers[0].polars}, FuxiCTR's steps`,
    ratio: peerSeconds === null ? null : peerSeconds / millraceSeconds,
    millracePeakBytes: Math.max(...ours.map(({ peakBytes }) => peakBytes)),
    peerPeakBytes: peers.length === 0 ? null : Math.max(...peers.map(({ peakBytes }) => peakBytes)),
    millraceCpuSeconds: of(ours, "cpuSeconds"),
    peerCpuSeconds: of(peers, "cpuSeconds"),
    vectorisedPolarsSeconds: of(vectorised, "seconds"),
    batchRowsPerSecond: of(ours, "batchRowsPerSecond"),
  };
  if (options.json) console.log(JSON.stringify(result));
  else for (const [key, value] of Object.entries(result)) console.log(`${key}: ${value}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
