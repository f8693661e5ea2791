/**
 * Item titles: 4 to 8 made-up words, one of the language at large, one or two of the category, the rest of the
 * sub-category. Words have latents too, and an item prefers words near its own, so that text carries the category
 * and a little of w_i.
 */
import type { Catalogue } from "./catalogue.ts";
import type { ItemDays } from "./item-days.ts";
import { dot } from "./latent.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { integerAt, normalAt, streamKey, subkey, uniformAt } from "./stream.ts";

const wordsPerGroup = 24;
const generalGroup = law.subcategoryCount + law.categoryCount;
const consonants = "bdfgklmnprstvz";
const vowels = "aeiou";
const syllables = consonants.length * vowels.length;

/** A pronounceable word for every number below 70³; different numbers give different words. */
export function word(index: number): string {
  // Steps co-prime to the number of words, so that neighbours in a group do not look alike.
  let rest = (index * 56_873 + 1_009) % syllables ** 3;
  let text = "";
  for (let k = 0; k < 3; k++) {
    const syllable = rest % syllables;
    text += consonants[Math.floor(syllable / vowels.length)] + vowels[syllable % vowels.length];
    rest = Math.floor(rest / syllables);
  }
  return text;
}

export function makeTitles(options: ResolvedWorldOptions, catalogue: Catalogue, days: ItemDays): string[] {
  const key = streamKey(options.seed, "item", "title");
  const wordKey = streamKey(options.seed, "word", "latent");
  const wordLatents = Float64Array.from(
    { length: (generalGroup + 1) * wordsPerGroup * law.latentDim },
    (_, i) => normalAt(wordKey, i),
  );
  const { latents } = days.day(0);
  const sharpness = law.affinityScale * options.contentInformativeness;

  const pick = (item: number, group: number, uniform: number): number => {
    const cumulative = new Float64Array(wordsPerGroup);
    let sum = 0;
    for (let n = 0; n < wordsPerGroup; n++) {
      const at = (group * wordsPerGroup + n) * law.latentDim;
      sum += Math.exp((sharpness * dot(wordLatents, at, latents, item * law.latentDim)) / 2);
      cumulative[n] = sum;
    }
    let n = 0;
    while (n < wordsPerGroup - 1 && cumulative[n] <= uniform * sum) n++;
    return group * wordsPerGroup + n;
  };

  return Array.from({ length: options.items }, (_, item) => {
    const own = subkey(key, item);
    const length = 4 + integerAt(own, 0, 5);
    const ofCategory = 1 + integerAt(own, 1, 2);
    const words: string[] = [];
    for (let at = 0; at < length; at++) {
      const group =
        at === 0
          ? generalGroup
          : at <= ofCategory
            ? law.subcategoryCount + catalogue.category[item]
            : catalogue.subcategory[item];
      words.push(word(pick(item, group, uniformAt(own, 2 + at))));
    }
    return words.join(" ");
  });
}
