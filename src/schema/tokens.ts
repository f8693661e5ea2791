/**
 * Words of a text, by the letters alone: a simplified form of the word boundaries of Unicode Standard
 * Annex 29 that needs no dictionary, so that every JavaScript engine cuts alike (up to letters that its
 * version of Unicode does not know).
 *
 * A word is a run of letters, marks, digits and connectors such as `_`; an apostrophe or a point between
 * letters (`don't`, `node.js`) and a point or comma between digits (`3.14`) stay inside. Each Han and
 * Hiragana character is a word of its own. Everything else separates.
 */
import type { TokensColumn } from "./derived-column.ts";

const IDEOGRAPH = "[\\p{Script=Han}\\p{Script=Hiragana}]";
const RUN = `(?:(?!${IDEOGRAPH})[\\p{L}\\p{M}\\p{N}\\p{Pc}])+`;
const BETWEEN_LETTERS = `(?<=[\\p{L}\\p{M}])['’.](?=(?!${IDEOGRAPH})[\\p{L}\\p{M}])`;
const BETWEEN_DIGITS = `(?<=\\p{N})[.,'’](?=(?!${IDEOGRAPH})\\p{N})`;
const JOINED = `(?:${BETWEEN_LETTERS}|${BETWEEN_DIGITS})`;
const WORD = new RegExp(`${IDEOGRAPH}\\p{M}*|${RUN}(?:${JOINED}${RUN})*`, "gu");

/** The words of a text, in order. */
export function words(text: string): string[] {
  return text.match(WORD) ?? [];
}

/**
 * The tokens of a text in compatibility form (NFKC): word n-grams joined by a blank, in order; then, for
 * each word, its character n-grams with `<` and `>` around the word, led by `#` (which no word holds). An
 * n-gram as long as the whole bracketed word stands for it once.
 */
export function tokensOf(
  text: string,
  { words: wordGrams, characters, lowerCase }: Pick<TokensColumn, "words" | "characters" | "lowerCase">,
): string[] {
  const normal = text.normalize("NFKC");
  const found = words(lowerCase ? normal.toLowerCase() : normal);
  const tokens: string[] = [];
  if (wordGrams !== undefined) {
    for (let n = wordGrams[0]; n <= wordGrams[1]; n++) {
      for (let k = 0; k + n <= found.length; k++) tokens.push(found.slice(k, k + n).join(" "));
    }
  }
  if (characters !== undefined) for (const word of found) addCharacters(tokens, word, characters);
  return tokens;
}

function addCharacters(tokens: string[], word: string, [shortest, longest]: readonly [number, number]): void {
  // By code points, so that no n-gram holds half a character.
  const letters = [...`<${word}>`];
  for (let n = shortest; n <= longest && n <= letters.length; n++) {
    for (let k = 0; k + n <= letters.length; k++) tokens.push(`#${letters.slice(k, k + n).join("")}`);
  }
}
