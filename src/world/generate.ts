/**
 * Generates a world into a directory: `train.parquet`, `valid.parquet`, `test.parquet`, `candidates.parquet`,
 * what is known of items and users, the truth behind them, and `manifest.json`.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { writeJsonAtomic } from "../core/node/index.ts";
import * as law from "./law.ts";
import { clickColumns, logColumns, logQuery, rowColumns, userColumns } from "./log-tables.ts";
import { manifestFile, type SplitName, splitNames, type WorldManifest, type WorldSplit } from "./manifest.ts";
import { type ResolvedWorldOptions, resolveWorldOptions, type WorldOptions } from "./options.ts";
import { oracleFigures } from "./oracle.ts";
import {
  candidateColumns,
  candidateQueryColumns,
  itemColumns,
  truthItemColumns,
  truthUserColumns,
  worldTruth,
} from "./sidecars.ts";
import { type Simulation, simulate } from "./simulate.ts";
import { TableWriter } from "./table-writer.ts";
import { buildWorld, type World } from "./world.ts";

export interface WorldProgress {
  readonly phase: "simulate" | "write";
  /** What is being written, or "timelines". */
  readonly what: string;
  /** Share of the phase that is done. */
  readonly done: number;
}

export interface GenerateWorldOptions {
  readonly onProgress?: (progress: WorldProgress) => void;
  /** Threads that generate; the result does not depend on it. @default what the machine has, at most 8 */
  readonly threads?: number;
}

/**
 * Generates the world that `options` describe. The same options give the same values whatever the number of
 * threads; existing files of the directory are replaced.
 *
 * @throws ConfigError for options that are unknown, out of range or at odds with one another
 */
export async function generateWorld(
  options: WorldOptions,
  directory: string,
  { onProgress, threads = Math.min(8, availableParallelism()) }: GenerateWorldOptions = {},
): Promise<WorldManifest> {
  const resolved = resolveWorldOptions(options);
  const world = buildWorld(resolved);
  mkdirSync(directory, { recursive: true });
  const simulation = await simulate(resolved, {
    threads,
    onProgress: (done) => onProgress?.({ phase: "simulate", what: "timelines", done }),
  });
  const writer = await TableWriter.open();
  let manifest: WorldManifest;
  try {
    manifest = await writeWorld(writer, world, simulation, directory, (what, done) =>
      onProgress?.({ phase: "write", what, done }),
    );
  } finally {
    writer.close();
  }
  writeJsonAtomic(join(directory, manifestFile), manifest);
  return manifest;
}

async function writeWorld(
  writer: TableWriter,
  world: World,
  simulation: Simulation,
  directory: string,
  onWrite: (what: string, done: number) => void,
): Promise<WorldManifest> {
  const { options, catalogue, population } = world;
  const sidecars: Record<string, { file: string; rows: number }> = {};
  const sidecar = async (name: string, rows: number, query: string) => {
    const file = `${name}.parquet`;
    await writer.copy(query, join(directory, file));
    sidecars[name] = { file, rows };
  };
  // Filling a table and copying it to a file count half each.
  const candidateRows = simulation.candidates.item.length;
  let written = 0;
  const onRows = (what: string) => (rows: number) =>
    onWrite(what, (written + rows / 2) / (options.impressions + candidateRows));
  const wrote = (what: string, rows: number) => {
    written += rows;
    onRows(what)(0);
  };

  await writer.fill("users", options.users, userColumns(population));
  await writer.fill("items", options.items, itemColumns(world));
  await writer.fill("clicks", options.users, clickColumns(simulation, catalogue));
  await sidecar("users", options.users, "SELECT * FROM users");
  await sidecar("items", options.items, "SELECT * FROM items");
  await writer.fill("truth_items", options.items, truthItemColumns(world));
  await sidecar("truth_items", options.items, "SELECT * FROM truth_items");
  await writer.fill("truth_users", options.users, truthUserColumns(world));
  await sidecar("truth_users", options.users, "SELECT * FROM truth_users");
  writeJsonAtomic(join(directory, "truth.json"), worldTruth(world));
  wrote("sidecars", 0);

  const columns = logColumns(options.maxHistory);
  const ranges = splitRanges(options);
  const splits: Partial<Record<SplitName, WorldSplit>> = {};
  for (const name of splitNames) {
    const { firstDay, endDay } = ranges[name];
    const order = requestsBetween(simulation, firstDay * law.daySeconds, endDay * law.daySeconds);
    const rows = order.length * law.slateSize;
    const endTime = endDay * law.daySeconds;
    await writer.fill(
      "log",
      rows,
      rowColumns(simulation, order, endTime, options.conversionDelayDays),
      onRows(name),
    );
    const file = `${name}.parquet`;
    await writer.copy(logQuery("log", columns), join(directory, file));
    await writer.drop("log");
    const oracle = oracleFigures(simulation.rows.trueClick, simulation.rows.click, rowsOf(order));
    splits[name] = { file, firstDay, endDay, requests: order.length, oracle };
    wrote(name, rows);
  }

  const candidates = candidateColumns(simulation);
  await writer.fill("candidates", candidateRows, candidates, onRows("candidates"));
  await sidecar(
    "candidates",
    candidateRows,
    logQuery("candidates", candidateQueryColumns(options.maxHistory)),
  );
  wrote("candidates", candidateRows);

  const { train, valid, test } = splits as Record<SplitName, WorldSplit>;
  return {
    format: "millrace-world",
    version: law.worldVersion,
    options,
    splits: { train, valid, test },
    sidecars,
    columns: columns.map(([name]) => name),
    hashes: contentHashes(world, simulation),
    ...labelRates(world, simulation),
  };
}

