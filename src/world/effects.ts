/**
 * Everything in the world that belongs to no single user or item: clusters of users and what their members
 * look like, random effects T1 and T2, the history affinity M, what income depends on, traffic by hour.
 */
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { normalAt, streamKey, uniformAt } from "./stream.ts";

export interface Effects {
  /** Feeds, the one that only the test period has included. */
  readonly domainCount: number;
  /** beta, `[domains]`. */
  readonly domainLogit: Float64Array;
  /** Cumulative shares of clusters, `[clusters]`. */
  readonly clusterShares: Float64Array;
  /** Centres of click taste and of the second directions z', `[clusters, dim]`. */
  readonly clickCentres: Float64Array;
  readonly likeCentres: Float64Array;
  /** Centres of the feeds' own directions z_d, `[domains, clusters, dim]`. */
  readonly domainCentres: Float64Array;
  /** Cumulative distributions given the cluster, `[clusters, values]`. */
  readonly age: Float64Array;
  readonly gender: Float64Array;
  readonly city: Float64Array;
  readonly device: Float64Array;
  readonly domain: Float64Array;
  readonly cityIncome: Float64Array;
  readonly deviceIncome: Float64Array;
  /** From -1 to 1, `[devices]`; the dial `deviceShift` scales it. */
  readonly deviceClick: Float64Array;
  /** Wandering of the base logit, `[days]`, the first being the first warm-up day. */
  readonly dayLogit: Float64Array;
  /** T1, `[periods, ages, categories]`; a period ends on each of `changeDays`. */
  readonly ageCategory: Float64Array;
  /** T2, `[periods, cities, hour blocks, formats]`. */
  readonly cityHourFormat: Float64Array;
  /** M, `[periods, category of the past click, category of the candidate]`. */
  readonly historyMatrix: Float64Array;
  readonly hours: Float64Array;
}

export function makeEffects(options: ResolvedWorldOptions): Effects {
  const { seed, domainLogits, domainShares } = options;
  const normals = (name: string, length: number, sd = 1) => {
    const key = streamKey(seed, "effect", name);
    return Float64Array.from({ length }, (_, i) => sd * normalAt(key, i));
  };
  const extraFeed = options.testFeedShare > 0;
  const domainCount = domainLogits.length + (extraFeed ? 1 : 0);
  const meanLogit = domainLogits.reduce((sum, logit) => sum + logit, 0) / domainLogits.length;
  const periods = options.changeDays.length + 1;
  const days = options.warmupDays + options.trainDays + options.validDays + options.testDays;
  const centres = law.clusterCount * law.latentDim;
  const logDomainShares = domainShares.map(Math.log);
  const logCityShares = Array.from({ length: law.cityCount }, (_, i) => -0.8 * Math.log(i + 2));
  const flat = (length: number) => new Array<number>(length).fill(0);

  // The distribution of a field differs from cluster to cluster by log-odds of sd `spread`.
  const byCluster = (name: string, base: readonly number[], spread: number) => {
    const tilt = normals(name, law.clusterCount * base.length, spread);
    const cumulative = new Float64Array(tilt.length);
    for (let cluster = 0; cluster < law.clusterCount; cluster++) {
      let sum = 0;
      for (let value = 0; value < base.length; value++) {
        const at = cluster * base.length + value;
        sum += Math.exp(base[value] + tilt[at]);
        cumulative[at] = sum;
      }
    }
    return cumulative;
  };

  const present = streamKey(seed, "effect", "history-present");
  const historyMatrix = normals("history", periods * law.categoryCount ** 2, law.historyMatrixSd).map(
    (value, i) => (uniformAt(present, i) < law.historyMatrixDensity ? value : 0),
  );

  return {
    domainCount,
    domainLogit: Float64Array.from(extraFeed ? [...domainLogits, meanLogit] : domainLogits),
    clusterShares: accumulate(normals("cluster-share", law.clusterCount, 0.4).map(Math.exp)),
    clickCentres: normals("click-centre", centres),
    likeCentres: normals("like-centre", centres),
    domainCentres: normals("domain-centre", domainCount * centres),
    age: byCluster("age", flat(law.ageCount), 2),
    gender: byCluster("gender", [1, 1, -1.5], 0.8),
    city: byCluster("city", logCityShares, 2),
    device: byCluster("device", flat(law.deviceCount), 1.5),
    domain: byCluster("domain", logDomainShares, 0.4),
    cityIncome: normals("city-income", law.cityCount, law.cityIncomeSd),
    deviceIncome: normals("device-income", law.deviceCount, law.deviceIncomeSd),
    deviceClick: Float64Array.from(
      { length: law.deviceCount },
      (_, i) => (2 * i) / (law.deviceCount - 1) - 1,
    ),
    dayLogit: accumulate(normals("day", days, options.rateWander)),
    ageCategory: normals("age-category", periods * law.ageCount * law.categoryCount, law.ageCategorySd),
    cityHourFormat: normals(
      "city-hour-format",
      periods * law.cityCount * law.hourBlockCount * law.formatCount,
      law.cityHourFormatSd,
    ),
    historyMatrix,
    hours: accumulate(Float64Array.from(law.hourWeights)),
  };
}

/** Running sums. */
export function accumulate(weights: ArrayLike<number>): Float64Array {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i];
    cumulative[i] = sum;
  }
  return cumulative;
}

/** How many of `changeDays` have come. */
export function periodOf(day: number, changeDays: readonly number[]): number {
  let period = 0;
  while (period < changeDays.length && changeDays[period] <= day) period++;
  return period;
}
