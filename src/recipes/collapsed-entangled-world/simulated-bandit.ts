/**
 * A simulated feed: for each request of a world whose candidates are kept, a policy shows one of them, a click
 * is drawn from its true probability, and the model learns from what it has shown, and from nothing else. Regret
 * is what the best candidate would have had more, in clicks expected.
 */
import { join } from "node:path";
import { CounterRandom } from "../../core/index.ts";
import { type DataConfigInput, type PreparedDataset, sqlText } from "../../data/index.ts";
import { binaryMetrics } from "../../evaluation/index.ts";
import type { EncodedBatch } from "../../schema/index.ts";
import type { Learner } from "../../training/index.ts";
import { exampleConfig } from "../../world/index.ts";
import { madeTables } from "../made-tables.ts";

/** All candidates of a simulation, encoded; requests in order of time, each with as many. */
export interface BanditLog {
  readonly rows: EncodedBatch;
  readonly perRequest: number;
  /** True click probabilities. */
  readonly truth: Float32Array;
}

/** Of candidates: what they are chosen by, and what the model says of a click. */
export interface Judged {
  readonly scores: ArrayLike<number>;
  readonly probabilities: ArrayLike<number>;
}

/** A policy judges a block of requests, the first of which has this number. */
export type Policy = (rows: EncodedBatch, firstRequest: number) => Promise<Judged>;

/** A data config of the world's kept candidates in order of time, with a label that is drawn later. */
export async function candidateConfig(directory: string): Promise<DataConfigInput> {
  const source = `read_parquet(${sqlText(join(directory, "candidates.parquet"))})`;
  const byTime = "candidates-by-time";
  const { [byTime]: file } = await madeTables(directory, [], {
    [byTime]: `SELECT *, 0 AS click FROM ${source} ORDER BY time, request_id, item_id`,
  });
  const { features, ...config } = exampleConfig(directory);
  // Of the logging policy's slate, and no property of a candidate.
  const known = features.filter(({ name }) => name !== "position");
  return { ...config, data: { train: file, keep: ["true_click"] }, features: known };
}

export async function readBanditLog(
  { splits: { train } }: PreparedDataset,
  perRequest: number,
): Promise<BanditLog> {
  for await (const rows of train.batches({ batchSize: train.rows })) {
    const columns = Object.fromEntries(
      Object.entries(rows.columns).map(([name, data]) => [name, data.slice()]),
    );
    return { rows: { size: rows.size, columns }, perRequest, truth: columns.true_click as Float32Array };
  }
  throw new Error("the world has no candidates");
}

export interface SimulationOptions {
  readonly seed: number;
  /** Requests between two rounds of training. */
  readonly window: number;
  readonly batchSize: number;
  /** Passes over everything shown so far, in each round. */
  readonly passes: number;
}

export interface Simulated {
  /** Mean regret of a request, over all and over the last third. */
  readonly regret: number;
  readonly lateRegret: number;
  /** Clicks a request. */
  readonly clicks: number;
  /** Log loss of the model's predictions for what it showed, before it learned from it. */
  readonly logLoss: number;
  /** Rows shown, in order. */
  readonly shown: readonly number[];
}

export async function simulate(
  log: BanditLog,
  learner: Learner,
  policy: Policy,
  { seed, window, batchSize, passes }: SimulationOptions,
): Promise<Simulated> {
  const { rows, perRequest, truth } = log;
  const requests = Math.floor(rows.size / perRequest);
  const draws = new CounterRandom(seed, "clicks");
  const shown: number[] = [];
  const clicks: number[] = [];
  const predicted: number[] = [];
  const regrets = new Float64Array(requests);
  const first = new CounterRandom(seed, "first");
  for (let start = 0; start < requests; start += window) {
    const end = Math.min(start + window, requests);
    const block = takeRows(rows, range(start * perRequest, end * perRequest));
    const { scores, probabilities } = await policy(block, start);
    // Of what the first window shows, nobody knows anything.
    const values = start === 0 ? range(0, block.size).map((k) => first.uniform(k)) : scores;
    for (let request = start; request < end; request++) {
      const at = (request - start) * perRequest;
      let best = at;
      for (let k = at; k < at + perRequest; k++) if (values[k] > values[best]) best = k;
      const row = request * perRequest + (best - at);
      const own = truth.subarray(request * perRequest, (request + 1) * perRequest);
      regrets[request] = Math.max(...own) - truth[row];
      shown.push(row);
      // The same candidate of the same request has the same luck, whoever shows it.
      clicks.push(draws.uniform(row) < truth[row] ? 1 : 0);
      predicted.push(probabilities[best]);
    }
    for (let pass = 0; pass < passes; pass++) {
      const order = new CounterRandom(seed, "order", start, pass).permutation(shown.length);
      if (pass === passes - 1) learner.beforeEpoch();
      for (let from = 0; from < order.length; from += batchSize) {
        const picked = Array.from(order.subarray(from, from + batchSize));
        const batch = takeRows(
          rows,
          picked.map((k) => shown[k]),
        );
        const click = Float32Array.from(picked, (k) => clicks[k]);
        await learner.step({ size: batch.size, columns: { ...batch.columns, click } });
      }
    }
    learner.afterEpoch();
  }
  const mean = (values: ArrayLike<number>, from = 0): number => {
    let sum = 0;
    for (let k = from; k < values.length; k++) sum += values[k];
    return sum / (values.length - from);
  };
  const loss = binaryMetrics.log_loss.compute(
    { predictions: Float64Array.from(predicted), labels: Float64Array.from(clicks) },
    { k: 1, seed: 0 },
  );
  return {
    regret: mean(regrets),
    lateRegret: mean(regrets, Math.floor((2 * requests) / 3)),
    clicks: mean(clicks),
    logLoss: loss.value ?? Number.NaN,
    shown,
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, k) => from + k);
}

function takeRows({ columns, size }: EncodedBatch, rows: readonly number[]): EncodedBatch {
  const taken = Object.entries(columns).map(([name, data]) => {
    const width = data.length / size;
    const out = data.slice(0, rows.length * width);
    for (const [k, row] of rows.entries()) out.set(data.subarray(row * width, (row + 1) * width), k * width);
    return [name, out];
  });
  return { size: rows.length, columns: Object.fromEntries(taken) };
}
