/**
 * The logging policy: which candidates a request gets, and with what probability.
 *
 * One draw takes, with probability 1 - a, an item by popularity, and with probability a one by affinity: a
 * sub-category s from softmax over living items' count and 4<z, w_s> / noise, then an item of it from
 * softmax(4<z, w_i> / noise). Ranking by affinity plus Gumbel noise of that scale is the same thing. Draws repeat
 * until distinct, so that slot k's item has the recorded propensity
 *
 *     m(i) / (1 - sum of m over the slots before),   m = (1 - a) popularity + a affinity.
 *
 * The order of slots is the order of draws: position says nothing about relevance.
 */
import type { Catalogue } from "./catalogue.ts";
import type { ItemDay } from "./item-days.ts";
import { dot } from "./latent.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { drawIndex, uniformAt } from "./stream.ts";

export class LoggingPolicy {
  /** The last `draw`'s items in order, their propensities, and 1 where affinity chose, 0 where popularity. */
  readonly items: Int32Array;
  readonly propensities: Float64Array;
  readonly byAffinity: Uint8Array;
  readonly #share: number;
  readonly #scale: number;
  readonly #subcategory: Uint8Array;
  /** The draw in which an item was last taken. */
  readonly #taken: Int32Array;
  readonly #subcategoryWeights = new Float64Array(law.subcategoryCount);
  /** Cumulative item weights within each sub-category, along the day's list; made when first needed. */
  readonly #itemWeights: Float64Array;
  readonly #ready = new Uint8Array(law.subcategoryCount);
  #day: ItemDay | undefined;
  #taste: Float64Array = new Float64Array(law.latentDim);
  #draws = 0;

  constructor(options: ResolvedWorldOptions, catalogue: Catalogue) {
    this.items = new Int32Array(options.candidates);
    this.propensities = new Float64Array(options.candidates);
    this.byAffinity = new Uint8Array(options.candidates);
    this.#share = options.affinityShare;
    this.#scale = law.affinityScale / options.loggingNoise;
    this.#subcategory = catalogue.subcategory;
    this.#taken = new Int32Array(options.items);
    this.#itemWeights = new Float64Array(options.items);
  }

  /** Turns to a user on a day. `taste` is read, not copied. */
  face(taste: Float64Array, day: ItemDay): void {
    this.#day = day;
    this.#taste = taste;
    this.#ready.fill(0);
    let sum = 0;
    for (let s = 0; s < law.subcategoryCount; s++) {
      const living = day.start[s + 1] - day.start[s];
      if (living > 0) {
        sum += living * Math.exp(this.#scale * dot(taste, 0, day.subcategoryLatents, s * law.latentDim));
      }
      this.#subcategoryWeights[s] = sum;
    }
  }

  /** Draws `count` distinct items; the result is in `items`, `propensities`, `byAffinity`. */
  draw(key: number, count: number): void {
    const day = this.#day!;
    const share = this.#share;
    const serial = ++this.#draws;
    const patience = 200 * count;
    let left = 1;
    for (let slot = 0, attempt = 0; slot < count; attempt++) {
      const affine = uniformAt(key, 3 * attempt) < share;
      const first = uniformAt(key, 3 * attempt + 1);
      let item: number;
      if (attempt > patience) {
        // A very steep popularity may never give enough distinct items; then any living one will do.
        item = day.alive[Math.floor(first * day.alive.length)];
      } else if (affine) {
        const s = drawIndex(this.#subcategoryWeights, 0, law.subcategoryCount, first);
        this.#prepare(s);
        item =
          day.alive[
            drawIndex(this.#itemWeights, day.start[s], day.start[s + 1], uniformAt(key, 3 * attempt + 2))
          ];
      } else {
        item = day.alive[drawIndex(day.popularity, 0, day.alive.length, first)];
      }
      if (this.#taken[item] === serial) continue;
      this.#taken[item] = serial;
      const probability = this.probability(item);
      this.items[slot] = item;
      this.propensities[slot] = Math.min(1, probability / left);
      this.byAffinity[slot] = affine ? 1 : 0;
      left = Math.max(left - probability, Number.MIN_VALUE);
      slot++;
    }
  }

  /** m(item): the probability that one draw takes it. */
  probability(item: number): number {
    const { popularity, start } = this.#day!;
    const place = this.#day!.place[item];
    const popular = weightAt(popularity, 0, place) / popularity[popularity.length - 1];
    if (this.#share === 0) return popular;
    const s = this.#subcategory[item];
    this.#prepare(s);
    const chosenSubcategory =
      weightAt(this.#subcategoryWeights, 0, s) / this.#subcategoryWeights[law.subcategoryCount - 1];
    const withinIt = weightAt(this.#itemWeights, start[s], place) / this.#itemWeights[start[s + 1] - 1];
    return (1 - this.#share) * popular + this.#share * chosenSubcategory * withinIt;
  }

  #prepare(s: number): void {
    if (this.#ready[s] === 1) return;
    this.#ready[s] = 1;
    const { start, alive, latents } = this.#day!;
    let sum = 0;
    for (let a = start[s]; a < start[s + 1]; a++) {
      sum += Math.exp(this.#scale * dot(this.#taste, 0, latents, alive[a] * law.latentDim));
      this.#itemWeights[a] = sum;
    }
  }
}

/** One weight out of cumulative weights that begin at `start`. */
function weightAt(cumulative: Float64Array, start: number, at: number): number {
  return at === start ? cumulative[at] : cumulative[at] - cumulative[at - 1];
}
