/** The benchmarks by name. */
import { ConfigError, nearestName } from "../core/index.ts";
import type { Benchmark } from "./benchmark.ts";
import { predictBatches } from "./predict-batches.ts";
import { prepareData } from "./prepare-data.ts";
import { trainSteps } from "./train-steps.ts";

export type { BenchContext, Benchmark, BenchRow } from "./benchmark.ts";

export const benchmarks: readonly Benchmark[] = [trainSteps, predictBatches, prepareData];

/** @throws ConfigError with the nearest name when there is no such benchmark */
export function benchmarkNamed(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (found !== undefined) return found;
  const names = benchmarks.map((benchmark) => benchmark.name);
  const near = nearestName(name, names);
  throw new ConfigError(`there is no benchmark ${name}`, {
    details: { name, known: names },
    hint: near === undefined ? "`millrace bench list` shows them" : `did you mean ${near}?`,
  });
}
