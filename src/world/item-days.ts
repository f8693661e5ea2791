/**
 * What changes about items from day to day: latents, who is alive, popularity.
 *
 * A sub-category's centre turns by `drift` radians a day towards a direction of its own, carrying its items
 * along; log popularity of an item, and of its category, moves by drift · N(0, 1) a day, at a constant rate.
 * Any day is computed from the counters directly, never from the day before.
 */
import { ConfigError } from "../core/index.ts";
import type { Catalogue } from "./catalogue.ts";
import { dot, makeOrthogonal, scaleToUnit, writeScattered } from "./latent.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { normalAt, streamKey, subkey } from "./stream.ts";

/** One day's items. Living items are listed by sub-category. */
export interface ItemDay {
  /** Unit latents w_i of all items, `[items, dim]`. */
  readonly latents: Float32Array;
  /** Unit latents of the sub-categories, `[subcategories, dim]`. */
  readonly subcategoryLatents: Float64Array;
  /** Ids of the living items, sub-category by sub-category. */
  readonly alive: Int32Array;
  /** Where in `alive` each living item stands, `[items]`. */
  readonly place: Int32Array;
  /** Sub-category s is `alive[start[s]]` … `alive[start[s + 1] - 1]`. */
  readonly start: Int32Array;
  /** Cumulative popularity over `alive`. */
  readonly popularity: Float64Array;
}

/** Makes every day's items, warm-up days included; `day(-warmupDays)` is the first. */
export class ItemDays {
  readonly #days: ItemDay[] = [];
  readonly #firstDay: number;

  constructor(options: ResolvedWorldOptions, catalogue: Catalogue) {
    this.#firstDay = -options.warmupDays;
    const lastDay = options.trainDays + options.validDays + options.testDays - 1;
    const anchors = makeAnchors(options);
    for (let day = this.#firstDay; day <= lastDay; day++) {
      this.#days.push(makeDay(options, catalogue, anchors, day));
    }
  }

  day(day: number): ItemDay {
    return this.#days[day - this.#firstDay];
  }
}

interface Anchors {
  /** Unnormalised sub-category centres at day 0 and the directions they turn to, of equal length. */
  readonly centres: Float64Array;
  readonly directions: Float64Array;
}

function makeAnchors({ seed }: ResolvedWorldOptions): Anchors {
  const { latentDim, subcategoryCount } = law;
  const centres = new Float64Array(subcategoryCount * latentDim);
  const directions = new Float64Array(subcategoryCount * latentDim);
  const nowhere = new Float64Array(latentDim);
  const categoryKey = streamKey(seed, "category", "centre");
  const subcategoryKey = streamKey(seed, "subcategory", "centre");
  const directionKey = streamKey(seed, "subcategory", "direction");
  for (let s = 0; s < subcategoryCount; s++) {
    const at = s * latentDim;
    const category = subkey(categoryKey, Math.floor(s / law.subcategoriesPerCategory));
    const own = subkey(subcategoryKey, s);
    for (let k = 0; k < latentDim; k++) {
      centres[at + k] = normalAt(category, k) + law.subcategoryNoiseSd * normalAt(own, k);
    }
    const length = Math.sqrt(dot(centres, at, centres, at));
    const unit = centres.slice(at, at + latentDim);
    scaleToUnit(unit, 0);
    writeScattered(directions, at, nowhere, 0, subkey(directionKey, s), 1);
    makeOrthogonal(directions, at, unit, 0);
    for (let k = 0; k < latentDim; k++) directions[at + k] *= length;
  }
  return { centres, directions };
}

function makeDay(
  options: ResolvedWorldOptions,
  catalogue: Catalogue,
  anchors: Anchors,
  day: number,
): ItemDay {
  const { latentDim, subcategoryCount } = law;
  const { items, seed, drift } = options;
  const cosine = Math.cos(drift * day);
  const sine = Math.sin(drift * day);
  const centres = new Float64Array(subcategoryCount * latentDim);
  for (let k = 0; k < centres.length; k++) {
    centres[k] = cosine * anchors.centres[k] + sine * anchors.directions[k];
  }
  const latents = new Float32Array(items * latentDim);
  const noiseKey = streamKey(seed, "item", "latent");
  for (let i = 0; i < items; i++) {
    const own = subkey(noiseKey, i);
    const centre = catalogue.subcategory[i] * latentDim;
    for (let k = 0; k < latentDim; k++) {
      latents[i * latentDim + k] = centres[centre + k] + law.itemNoiseSd * normalAt(own, k);
    }
    scaleToUnit(latents, i * latentDim);
  }
  for (let s = 0; s < subcategoryCount; s++) scaleToUnit(centres, s * latentDim);
  return { latents, subcategoryLatents: centres, ...livingItems(options, catalogue, day) };
}

function livingItems(options: ResolvedWorldOptions, catalogue: Catalogue, day: number) {
  const { items, seed, drift, itemZipf } = options;
  const isAlive = (i: number) => catalogue.birthDay[i] <= day && day < catalogue.retirementDay[i];
  const start = new Int32Array(law.subcategoryCount + 1);
  for (let i = 0; i < items; i++) if (isAlive(i)) start[catalogue.subcategory[i] + 1]++;
  for (let s = 0; s < law.subcategoryCount; s++) start[s + 1] += start[s];
  const living = start[law.subcategoryCount];
  if (living < 2 * options.candidates) {
    throw new ConfigError(
      `world options: on day ${day} only ${living} items live; a request needs at least ${2 * options.candidates}`,
      { details: { day, living }, hint: "raise items, or lower candidates, churn or newCategories" },
    );
  }
  const alive = new Int32Array(living);
  const next = start.slice();
  const place = new Int32Array(items);
  for (let i = 0; i < items; i++) {
    if (!isAlive(i)) continue;
    place[i] = next[catalogue.subcategory[i]]++;
    alive[place[i]] = i;
  }

  const itemTrend = streamKey(seed, "item", "popularity-trend");
  const categoryTrend = streamKey(seed, "category", "popularity-trend");
  const popularity = new Float64Array(living);
  let sum = 0;
  for (let a = 0; a < living; a++) {
    const i = alive[a];
    const trend = normalAt(itemTrend, i) + normalAt(categoryTrend, catalogue.category[i]);
    sum += Math.exp(drift * day * trend - itemZipf * Math.log(catalogue.popularityRank[i] + 1));
    popularity[a] = sum;
  }
  return { alive, place, start, popularity };
}
