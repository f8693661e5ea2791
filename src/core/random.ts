/**
 * Counter-based random numbers: every number is a pure function of (seed, stream, counter), so that a
 * run can resume anywhere, shards agree, and the same bits come out in Node, in a browser, in a graph
 * and in WebAssembly. The mixer is Chris Wellons' `lowbias32` (public domain, "hash-prospector").
 */

/** A bijection of uint32 with near-ideal avalanche. */
export function mix32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Folds any number of words and names into one uint32 key. */
export function hashKey(...parts: readonly (number | string)[]): number {
  let key = 0x9e3779b9;
  for (const part of parts) {
    if (typeof part === "number") {
      key = mix32((key ^ (part >>> 0)) >>> 0);
      // Seeds beyond 32 bits keep their high word.
      const high = Math.floor(Math.abs(part) / 4294967296);
      if (high > 0) key = mix32((key ^ high) >>> 0);
    } else {
      for (let i = 0; i < part.length; i++) key = mix32((key ^ part.charCodeAt(i)) >>> 0);
      key = mix32((key ^ 0x5bd1e995) >>> 0);
    }
    key = (key + 0x9e3779b9) >>> 0;
  }
  return mix32(key);
}

/** A stream of random numbers addressed by counter. Two streams with different names are independent. */
export class CounterRandom {
  readonly key: number;
  readonly #key2: number;

  constructor(seed: number, ...stream: readonly (number | string)[]) {
    this.key = hashKey(seed, ...stream);
    this.#key2 = mix32(this.key ^ 0x6a09e667);
  }

  /** Uniform over 0 … 2³²-1. */
  uint32(counter: number): number {
    // Two keyed rounds: one round of a 32-bit bijection over a counter would never repeat a value.
    return mix32((mix32((counter ^ this.key) >>> 0) + this.#key2) >>> 0);
  }

  /** Uniform in the open interval (0, 1). */
  uniform(counter: number): number {
    return (this.uint32(counter) + 0.5) / 4294967296;
  }

  /** Standard normal by Box-Muller; uses counters `2·counter` and `2·counter + 1`. */
  normal(counter: number): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform(2 * counter)));
    return radius * Math.cos(2 * Math.PI * this.uniform(2 * counter + 1));
  }

  /** Uniform integer in 0 … bound-1. */
  integer(counter: number, bound: number): number {
    return Math.floor(this.uniform(counter) * bound);
  }

  /** A permutation of 0 … length-1 (Fisher-Yates, from the top). */
  permutation(length: number): Uint32Array {
    const order = new Uint32Array(length);
    for (let i = 0; i < length; i++) order[i] = i;
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i, i + 1);
      const held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
    return order;
  }
}
