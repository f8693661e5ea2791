/**
 * How much experts repeat each other, from their outputs on the same rows:
 *
 *     covariance = mean over pairs p > q of experts and over dimensions (a, b) of |cov(O⁽ᵖ⁾_a, O⁽ᑫ⁾_b)|
 *     diversity  = 1 - the same mean of |correlation|
 *
 * Crocodile (Lin et al., arXiv:2405.12706) compares covariances; it can be made small by small outputs, which
 * the correlation does not see. The paper's diversity index is not published, this one is our choice.
 * Dimensions that do not vary correlate with nothing.
 */
import { DataError } from "../core/index.ts";
import { defined, type MetricValue, undefinedMetric } from "./metric-value.ts";
import type { NumericArray } from "./scored-rows.ts";

export interface ExpertOutput {
  /** Row by row, `[rows, width]`. */
  readonly data: NumericArray;
  readonly width: number;
}

/**
 * @returns both null for fewer than two experts or rows
 * @throws DataError when experts have different numbers of rows
 */
export function expertCovariance(experts: readonly ExpertOutput[]): {
  readonly covariance: MetricValue;
  readonly diversity: MetricValue;
} {
  const rows = experts.length === 0 ? 0 : experts[0].data.length / experts[0].width;
  for (const [m, { data, width }] of experts.entries()) {
    if (data.length !== rows * width) {
      throw new DataError(`expert ${m} has ${data.length / width} rows, expert 0 has ${rows}`, {
        details: { expert: m, rows: data.length / width, expected: rows },
      });
    }
  }
  if (experts.length < 2 || rows < 2) {
    const reason = experts.length < 2 ? "fewer than two experts" : "fewer than two rows";
    return { covariance: undefinedMetric(reason), diversity: undefinedMetric(reason) };
  }
  const columns = experts.map(({ data, width }) =>
    Array.from({ length: width }, (_, k) => centred(data, width, k)),
  );
  let covariance = 0;
  let correlation = 0;
  let count = 0;
  for (const [p, left] of columns.entries()) {
    for (const right of columns.slice(0, p)) {
      for (const a of left) {
        for (const b of right) {
          const both = Math.abs(dot(a.values, b.values)) / rows;
          covariance += both;
          correlation += a.deviation * b.deviation > 0 ? both / (a.deviation * b.deviation) : 0;
          count++;
        }
      }
    }
  }
  return { covariance: defined(covariance / count), diversity: defined(1 - correlation / count) };
}

function centred(data: NumericArray, width: number, column: number) {
  const rows = data.length / width;
  const values = Float64Array.from({ length: rows }, (_, row) => data[row * width + column]);
  const mean = values.reduce((sum, value) => sum + value, 0) / rows;
  for (let row = 0; row < rows; row++) values[row] -= mean;
  return { values, deviation: Math.sqrt(dot(values, values) / rows) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
