/**
 * Sub-embeddings: what a field's table E_i shows another field j through an interaction. In a cross network of full
 * matrices (DCN-V2) that is E_i W_{ij}, W_{ij} the block of its first layer from field i to field j; in a field-aware
 * machine (FFM) the part of the vectors that is kept for field j. The law of collapse says that the abundance of E_i W_{ij}
 * falls with that of E_i and with that of E_j (Guo et al., ICML 2024, arXiv:2310.04400).
 */
import { ShapeError } from "../core/index.ts";
import type { DenseMatrix } from "../numerics/index.ts";
import { collapseOf } from "./collapse.ts";
import type { NamedMatrix } from "./named-matrix.ts";

export interface SubEmbeddings {
  /** Fields that have a table, in the order of rows and columns. */
  readonly fields: readonly string[];
  /** Information abundance of what field i shows field j, `[i][j]`; null where there is no such part. */
  readonly abundance: readonly (readonly (number | null)[])[];
}

/** One field of a model: its table, and where its vector stands among all fields'. */
export interface FieldTable {
  readonly table: NamedMatrix;
  /** Number of the field, from 0. */
  readonly position: number;
}

/**
 * @param weight `[width, width]`, from a row's inputs (x W); the fields' blocks are as wide as their tables
 * @throws ShapeError when a block lies outside the weight
 */
export function crossSubEmbeddings(fields: readonly FieldTable[], weight: DenseMatrix): SubEmbeddings {
  return {
    fields: fields.map(({ table }) => table.name),
    abundance: fields.map((from) =>
      fields.map((to) => collapseOf(projected(from, to, weight)).informationAbundance),
    ),
  };
}

function projected({ table, position }: FieldTable, to: FieldTable, weight: DenseMatrix): NamedMatrix {
  const dim = table.columns;
  const [first, target] = [position * dim, to.position * dim];
  if (first + dim > weight.rows || target + dim > weight.columns) {
    throw new ShapeError("crossSubEmbeddings: the weight has no block for these fields", {
      weight: [weight.rows, weight.columns],
      fields: [position, to.position],
      dim,
    });
  }
  const data = new Float64Array(table.rows * dim);
  for (let row = 0; row < table.rows; row++) {
    for (let k = 0; k < dim; k++) {
      const value = table.data[row * dim + k];
      for (let l = 0; l < dim; l++) {
        data[row * dim + l] += value * weight.data[(first + k) * weight.columns + target + l];
      }
    }
  }
  return { name: `${table.name} to ${to.table.name}`, rows: table.rows, columns: dim, data };
}

/** Of vectors that hold a part of width `dim` for each other field, in order, their own left out. */
export function fieldAwareSubEmbeddings(fields: readonly FieldTable[], dim: number): SubEmbeddings {
  return {
    fields: fields.map(({ table }) => table.name),
    abundance: fields.map((from) =>
      fields.map((to) => {
        if (from.position === to.position) return null;
        const part = to.position < from.position ? to.position : to.position - 1;
        return collapseOf(columnsOf(from.table, part * dim, dim)).informationAbundance;
      }),
    ),
  };
}

function columnsOf({ name, rows, columns, data }: NamedMatrix, start: number, count: number): NamedMatrix {
  const taken = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    taken.set(data.subarray(row * columns + start, row * columns + start + count), row * count);
  }
  return { name, rows, columns: count, data: taken };
}
