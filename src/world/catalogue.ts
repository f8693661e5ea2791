/**
 * The items: two-level taxonomy, fields, price, quality, life span, content vectors. How latents and popularity
 * move from day to day is `item-days.ts`; titles are `titles.ts`.
 */
import { accumulate } from "./effects.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import {
  drawIndex,
  exponentialAt,
  integerAt,
  normalAt,
  permutationAt,
  streamKey,
  subkey,
  uniformAt,
} from "./stream.ts";

export interface Catalogue {
  readonly category: Uint8Array;
  /** 0 … 199; sub-category s belongs to category floor(s / 10). */
  readonly subcategory: Uint8Array;
  readonly advertiser: Uint16Array;
  readonly format: Uint8Array;
  readonly price: Float32Array;
  readonly logPrice: Float64Array;
  readonly quality: Float64Array;
  readonly clickbait: Uint8Array;
  /** What its advertiser pays for a click. */
  readonly bid: Float32Array;
  /** Position in the order of popularity, from 0. */
  readonly popularityRank: Int32Array;
  /** First day on which the item can be shown; below 0 for items older than the log. */
  readonly birthDay: Int32Array;
  /** First day on which it no longer can; `neverRetires` if the world ends before. */
  readonly retirementDay: Int32Array;
}

export const neverRetires = 1_000_000;

export function makeCatalogue(options: ResolvedWorldOptions): Catalogue {
  const { seed, items } = options;
  const key = (name: string) => streamKey(seed, "item", name);
  const unevenShares = (name: string, groups: number, sd: number) => {
    const stream = key(name);
    return accumulate(Float64Array.from({ length: groups }, (_, i) => Math.exp(sd * normalAt(stream, i))));
  };
  const categoryShares = unevenShares("category-share", law.categoryCount, 0.5);
  const subcategoryShares = unevenShares("subcategory-share", law.subcategoryCount, 0.5);
  const categoryPrice = key("category-price");
  const advertiserBid = key("advertiser-bid");
  const advertiserHome = key("advertiser-home");

  const catalogue: Catalogue = {
    category: new Uint8Array(items),
    subcategory: new Uint8Array(items),
    advertiser: new Uint16Array(items),
    format: new Uint8Array(items),
    price: new Float32Array(items),
    logPrice: new Float64Array(items),
    quality: new Float64Array(items),
    clickbait: new Uint8Array(items),
    bid: new Float32Array(items),
    popularityRank: permutationAt(key("popularity-rank"), items),
    birthDay: new Int32Array(items),
    retirementDay: new Int32Array(items),
  };
  const fields = key("fields");
  for (let i = 0; i < items; i++) {
    const own = subkey(fields, i);
    const category = drawIndex(categoryShares, 0, law.categoryCount, uniformAt(own, 0));
    catalogue.category[i] = category;
    catalogue.subcategory[i] = drawSubcategory(subcategoryShares, category, uniformAt(own, 1));
    catalogue.advertiser[i] = drawAdvertiser(advertiserHome, category, own);
    catalogue.format[i] = integerAt(own, 4, law.formatCount);
    catalogue.logPrice[i] =
      law.logPriceMedian +
      law.categoryPriceSd * normalAt(categoryPrice, category) +
      options.numericTail * law.itemPriceSd * normalAt(own, 5);
    catalogue.price[i] = Math.exp(catalogue.logPrice[i]);
    catalogue.quality[i] = law.qualitySd * normalAt(own, 6);
    catalogue.clickbait[i] = uniformAt(own, 7) < options.clickbaitShare ? 1 : 0;
    catalogue.bid[i] = Math.exp(
      law.advertiserBidSd * normalAt(advertiserBid, catalogue.advertiser[i]) +
        law.itemBidSd * normalAt(own, 11),
    );
    const [birth, retirement] = lifeSpan(options, category, own);
    catalogue.birthDay[i] = birth;
    catalogue.retirementDay[i] = retirement;
  }
  return catalogue;
}

function drawSubcategory(cumulative: Float64Array, category: number, uniform: number): number {
  const first = category * law.subcategoriesPerCategory;
  const before = first === 0 ? 0 : cumulative[first - 1];
  const total = cumulative[first + law.subcategoriesPerCategory - 1] - before;
  let at = first;
  while (at < first + law.subcategoriesPerCategory - 1 && cumulative[at] - before <= uniform * total) {
    at++;
  }
  return at;
}

/** Two thirds of an advertiser's items lie in one category; low advertiser numbers have more items. */
function drawAdvertiser(homeKey: number, category: number, own: number): number {
  const perCategory = law.advertiserCount / law.categoryCount;
  const skewed = uniformAt(own, 2) ** 2;
  const home =
    uniformAt(own, 3) < 2 / 3 ? category : integerAt(homeKey, Math.floor(skewed * 4096), law.categoryCount);
  return home * perCategory + Math.floor(skewed * perCategory);
}

/**
 * Each day `churn` of the living items retires and as many are born, so that about as many live on every day.
 * Items of new categories are all born with the test period.
 */
function lifeSpan(options: ResolvedWorldOptions, category: number, own: number): [number, number] {
  const { churn, trainDays, validDays, testDays, warmupDays } = options;
  const testStart = trainDays + validDays;
  const lastDay = testStart + testDays - 1;
  const aliveAtStart = 1 / (1 + churn * lastDay);
  const uniform = uniformAt(own, 8);
  let birth: number;
  if (category >= law.categoryCount - options.newCategories) birth = testStart;
  else if (uniform < aliveAtStart) birth = -warmupDays - 1 - Math.floor(40 * exponentialAt(own, 9));
  else birth = 1 + Math.floor(((uniform - aliveAtStart) / (1 - aliveAtStart)) * lastDay);
  if (churn === 0) return [birth, neverRetires];
  const life = 1 + Math.floor(exponentialAt(own, 10) / -Math.log(1 - churn));
  const retirement = Math.max(birth, 0) + life;
  return [birth, retirement > lastDay ? neverRetires : retirement];
}
