/**
 * The law of feedback: from user, item, feed, position, time and history to the probability of every label.
 *
 *     click:  beta_d + b_u + q_i + 4 alpha <z_u^(d), w_i> + gamma 0.8 tanh S + T1[age, category]
 *             + T2[city, hour block, format] + phi(log price - log income) - delta log2(position)
 *     like:   -4.2 + b'_u + q_i / 2 + 4 alpha <z_u^like, w_i> - delta log2(position)
 *     conversion, given a click: price match, ‖P w_i‖² for a purchase subspace P, affinity
 *     hide:   rises as affinity falls and with how often the user has seen the item
 *     dwell:  lognormal, longer after a click and with affinity
 */
import { sigmoid } from "../core/index.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Effects } from "./effects.ts";
import type { ItemDay } from "./item-days.ts";
import { dot } from "./latent.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import type { Person, Population } from "./population.ts";

/** What one request fixes for all its candidates. */
export interface RequestContext {
  readonly user: number;
  readonly person: Person;
  readonly domain: number;
  readonly hour: number;
  readonly day: ItemDay;
  /** The day's step of the base logit, and the period of the effects. */
  readonly dayLogit: number;
  readonly period: number;
  /** tanh S by category. */
  readonly history: Float64Array;
}

/** Probabilities of one (request, item, position); `dwellLogMean` is that of log seconds without a click. */
export interface Feedback {
  click: number;
  like: number;
  conversionGivenClick: number;
  hide: number;
  dwellLogMean: number;
}

export class FeedbackLaw {
  readonly #options: ResolvedWorldOptions;
  readonly #effects: Effects;
  readonly #population: Population;
  readonly #catalogue: Catalogue;
  readonly #out: Feedback = { click: 0, like: 0, conversionGivenClick: 0, hide: 0, dwellLogMean: 0 };

  constructor(options: ResolvedWorldOptions, effects: Effects, population: Population, catalogue: Catalogue) {
    this.#options = options;
    this.#effects = effects;
    this.#population = population;
    this.#catalogue = catalogue;
  }

  /** `seen` is how often this user was shown this item before. The result object is reused. */
  of(context: RequestContext, item: number, position: number, seen: number): Feedback {
    const options = this.#options;
    const effects = this.#effects;
    const catalogue = this.#catalogue;
    const population = this.#population;
    const { user, person, domain, day, history } = context;
    const { latentDim } = law;
    const { latents } = day;
    const w = item * latentDim;
    const category = catalogue.category[item];
    const strength = options.affinityStrength * law.affinityScale;
    const affinity = strength * dot(person.domainTaste, domain * latentDim, latents, w);
    const likeAffinity = strength * dot(person.likeTaste, 0, latents, w);
    const quality = catalogue.quality[item];
    const clickbait = catalogue.clickbait[item];
    const hourBlock = Math.floor(context.hour / 6);
    const cityHourFormat =
      ((context.period * law.cityCount + population.city[user]) * law.hourBlockCount + hourBlock) *
        law.formatCount +
      catalogue.format[item];
    const ageCategory = (context.period * law.ageCount + population.age[user]) * law.categoryCount + category;
    const overIncome = catalogue.logPrice[item] - person.logIncome;
    const lower = law.positionSlope * Math.log2(position);

    const click =
      effects.domainLogit[domain] +
      context.dayLogit +
      options.clickShift +
      person.bias +
      quality +
      affinity +
      options.historyStrength * law.historyScale * history[category] +
      effects.ageCategory[ageCategory] +
      effects.cityHourFormat[cityHourFormat] +
      law.priceEffect(overIncome) +
      options.deviceShift * effects.deviceClick[population.device[user]] +
      law.clickbaitClick * clickbait -
      lower;
    const like =
      law.like.base + options.likeShift + person.likeBias + law.like.quality * quality + likeAffinity - lower;
    let inPurchaseSpace = 0;
    for (let k = 0; k < law.purchaseDim; k++) inPurchaseSpace += latents[w + k] ** 2;
    const conversion =
      law.conversion.base +
      options.conversionShift +
      (overIncome < 0.3 && overIncome > -0.3 ? law.conversion.match : 0) -
      law.conversion.mismatch * Math.abs(overIncome) +
      law.conversion.purchase * (inPurchaseSpace - law.purchaseDim / latentDim) +
      law.conversion.affinity * affinity;
    const hide =
      law.hide.base +
      options.hideShift -
      law.hide.affinity * affinity +
      law.hide.frequency * Math.log2(1 + seen) +
      law.hide.clickbait * clickbait;

    const out = this.#out;
    out.click = sigmoid(click);
    out.like = sigmoid(like);
    out.conversionGivenClick = sigmoid(conversion);
    out.hide = sigmoid(hide);
    out.dwellLogMean = law.dwell.base + law.dwell.affinity * affinity;
    return out;
  }
}
