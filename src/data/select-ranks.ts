/**
 * Order statistics of numbers that are too many to sort: exact, in memory that does not grow. Doubles
 * are compared as 64-bit integers; four passes over the values fix 16 bits each of every wanted one.
 */

interface Wanted {
  /** Position in the result. */
  readonly index: number;
  /** Rank among the values that share the bits known so far, from 0. */
  readonly rank: number;
}

const BUCKETS = 65_536;

/**
 * The values of these ranks (0 is the smallest) among all finite values.
 *
 * @param pass starts a new pass over the same values, in any order
 */
export function selectRanks(pass: () => Iterable<Float64Array>, ranks: readonly number[]): number[] {
  const result = new Array<number>(ranks.length);
  // By the bits known so far, 16 more after each pass: 48 at most, which a number holds exactly.
  let wanted = new Map<number, Wanted[]>([[0, ranks.map((rank, index) => ({ index, rank }))]]);
  for (let level = 0; level < 4; level++) {
    const histograms = countBits(pass, [...wanted.keys()], level);
    const next = new Map<number, Wanted[]>();
    for (const [known, entries] of wanted) {
      const histogram = histograms.get(known)!;
      for (const { index, rank } of entries) {
        let below = 0;
        let bits = 0;
        while (below + histogram[bits] <= rank) below += histogram[bits++];
        if (level === 3) {
          result[index] = doubleOf(Math.floor(known / BUCKETS), (known % BUCKETS) * BUCKETS + bits);
          continue;
        }
        const longer = known * BUCKETS + bits;
        const list = next.get(longer) ?? [];
        next.set(longer, [...list, { index, rank: rank - below }]);
      }
    }
    wanted = next;
  }
  return result;
}

/** How often each value of the next 16 bits comes after each of these known ones. */
function countBits(
  pass: () => Iterable<Float64Array>,
  known: readonly number[],
  level: number,
): Map<number, Uint32Array> {
  const histograms = new Map(known.map((bits) => [bits, new Uint32Array(BUCKETS)]));
  const first = histograms.get(0);
  for (const values of pass()) {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      // Larger doubles become larger integers: flip the sign, or every bit of a negative one.
      const negative = words[2 * i + 1] >>> 31 === 1;
      const high = negative ? ~words[2 * i + 1] >>> 0 : (words[2 * i + 1] | 0x80000000) >>> 0;
      const low = negative ? ~words[2 * i] >>> 0 : words[2 * i];
      switch (level) {
        case 0:
          first![high >>> 16]++;
          break;
        case 1:
          count(histograms.get(high >>> 16), high & 0xffff);
          break;
        case 2:
          count(histograms.get(high), low >>> 16);
          break;
        default:
          count(histograms.get(high * BUCKETS + (low >>> 16)), low & 0xffff);
      }
    }
  }
  return histograms;
}

function count(histogram: Uint32Array | undefined, bits: number): void {
  if (histogram !== undefined) histogram[bits]++;
}

/** The double whose order-preserving integer has these halves. */
function doubleOf(high: number, low: number): number {
  const positive = high >>> 31 === 1;
  const words = Uint32Array.of(
    positive ? low : ~low >>> 0,
    positive ? (high & 0x7fffffff) >>> 0 : ~high >>> 0,
  );
  return new Float64Array(words.buffer)[0];
}
