/**
 * Settings of embedding tables by vocabulary: start from vectors trained elsewhere, freeze. A vocabulary is
 * named by the categorical feature that owns it.
 */
import { z } from "zod";
import { ConfigError, nearestName } from "../core/index.ts";
import { readVectors } from "../data/index.ts";
import { defaultEmbeddingInit } from "../embeddings/index.ts";
import { initialValues, type Model, type Table } from "../module/index.ts";
import { encodeId, type FeatureMap, FIRST_VALUE_ID, type IdEncoder } from "../schema/index.ts";

export const tableSettings = z
  .record(
    z.string(),
    z.strictObject({
      pretrained: z
        .string()
        .optional()
        .describe(
          "file (Parquet, JSON lines, CSV) with the columns `value` and `vector`; its width must be the table's",
        ),
      trainable: z.boolean().default(true).describe("false: rows are read and never updated"),
    }),
  )
  .describe("embedding tables by the feature that owns the vocabulary: pre-trained vectors, freezing");

export type TableSettings = z.output<typeof tableSettings>;

/** Applies the settings to a model before its weights are made. Values without a vector start as usual. */
export async function applyTableSettings(
  model: Model,
  map: FeatureMap,
  settings: TableSettings,
  seed: number,
): Promise<void> {
  for (const [vocabulary, { pretrained, trainable }] of Object.entries(settings)) {
    const encoder = map.encoders[vocabulary];
    const tables = [...model.namedTables()].filter(([path]) => path.split(".").at(-1) === vocabulary);
    if (encoder === undefined || tables.length === 0) throw unknownVocabulary(vocabulary, map);
    if (pretrained === undefined) {
      for (const [, table] of tables) table.trainable = trainable;
      continue;
    }
    const vectors = await readVectors(pretrained);
    const dim = vectors[0]?.vector.length ?? 0;
    const fitting = tables.filter(([, table]) => table.dim === dim);
    if (fitting.length === 0) {
      throw new ConfigError(`the vectors of ${pretrained} are ${dim} wide, no table of "${vocabulary}" is`, {
        details: { file: pretrained, dim, tables: tables.map(([path, table]) => `${path}: ${table.dim}`) },
        hint: `set model.embedding_dim to ${dim}`,
      });
    }
    for (const [path, table] of fitting) {
      table.pretrained = withVectors(table, path, seed, encoder, vectors);
      table.trainable = trainable;
    }
  }
}

function withVectors(
  table: Table,
  path: string,
  seed: number,
  encoder: IdEncoder,
  vectors: Awaited<ReturnType<typeof readVectors>>,
): Float32Array {
  const values = initialValues(table.init ?? defaultEmbeddingInit, [table.rows, table.dim], seed, path);
  for (const { value, vector } of vectors) {
    const id = encodeId(value, encoder);
    // Values that training never saw share the out-of-vocabulary row, which no single vector can speak for.
    if (id >= FIRST_VALUE_ID) values.set(vector, id * table.dim);
  }
  return values;
}

function unknownVocabulary(name: string, map: FeatureMap): ConfigError {
  const known = Object.keys(map.encoders).filter((encoder) => !encoder.startsWith("@"));
  const near = nearestName(name, known);
  return new ConfigError(`config tables: no feature owns a vocabulary "${name}" that the model embeds`, {
    details: { name, known },
    hint: near === undefined ? `vocabularies: ${known.join(", ")}` : `did you mean ${near}?`,
  });
}
