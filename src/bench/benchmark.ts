/**
 * Benchmarks of the installed package on this machine: no peers, no claims. Comparisons with other systems
 * are scripts of the repository (`npm run bench:train`, `npm run bench:data`).
 */
import type { Engine } from "../engine/index.ts";

export interface BenchContext {
  readonly engine: Engine;
  /** Folder for files in between; removed by the caller. */
  readonly directory: string;
  readonly signal?: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** One measured figure: a rate, higher being better. */
export interface BenchRow {
  readonly case: string;
  readonly rowsPerSecond: number;
  readonly milliseconds: number;
  /** What one of `milliseconds` covers, such as `step of 4096 rows`. */
  readonly unit: string;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(context: BenchContext): Promise<BenchRow[]>;
}
