/**
 * The users: interest cluster, observed fields drawn given the cluster, activity, and latents.
 *
 *     z = unit(centre of the cluster + N(0, 0.7²))
 *     z^(d) = kappa z + sqrt(1 - kappa²) z_d,   z^like = rho z + sqrt(1 - rho²) z'
 *
 * with z_d and z' unit vectors scattered about centres of their own and made orthogonal to z, so that the
 * cosines kappa and rho are exact. Latents are made when a user's timeline is, from the user's own stream.
 */
import { accumulate, type Effects } from "./effects.ts";
import { makeOrthogonal, turnTowards, writeScattered } from "./latent.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { drawIndex, normalAt, permutationAt, streamKey, subkey, uniformAt } from "./stream.ts";

/** What the log shows of every user, and how many requests each makes. */
export interface Population {
  readonly cluster: Uint8Array;
  readonly age: Uint8Array;
  readonly gender: Uint8Array;
  readonly city: Uint8Array;
  readonly device: Uint8Array;
  /** Written requests of user u are numbered `requestStart[u]` … `requestStart[u + 1] - 1`. */
  readonly requestStart: Int32Array;
  /** The same for requests of the warm-up days, which are not written. */
  readonly warmupStart: Int32Array;
}

export function makePopulation(options: ResolvedWorldOptions, effects: Effects): Population {
  const { seed, users } = options;
  const key = streamKey(seed, "user", "fields");
  const draw = (cumulative: Float64Array, values: number, cluster: number, uniform: number) =>
    drawIndex(cumulative, cluster * values, (cluster + 1) * values, uniform) - cluster * values;
  const cluster = new Uint8Array(users);
  const age = new Uint8Array(users);
  const gender = new Uint8Array(users);
  const city = new Uint8Array(users);
  const device = new Uint8Array(users);
  for (let u = 0; u < users; u++) {
    const own = subkey(key, u);
    const c = drawIndex(effects.clusterShares, 0, law.clusterCount, uniformAt(own, 0));
    cluster[u] = c;
    age[u] = draw(effects.age, law.ageCount, c, uniformAt(own, 1));
    gender[u] = draw(effects.gender, law.genderCount, c, uniformAt(own, 2));
    city[u] = draw(effects.city, law.cityCount, c, uniformAt(own, 3));
    device[u] = draw(effects.device, law.deviceCount, c, uniformAt(own, 4));
  }

  const rank = permutationAt(streamKey(seed, "user", "rank"), users);
  const activity = accumulate(
    Float64Array.from(rank, (r) => Math.exp(-options.userZipf * Math.log(r + law.activityOffset))),
  );
  const requests = options.impressions / law.slateSize;
  const days = options.trainDays + options.validDays + options.testDays;
  const share = (total: number, name: string) => {
    // Systematic sampling: each count is the expected one rounded up or down, and they sum to the total.
    const offset = uniformAt(streamKey(seed, "user", name), 0);
    const start = new Int32Array(users + 1);
    for (let u = 1; u < users; u++) {
      start[u] = Math.min(total, Math.floor((activity[u - 1] / activity[users - 1]) * total + offset));
    }
    start[users] = total;
    return start;
  };
  return {
    cluster,
    age,
    gender,
    city,
    device,
    requestStart: share(requests, "requests"),
    warmupStart: share(Math.round((requests * options.warmupDays) / days), "warmup"),
  };
}

/** One user as the law sees them. The arrays are reused from user to user. */
export interface Person {
  readonly bias: number;
  readonly likeBias: number;
  readonly logIncome: number;
  /** z, `[dim]`. */
  readonly taste: Float64Array;
  /** z^like, `[dim]`. */
  readonly likeTaste: Float64Array;
  /** z^(d), `[domains, dim]`. */
  readonly domainTaste: Float64Array;
}

export class PersonMaker {
  readonly #options: ResolvedWorldOptions;
  readonly #effects: Effects;
  readonly #population: Population;
  readonly #key: number;
  readonly #taste = new Float64Array(law.latentDim);
  readonly #likeTaste = new Float64Array(law.latentDim);
  readonly #domainTaste: Float64Array;

  constructor(options: ResolvedWorldOptions, effects: Effects, population: Population) {
    this.#options = options;
    this.#effects = effects;
    this.#population = population;
    this.#key = streamKey(options.seed, "user", "latents");
    this.#domainTaste = new Float64Array(effects.domainCount * law.latentDim);
  }

  make(user: number): Person {
    const { userBiasSd, likeAgreement, domainAgreement } = this.#options;
    const agreementIn = (domain: number) =>
      typeof domainAgreement === "number" ? domainAgreement : (domainAgreement[domain] ?? domainAgreement[0]);
    const effects = this.#effects;
    const own = subkey(this.#key, user);
    const centre = this.#population.cluster[user] * law.latentDim;
    const taste = this.#taste;
    const likeTaste = this.#likeTaste;
    const domainTaste = this.#domainTaste;
    writeScattered(taste, 0, effects.clickCentres, centre, subkey(own, 1), law.userNoiseSd);
    writeScattered(likeTaste, 0, effects.likeCentres, centre, subkey(own, 2), law.userNoiseSd);
    makeOrthogonal(likeTaste, 0, taste, 0);
    turnTowards(likeTaste, 0, taste, 0, likeAgreement);
    for (let d = 0; d < effects.domainCount; d++) {
      const at = d * law.latentDim;
      const domainCentre = d * law.clusterCount * law.latentDim + centre;
      writeScattered(
        domainTaste,
        at,
        effects.domainCentres,
        domainCentre,
        subkey(own, 3 + d),
        law.userNoiseSd,
      );
      makeOrthogonal(domainTaste, at, taste, 0);
      turnTowards(domainTaste, at, taste, 0, agreementIn(d));
    }
    return {
      bias: userBiasSd * normalAt(own, 0),
      likeBias: law.like.biasSd * normalAt(own, 1),
      logIncome:
        law.logPriceMedian +
        effects.cityIncome[this.#population.city[user]] +
        effects.deviceIncome[this.#population.device[user]] +
        law.personalIncomeSd * normalAt(own, 2),
      taste,
      likeTaste,
      domainTaste,
    };
  }
}
