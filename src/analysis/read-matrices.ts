/** Embeddings from elsewhere as matrices: `.npy`, safetensors, or a table of values and vectors. */
import { existsSync, readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { DataError } from "../core/index.ts";
import { readVectors } from "../data/index.ts";
import { decodeSafetensors, type SafetensorsTensor } from "../module/index.ts";
import { halfFloat } from "./half-float.ts";
import type { NamedMatrix } from "./named-matrix.ts";
import { readNpy } from "./read-npy.ts";

/**
 * Every matrix of a file: one of an `.npy`, each tensor of rank 2 of a safetensors file under its name, the vectors of
 * a Parquet, JSON lines or CSV file with columns `value` and `vector`.
 *
 * @throws DataError when there is no file, no matrix in it, or a number that is none (its row and column)
 */
export async function readMatrices(path: string): Promise<NamedMatrix[]> {
  const matrices = await matricesOf(path);
  for (const matrix of matrices) checkNumbers(matrix, path);
  return matrices;
}

/** Beyond this the squares that singular values are made of are none in float64. */
const LARGEST = 1e150;

function checkNumbers({ name, data, columns }: NamedMatrix, path: string): void {
  const bad = data.findIndex((value) => !(Math.abs(value) <= LARGEST));
  if (bad < 0) return;
  const [row, column] = [Math.floor(bad / columns) + 1, (bad % columns) + 1];
  const matrix = name === basename(path) ? path : `${path}, ${name}`;
  throw new DataError(`${matrix}: row ${row}, column ${column} is ${data[bad]}`, {
    details: { file: path, matrix: name, row, column, expected: "a magnitude of at most 1e150" },
    hint: "leave rows without a vector out, and look for a training that diverged",
  });
}

async function matricesOf(path: string): Promise<NamedMatrix[]> {
  if (!existsSync(path)) {
    throw new DataError(`there is no run directory and no file ${path}`, {
      details: { path },
      hint: "name a run, an .npy file, a .safetensors file, or a table with columns value and vector",
    });
  }
  const name = basename(path);
  switch (extname(path).toLowerCase()) {
    case ".npy":
      return [{ name, ...readNpy(readFileSync(path), path) }];
    case ".safetensors": {
      const { tensors } = decodeSafetensors(readFileSync(path));
      const matrices = Object.entries(tensors).flatMap(([key, tensor]) => matrixOf(key, tensor));
      if (matrices.length > 0) return matrices;
      throw new DataError(`${path} holds no matrix of floating-point numbers`, {
        details: {
          path,
          tensors: Object.entries(tensors).map(([key, { dtype, shape }]) => [key, dtype, shape]),
        },
      });
    }
    default: {
      const vectors = await readVectors(path);
      if (vectors.length === 0) throw new DataError(`${path} holds no vectors`, { details: { path } });
      const columns = vectors[0].vector.length;
      const data = new Float64Array(vectors.length * columns);
      for (const [row, { vector }] of vectors.entries()) data.set(vector, row * columns);
      return [{ name, rows: vectors.length, columns, data }];
    }
  }
}

function matrixOf(name: string, { dtype, shape, data }: SafetensorsTensor): NamedMatrix[] {
  if (shape.length !== 2 || shape[0] < 1 || shape[1] < 1) return [];
  const [rows, columns] = shape;
  if (dtype === "F32" || dtype === "F64") {
    return [{ name, rows, columns, data: Float64Array.from(data as Float32Array) }];
  }
  if (dtype === "F16" || dtype === "BF16") {
    const decode = dtype === "F16" ? halfFloat : brainFloat;
    return [{ name, rows, columns, data: Float64Array.from(data as Uint16Array, decode) }];
  }
  return [];
}

/** The upper half of a float32. */
function brainFloat(bits: number): number {
  const words = Uint32Array.of(bits << 16);
  return new Float32Array(words.buffer)[0];
}
