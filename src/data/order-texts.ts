/**
 * The order of a vocabulary: by descending count, then by text as JavaScript's `<` has it. Most texts of a
 * large column come equally often, so that nearly all of the work is ordering texts, and a comparison
 * called for each pair was half of fitting. Here each text becomes one 64-bit number (five characters,
 * then its place), numbers are sorted without a call back, and only texts alike in these are compared.
 */

/** Bits of a number that tell its place; the 40 above them are what is sorted by. */
const PLACE_BITS = 24;
const PLACES = 2 ** PLACE_BITS;
const LARGEST = 2 ** 40 - 1;
/** Characters in 40 bits. */
const CHARACTERS = 5;
/** So few are quicker put in order by comparing. */
const FEW = 12;

/** Indices of the texts that come often enough, by descending count, then by text. */
export function orderTexts(texts: readonly string[], counts: Float64Array, minCount: number): Uint32Array {
  const often = oftenEnough(counts, Math.max(minCount, 1));
  const byText = (a: number, b: number): number => (texts[a] < texts[b] ? -1 : texts[a] > texts[b] ? 1 : 0);
  // Places of more texts than these do not fit a number.
  if (often.length > PLACES) return often.sort((a, b) => counts[b] - counts[a] || byText(a, b));
  sortRuns(
    often,
    (index) => LARGEST - counts[index],
    (alike) => sortByText(alike, texts, byText),
  );
  return often;
}

function oftenEnough(counts: Float64Array, least: number): Uint32Array {
  const often = new Uint32Array(counts.length);
  let end = 0;
  for (let index = 0; index < counts.length; index++) if (counts[index] >= least) often[end++] = index;
  return often.subarray(0, end);
}

/** Sorts indices of distinct texts in place. */
function sortByText(
  indices: Uint32Array,
  texts: readonly string[],
  compare: (a: number, b: number) => number,
): void {
  if (indices.length <= FEW) {
    insertionSort(indices, compare);
    return;
  }
  const from = commonStart(indices, texts);
  sortRuns(
    indices,
    (index) => packCharacters(texts[index], from),
    (alike) => {
      // Beyond Latin letters five characters may all be alike here and yet differ.
      if (alike.length === indices.length) alike.sort(compare);
      else sortByText(alike, texts, compare);
    },
  );
}

/**
 * Sorts in place by a number of 40 bits; runs of one number are handed to `sortAlike`, which orders them
 * in place.
 */
function sortRuns(
  indices: Uint32Array,
  numberOf: (index: number) => number,
  sortAlike: (alike: Uint32Array) => void,
): void {
  const numbers = new BigUint64Array(indices.length);
  // Written and read by halves: a BigInt a text would cost more than sorting (every platform of Node is little-endian).
  const halves = new Uint32Array(numbers.buffer);
  for (let place = 0; place < indices.length; place++) {
    const number = numberOf(indices[place]);
    halves[2 * place] = (number % 256) * PLACES + place;
    halves[2 * place + 1] = number / 256;
  }
  numbers.sort();
  const before = indices.slice();
  for (let place = 0; place < indices.length; place++) {
    indices[place] = before[halves[2 * place] & (PLACES - 1)];
  }
  for (let start = 0; start < indices.length; ) {
    const low = halves[2 * start] >>> PLACE_BITS;
    const high = halves[2 * start + 1];
    let end = start + 1;
    while (end < indices.length && halves[2 * end + 1] === high && halves[2 * end] >>> PLACE_BITS === low) {
      end++;
    }
    if (end > start + 1) sortAlike(indices.subarray(start, end));
    start = end;
  }
}

/**
 * Five characters from a position on in eight bits each; an end comes first. All units beyond 253 are
 * alike, so that nothing after one of them may decide.
 */
function packCharacters(text: string, from: number): number {
  let packed = 0;
  let end = text.length;
  for (let k = from; k < from + CHARACTERS; k++) {
    const unit = k < end ? Math.min(text.charCodeAt(k) + 1, 255) : 0;
    if (unit === 255) end = k;
    packed = packed * 256 + unit;
  }
  return packed;
}

/** Number of UTF-16 units with which all of the texts begin. */
function commonStart(indices: Uint32Array, texts: readonly string[]): number {
  const first = texts[indices[0]];
  let length = first.length;
  for (const index of indices) {
    const text = texts[index];
    let same = 0;
    while (same < length && same < text.length && text.charCodeAt(same) === first.charCodeAt(same)) same++;
    length = same;
    if (length === 0) break;
  }
  return length;
}

function insertionSort(indices: Uint32Array, compare: (a: number, b: number) => number): void {
  for (let k = 1; k < indices.length; k++) {
    const index = indices[k];
    let at = k;
    for (; at > 0 && compare(indices[at - 1], index) > 0; at--) indices[at] = indices[at - 1];
    indices[at] = index;
  }
}
