/**
 * Information abundance of a freshly drawn matrix: what a table of this shape has before any training, with which
 * that of a trained one is compared (Guo et al., arXiv:2310.04400). Entries are N(0, 1); of tall tables a part is
 * drawn and its spectrum moved to where that of all rows lies.
 */
import { CounterRandom } from "../core/index.ts";
import { informationAbundance } from "./information-abundance.ts";
import { singularValues } from "./singular-values.ts";

const mostRows = 4096;

/** @param seed the same matrix for the same seed */
export function randomAbundance(rows: number, columns: number, seed = 1): number {
  const drawn = Math.min(rows, Math.max(mostRows, columns));
  const random = new CounterRandom(seed, "random abundance");
  const data = new Float64Array(drawn * columns);
  for (let i = 0; i < data.length; i++) data[i] = random.normal(i);
  const values = singularValues({ data, rows: drawn, columns });
  if (drawn === rows) return informationAbundance(values) ?? 1;
  // Singular values of a tall normal matrix lie about the root of its rows, at a distance that the rows do not change.
  const scaled = values.map((value) => Math.sqrt(rows) + value - Math.sqrt(drawn));
  return informationAbundance(scaled) ?? 1;
}
