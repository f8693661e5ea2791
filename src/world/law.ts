/**
 * The constants of the generated world's law. They are frozen: a change makes another world, so it raises
 * `worldVersion` and changes the golden hash in `world.test.ts`. What a recipe may turn is in `options.ts`.
 */

/** Written into every manifest; worlds of different versions are not comparable. */
export const worldVersion = 1;

export const daySeconds = 86_400;
/** Rows of a request: the positions 1 … 10. */
export const slateSize = 10;

/** Width of every latent vector; user and item latents have unit length. */
export const latentDim = 16;
export const contentDim = 32;

export const clusterCount = 12;
export const categoryCount = 20;
export const subcategoriesPerCategory = 10;
export const subcategoryCount = categoryCount * subcategoriesPerCategory;
export const advertiserCount = 400;
export const formatCount = 6;
export const ageCount = 7;
export const genderCount = 3;
export const cityCount = 60;
export const deviceCount = 5;
/** Hours come in blocks of six: night, morning, afternoon, evening. */
export const hourBlockCount = 4;

/** Spread of users about their cluster, of sub-categories about their category, of items about theirs. */
export const userNoiseSd = 0.5;
export const subcategoryNoiseSd = 0.5;
export const itemNoiseSd = 0.5;

export const qualitySd = 0.6;
/** A unit affinity moves the click logit by this much, so that its standard deviation is about 1. */
export const affinityScale = 5;
export const historyScale = 0.8;
/** Share of category pairs with an entry in the history affinity M, and the entries' standard deviation. */
export const historyMatrixDensity = 0.2;
export const historyMatrixSd = 1;
export const ageCategorySd = 0.35;
export const cityHourFormatSd = 0.25;
/** delta: the click logit falls by this for each doubling of the position. */
export const positionSlope = 0.35;
/** Activity of the user of rank r (from 0) is (r + 50)^-exponent. */
export const activityOffset = 50;

/** Prices and incomes are in one unit; both have this median before effects. */
export const logPriceMedian = Math.log(20);
export const categoryPriceSd = 0.4;
export const itemPriceSd = 0.8;
/** Bids are lognormal with median 1, part of it the advertiser's. */
export const advertiserBidSd = 0.5;
export const itemBidSd = 0.3;
export const cityIncomeSd = 0.4;
export const deviceIncomeSd = 0.3;
export const personalIncomeSd = 0.25;

/** phi(x) = -0.4 max(0, x)² + 0.3 [|x| < 0.3], x = log price - log income. */
export function priceEffect(x: number): number {
  const over = Math.max(x, 0);
  return -0.4 * over * over + (x < 0.3 && x > -0.3 ? 0.3 : 0);
}

export const like = { base: -4.2, biasSd: 0.5, quality: 0.5 } as const;

/** Conversion after a click: price match, share of the latent in the purchase subspace, affinity. */
export const conversion = { base: -3.2, match: 1, mismatch: 0.5, purchase: 4, affinity: 0.5 } as const;
/** The purchase subspace is spanned by the first coordinates (latents have no preferred axes). */
export const purchaseDim = 4;

/** log dwell seconds ~ N(base + click·[clicked] + affinity·a, sd²). */
export const dwell = { base: 0.3, click: 2.6, affinity: 0.4, sd: 0.8 } as const;

export const hide = { base: -6, affinity: 0.8, frequency: 0.6, clickbait: 2 } as const;
export const clickbaitClick = 1;

/** Relative traffic of each hour of the day. */
export const hourWeights = [
  3, 2, 1, 1, 1, 1, 2, 4, 6, 6, 6, 7, 8, 8, 7, 6, 6, 7, 9, 11, 12, 11, 9, 6,
] as const;
/** Requests of one burst follow one another after this many seconds, on average. */
export const burstGapSeconds = 600;
