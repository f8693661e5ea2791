/** Draws items that users did not take: uniformly, or by a power of popularity. */
import { CounterRandom } from "../core/index.ts";
import type { Distribution } from "./distribution.ts";
import { includesSorted, type ItemLists } from "./item-lists.ts";

/** Redraws before an item that the user took is let pass; only users of nearly everything come near. */
const MAX_REDRAWS = 64;

export class NegativeSampler {
  readonly #known: ItemLists;
  readonly #probabilities: Float64Array;
  /** Cumulative probabilities; undefined when uniform. */
  readonly #cumulative: Float64Array | undefined;

  /**
   * @param counts training interactions of each item
   * @param known items each user took
   */
  constructor(counts: Float64Array, distribution: Distribution, known: ItemLists) {
    this.#known = known.distinct();
    const weights =
      distribution === "uniform"
        ? new Float64Array(counts.length).fill(1)
        : counts.map((count) => count ** distribution.popularity);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#probabilities = weights.map((weight) => weight / total);
    if (distribution === "uniform") return;
    let sum = 0;
    this.#cumulative = this.#probabilities.map((probability) => {
      sum += probability;
      return sum;
    });
  }

  /** Of one draw. */
  probability(item: number): number {
    return this.#probabilities[item];
  }

  /** Items that a user took, ascending, once each however often it did. */
  taken(user: number): Int32Array {
    return this.#known.row(user);
  }

  /** Of one draw to give an item of this user's. */
  probabilityTaken(user: number): number {
    return this.taken(user).reduce((sum, item) => sum + this.#probabilities[item], 0);
  }

  /** Item numbers that no user is asked about. */
  shared(count: number, key: number): Int32Array {
    const random = new CounterRandom(key, "shared negatives");
    return Int32Array.from({ length: count }, (_, i) => this.#draw(random.uniform(i)));
  }

  /**
   * `each` items for every user that it did not take in training, `[users · each]`.
   *
   * @param users -1 for padding, which gets any item
   */
  own(users: Int32Array, each: number, key: number): Int32Array {
    const random = new CounterRandom(key, "own negatives");
    const drawn = new Int32Array(users.length * each);
    for (let i = 0; i < drawn.length; i++) {
      const user = users[Math.floor(i / each)];
      const taken = user < 0 ? undefined : this.#known.row(user);
      let item = 0;
      for (let again = 0; again < MAX_REDRAWS; again++) {
        item = this.#draw(random.uniform(i * MAX_REDRAWS + again));
        if (taken === undefined || !includesSorted(taken, item)) break;
      }
      drawn[i] = item;
    }
    return drawn;
  }

  #draw(uniform: number): number {
    const cumulative = this.#cumulative;
    const items = this.#probabilities.length;
    if (cumulative === undefined) return Math.floor(uniform * items);
    let low = 0;
    let high = items - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle] <= uniform) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
