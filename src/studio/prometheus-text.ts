/** Reading what `/metrics` answers: the Prometheus text format, as far as counters, gauges and histograms go. */

export interface Sample {
  readonly labels: { readonly [name: string]: string };
  readonly value: number;
}

/** Samples by metric name; a histogram's parts are metrics of their own (`_bucket`, `_sum`, `_count`). */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export function parsePrometheus(text: string): Samples {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (line.startsWith("#") || found === null) continue;
    const [, name, labels = "", value] = found;
    const sample = { labels: parseLabels(labels), value: parseValue(value) };
    const others = samples.get(name);
    if (others === undefined) samples.set(name, [sample]);
    else others.push(sample);
  }
  return samples;
}

function parseLabels(text: string): { [name: string]: string } {
  // Without a prototype: names come from another program.
  const labels: { [name: string]: string } = Object.create(null);
  for (const [, name, value] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

/** Samples whose labels have these values. */
export function matching(
  samples: Samples,
  name: string,
  labels: { readonly [name: string]: string } = {},
): Sample[] {
  return (samples.get(name) ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
}

/** Sum of matching samples. */
export function total(samples: Samples, name: string, labels?: { readonly [name: string]: string }): number {
  return matching(samples, name, labels).reduce((sum, { value }) => sum + value, 0);
}

/**
 * A quantile of a histogram, by linear interpolation within its bucket, as Prometheus does.
 *
 * @returns null without observations; the last finite bound where the quantile lies beyond it
 */
export function histogramQuantile(
  samples: Samples,
  name: string,
  labels: { readonly [name: string]: string },
  quantile: number,
): number | null {
  const byBound = new Map<number, number>();
  for (const { labels: own, value } of matching(samples, `${name}_bucket`, labels)) {
    const bound = parseValue(own.le ?? "");
    byBound.set(bound, (byBound.get(bound) ?? 0) + value);
  }
  const buckets = [...byBound].sort(([a], [b]) => a - b);
  const count = buckets.at(-1)?.[1] ?? 0;
  if (count === 0) return null;
  const rank = quantile * count;
  const at = buckets.findIndex(([, upTo]) => upTo >= rank);
  const [bound, upTo] = buckets[at];
  const [below, before] = at === 0 ? [0, 0] : buckets[at - 1];
  if (!Number.isFinite(bound)) return below;
  return upTo === before ? bound : below + ((bound - below) * (rank - before)) / (upTo - before);
}
