/** Vectors by value from a file of two columns, for embeddings that were trained elsewhere. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "../core/index.ts";
import { fitsFloat, type RawValue } from "../schema/index.ts";
import { openSession } from "./session.ts";
import { openSource } from "./source.ts";
import { queryRows, sqlName } from "./source-sql.ts";

export interface ValueVector {
  readonly value: RawValue;
  readonly vector: Float32Array;
}

/**
 * Reads a file (Parquet, JSON lines or CSV) whose column `value` holds raw values of a feature and whose
 * column `vector` holds lists of numbers, or text such as `[0.1, 0.2]` or `0.1 0.2`.
 *
 * @throws DataError naming file and row of a vector that is not numbers, or of another length
 */
export async function readVectors(path: string): Promise<ValueVector[]> {
  const session = await openSession(join(tmpdir(), `millrace-vectors-${randomUUID().slice(0, 8)}`));
  try {
    const source = await openSource(session.connection, { files: [path] });
    for (const needed of ["value", "vector"]) {
      if (source.columns.some(({ name }) => name === needed)) continue;
      throw new DataError(`${path} has no column "${needed}"`, {
        details: {
          file: path,
          expected: ["value", "vector"],
          columns: source.columns.map(({ name }) => name),
        },
        hint: "name its columns value (an id or text) and vector (a list of numbers)",
      });
    }
    const rows = await queryRows(
      session.connection,
      `SELECT ${sqlName("value")}, to_json(${sqlName("vector")})::VARCHAR AS vector FROM ${source.sql}`,
    );
    await source.close();
    const vectors = rows.map(({ value, vector }, row) => ({
      value: value as RawValue,
      vector: parseVector(String(vector), path, row),
    }));
    const dim = vectors[0]?.vector.length;
    const odd = vectors.findIndex(({ vector }) => vector.length !== dim);
    if (odd >= 0) {
      throw new DataError(
        `${path}: the vector of row ${odd + 1} has ${vectors[odd].vector.length} numbers, the first has ${dim}`,
        {
          details: { file: path, row: odd + 1, expected: dim, received: vectors[odd].vector.length },
        },
      );
    }
    return vectors;
  } finally {
    session.close();
  }
}

function parseVector(text: string, path: string, row: number): Float32Array {
  const numbers = text
    .replace(/^"|"$/g, "")
    .replace(/[[\]]/g, " ")
    .split(/[\s,;]+/)
    .filter((part) => part !== "")
    .map(Number);
  if (numbers.length === 0 || !numbers.every(fitsFloat)) {
    throw new DataError(`${path}: row ${row + 1} has no vector of numbers`, {
      details: { file: path, row: row + 1, received: text.slice(0, 80) },
      hint: "write vectors as lists, [0.1, 0.2], or numbers between spaces",
    });
  }
  return Float32Array.from(numbers);
}
