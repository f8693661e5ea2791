/**
 * Dimensional collapse: how many of its directions an embedding table uses. Singular spectra, information abundance
 * beside that of a freshly drawn table, and the same of sub-embeddings, the parts of a table that one field's vectors
 * show another (Guo et al., ICML 2024, arXiv:2310.04400; see `informationAbundance`).
 */
import { effectiveRank, informationAbundance, randomAbundance, singularValues } from "../numerics/index.ts";
import { type NamedMatrix, sideBySide } from "./named-matrix.ts";
import type { RunTable } from "./run-tables.ts";

export interface Collapse {
  readonly name: string;
  readonly rows: number;
  readonly dim: number;
  /** Between 1 and `dim`; null for a table of zeros. */
  readonly informationAbundance: number | null;
  /** Of a table of this shape before training. */
  readonly randomAbundance: number;
  readonly effectiveRank: number | null;
  /** In descending order. */
  readonly singularValues: readonly number[];
}

/** @throws DataError when a number is not finite */
export function collapseOf(matrix: NamedMatrix): Collapse {
  const values = singularValues(matrix);
  return {
    name: matrix.name,
    rows: matrix.rows,
    dim: matrix.columns,
    informationAbundance: informationAbundance(values) ?? null,
    randomAbundance: randomAbundance(matrix.rows, matrix.columns),
    effectiveRank: effectiveRank(values) ?? null,
    singularValues: Array.from(values),
  };
}

/** All tables of one vocabulary together: several embedding sets are the columns of one wide table. */
export interface VocabularyCollapse extends Collapse {
  readonly tables: number;
  /** Mean over the tables alone. */
  readonly meanAbundance: number | null;
}

/** One a vocabulary, in the order in which they come. */
export function collapseByVocabulary(tables: readonly RunTable[]): VocabularyCollapse[] {
  const groups = new Map<string, RunTable[]>();
  for (const table of tables) groups.set(table.vocabulary, [...(groups.get(table.vocabulary) ?? []), table]);
  return [...groups].map(([vocabulary, parts]) => ({
    ...collapseOf(sideBySide(vocabulary, parts)),
    tables: parts.length,
    meanAbundance: meanOf(parts.map((part) => informationAbundance(singularValues(part)) ?? null)),
  }));
}

/** The mean of the values that are there. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
