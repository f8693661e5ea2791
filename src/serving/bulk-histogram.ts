/**
 * A Prometheus histogram that takes whole arrays: a request brings hundreds of scores, and the client
 * library's histogram takes one observation a call, with its labels looked up each time.
 */
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";

export interface BulkHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending; one without a bound follows. */
  readonly buckets: readonly number[];
}

interface Series {
  readonly labels: { readonly [label: string]: string };
  readonly counts: Float64Array;
  sum: number;
}

export class BulkHistogram {
  readonly #options: BulkHistogramOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: BulkHistogramOptions, registry: Registry) {
    this.#options = options;
    // The registry asks its metrics for a name and for their values, and no more.
    const metric = { name: options.name, get: () => this.#values(), reset: () => this.#series.clear() };
    registry.registerMetric(metric as never);
  }

  observe(labels: { readonly [label: string]: string }, values: ArrayLike<number>): void {
    const { buckets } = this.#options;
    const key = JSON.stringify(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: new Float64Array(buckets.length + 1), sum: 0 };
      this.#series.set(key, series);
    }
    for (let k = 0; k < values.length; k++) {
      const value = values[k];
      // What no number came out for would make the sum none for ever.
      if (!Number.isFinite(value)) continue;
      let bucket = 0;
      while (bucket < buckets.length && value > buckets[bucket]) bucket++;
      series.counts[bucket]++;
      series.sum += value;
    }
  }

  #values(): MetricObjectWithValues<MetricValue<string>> {
    const { name, help, buckets } = this.#options;
    const values: { metricName: string; value: number; labels: { [label: string]: string | number } }[] = [];
    for (const { labels, counts, sum } of this.#series.values()) {
      let total = 0;
      counts.forEach((count, k) => {
        total += count;
        values.push({
          metricName: `${name}_bucket`,
          value: total,
          labels: { ...labels, le: k < buckets.length ? buckets[k] : "+Inf" },
        });
      });
      values.push({ metricName: `${name}_sum`, value: sum, labels: { ...labels } });
      values.push({ metricName: `${name}_count`, value: total, labels: { ...labels } });
    }
    const object = { name, help, type: "histogram", values, aggregator: "sum" };
    return object as unknown as MetricObjectWithValues<MetricValue<string>>;
  }
}
