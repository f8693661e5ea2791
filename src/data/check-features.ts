/** Mistakes in features that need no data to be seen. */
import { ConfigError, nearestName } from "../core/index.ts";
import type { DataConfig } from "./config.ts";
import { checkDerived } from "./derived-config.ts";

/** Mistakes that need no data: names used twice, targets that are no categorical feature, derived columns. */
export function checkFeatures(config: DataConfig): void {
  checkDerived(config.derived ?? [], { timestamp: config.timestamp, keep: config.data.keep });
  const seen = new Set<string>();
  const taken = [...config.features, ...config.labels, ...config.data.keep.map((name) => ({ name }))];
  for (const { name } of taken) {
    if (seen.has(name) || name.startsWith("@") || name === "__proto__") {
      const message = seen.has(name)
        ? "stands twice"
        : name.startsWith("@")
          ? "starts with @, as only role columns do"
          : "is one that JavaScript keeps for itself";
      throw new ConfigError(`config: the name ${name} ${message}`, {
        details: { key: "features", received: name },
        hint: "features, labels and kept columns need names of their own",
      });
    }
    seen.add(name);
  }
  for (const { name } of config.features) {
    // Batches name a feature's lengths, ages and missing flags so.
    const [, owner] = /^(.+)\.(?:length|age|missing)$/.exec(name) ?? [];
    if (owner === undefined || !seen.has(owner)) continue;
    throw new ConfigError(`config: the feature name ${name} is taken by a column of feature ${owner}`, {
      details: { key: "features", received: name },
      hint: "name the feature otherwise and set its column",
    });
  }
  checkNegativeRates(config);
  checkExposureWeights(config);
  const categorical = config.features.filter(({ kind }) => kind === "categorical").map(({ name }) => name);
  const sequences = config.features.filter(({ kind }) => kind === "sequence").map(({ name }) => name);
  for (const feature of config.features) {
    const { name, kind, target, alignedWith, timesColumn, dim } = feature;
    checkNumerals(feature);
    if (target !== undefined) mustBe(name, "target", target, categorical, "a categorical feature");
    if (alignedWith !== undefined) mustBe(name, "aligned_with", alignedWith, sequences, "a sequence");
    if (timesColumn !== undefined && config.timestamp === undefined) {
      throw new ConfigError(
        `config: feature ${name} has times_column, and no timestamp says what time a row has`,
        {
          details: { key: "timestamp" },
          hint: "set timestamp to the column of the rows' times",
        },
      );
    }
    if (kind === "dense" && dim === undefined) {
      throw new ConfigError(`config: the dense feature ${name} needs dim, the length of its vectors`, {
        details: { key: "dim" },
      });
    }
  }
}

/** Most bits of numbers whose integers are found among cuts, which stand in the feature map. */
const MOST_CUT_BITS = 16;

function checkNumerals({ name, transform, scale, bits, bases }: DataConfig["features"][number]): void {
  if (transform !== "numerals") return;
  const cut = scale === "quantiles" || scale === "log";
  if (cut && bits > MOST_CUT_BITS) {
    throw new ConfigError(
      `config: feature ${name} has bits ${bits}, with scale ${scale} at most ${MOST_CUT_BITS}`,
      { details: { key: "bits", expected: `at most ${MOST_CUT_BITS}`, received: bits } },
    );
  }
  if (new Set(bases).size < bases.length) {
    throw new ConfigError(`config: feature ${name} names a base twice: ${bases.join(", ")}`, {
      details: { key: "bases", received: bases },
      hint: "the same digits twice add nothing",
    });
  }
}

/** The count must be a feature, so that the model sees what the weights depend on. */
function checkExposureWeights({ labels, features }: DataConfig): void {
  for (const { name, kind, exposureWeight } of labels) {
    if (exposureWeight === undefined) continue;
    const { feature } = exposureWeight;
    if (kind !== "binary") {
      throw new ConfigError(
        `config labels: ${name} is a real number, and exposure_weight is for binary labels`,
        {
          details: { key: "exposure_weight", received: kind },
        },
      );
    }
    const counts = features.filter(
      (each) => each.kind === "numeric" && each.transform !== "buckets" && each.transform !== "numerals",
    );
    if (counts.some((each) => each.name === feature)) continue;
    const near = nearestName(
      feature,
      counts.map((each) => each.name),
    );
    throw new ConfigError(`config labels: exposure_weight of ${name} needs the numeric feature ${feature}`, {
      details: { key: "exposure_weight", received: feature, known: counts.map((each) => each.name) },
      hint:
        near === undefined
          ? "derive a column with `kind: count` by user and item, and make it a numeric feature"
          : `did you mean ${near}?`,
    });
  }
}

/** Leaving out one label's negatives would shift the rates of all others, in a way nothing could take back. */
function checkNegativeRates({ labels }: DataConfig): void {
  const sampled = labels.find(({ negativeRate }) => negativeRate < 1);
  if (sampled === undefined) return;
  if (labels.length === 1 && sampled.kind === "binary") return;
  throw new ConfigError(
    `config labels: ${sampled.name} has negative_rate ${sampled.negativeRate}, which needs one binary label and no other`,
    {
      details: { key: "labels", received: labels.map(({ name }) => name) },
      hint: "leave the other labels out, or weigh with positive_weight instead",
    },
  );
}

function mustBe(
  feature: string,
  key: string,
  received: string,
  known: readonly string[],
  what: string,
): void {
  if (known.includes(received)) return;
  const near = nearestName(received, known);
  throw new ConfigError(`config: ${key} of feature ${feature} is ${received}, expected ${what}`, {
    details: { key, expected: known, received },
    hint: near === undefined ? `there are: ${known.join(", ") || "none"}` : `did you mean ${near}?`,
  });
}