function splitRanges({ trainDays, validDays, testDays }: ResolvedWorldOptions) {
  const validStart = trainDays;
  const testStart = trainDays + validDays;
  return {
    train: { firstDay: 0, endDay: validStart },
    valid: { firstDay: validStart, endDay: testStart },
    test: { firstDay: testStart, endDay: testStart + testDays },
  };
}

/** Requests with begin ≤ time < end, by time, then by number. */
function requestsBetween({ requests }: Simulation, begin: number, end: number): Int32Array {
  const { time } = requests;
  const keys: number[] = [];
  for (let r = 0; r < time.length; r++)
    if (time[r] >= begin && time[r] < end) keys.push(time[r] * 2 ** 26 + r);
  return Int32Array.from(Float64Array.from(keys).sort(), (key) => key % 2 ** 26);
}

function rowsOf(requestOrder: Int32Array): Int32Array {
  const rows = new Int32Array(requestOrder.length * law.slateSize);
  for (let i = 0; i < rows.length; i++) {
    rows[i] = requestOrder[Math.floor(i / law.slateSize)] * law.slateSize + (i % law.slateSize);
  }
  return rows;
}

/** Hashes of what was generated, before any file format; equal options give equal hashes. */
function contentHashes(world: World, simulation: Simulation): Record<string, string> {
  const { catalogue, population } = world;
  const { rows, requests, candidates, clickStart, clickItems, clickTimes } = simulation;
  return {
    rows: hashColumns(rows),
    requests: hashColumns(requests),
    candidates: hashColumns(candidates),
    clicks: hashColumns({ clickStart, clickItems, clickTimes }),
    items: hashColumns(catalogue),
    users: hashColumns(population),
  };
}

function hashColumns(columns: object): string {
  const hash = createHash("sha256");
  for (const [name, values] of Object.entries(columns) as [string, ArrayBufferView][]) {
    hash.update(name);
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

function labelRates({ effects }: World, { rows, requests }: Simulation) {
  const mean = (values: Uint8Array) => {
    let sum = 0;
    for (const value of values) sum += value;
    return sum / values.length;
  };
  const clicks = new Float64Array(effects.domainCount);
  const shown = new Float64Array(effects.domainCount);
  for (let row = 0; row < rows.click.length; row++) {
    const domain = requests.domain[Math.floor(row / law.slateSize)];
    clicks[domain] += rows.click[row];
    shown[domain]++;
  }
  return {
    rates: {
      click: mean(rows.click),
      like: mean(rows.like),
      conversion: mean(rows.conversion),
      hide: mean(rows.hide),
    },
    domainClickRates: Array.from(clicks, (sum, d) => (shown[d] === 0 ? 0 : sum / shown[d])),
  };
}
