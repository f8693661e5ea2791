/** Dimensional collapse of a run's tables, or of embeddings from elsewhere. */
import { DCNv2, FFM, MultiEmbedding } from "../models/index.ts";
import type { Model } from "../module/index.ts";
import { buildModel, type OpenRun, runWeights } from "../run/index.ts";
import {
  type Collapse,
  collapseByVocabulary,
  collapseOf,
  meanOf,
  type VocabularyCollapse,
} from "./collapse.ts";
import type { NamedMatrix } from "./named-matrix.ts";
import { type RunTable, type RunTableOptions, runTables } from "./run-tables.ts";
import {
  crossSubEmbeddings,
  type FieldTable,
  fieldAwareSubEmbeddings,
  type SubEmbeddings,
} from "./sub-embeddings.ts";

export interface CollapseStudy {
  readonly tables: readonly Collapse[];
  /** Several tables of one vocabulary side by side; none where every vocabulary has one. */
  readonly vocabularies: readonly VocabularyCollapse[];
  /** Mean information abundance over the tables. */
  readonly meanAbundance: number | null;
  /** By embedding set, of models whose parts are known: DCNv2's first cross layer, FFM's vectors by field. */
  readonly subEmbeddings: readonly (SubEmbeddings & { readonly place: string })[];
}

export function collapseOfMatrices(matrices: readonly NamedMatrix[]): CollapseStudy {
  const tables = matrices.map(collapseOf);
  const meanAbundance = meanOf(tables.map(({ informationAbundance }) => informationAbundance));
  return { tables, vocabularies: [], meanAbundance, subEmbeddings: [] };
}

/** @param options.rows the most frequent values of a vocabulary that count @default all */
export function collapseOfRun(run: OpenRun, options: RunTableOptions = {}): CollapseStudy {
  const tables = runTables(run, options);
  const vocabularies = collapseByVocabulary(tables);
  return {
    ...collapseOfMatrices(tables),
    vocabularies: vocabularies.some((one) => one.tables > 1) ? vocabularies : [],
    subEmbeddings: subEmbeddingsOf(run, tables),
  };
}

function subEmbeddingsOf(run: OpenRun, tables: readonly RunTable[]): CollapseStudy["subEmbeddings"] {
  const model = buildModel(run.config, run.map);
  const hosts: readonly (readonly [place: string, host: Model])[] =
    model instanceof MultiEmbedding
      ? model.sets.map((set, m) => [`sets.${m}.`, set] as const)
      : [["", model]];
  return hosts.flatMap(([place, host]) => {
    if (!(host instanceof DCNv2 || host instanceof FFM)) return [];
    const fields = fieldTables(run, host, tables, `${place}embedding`);
    if (fields.length < 2) return [];
    if (host instanceof FFM) {
      const dim = host.embedding.dim / (host.embedding.fields - 1);
      return [{ place: `${place}embedding`, ...fieldAwareSubEmbeddings(fields, dim) }];
    }
    const [first] = host.cross.layers;
    if (first === undefined) return [];
    const [rows, columns] = first.weight.shape;
    const data = runWeights(run).parameter(`${place}cross.layers.0.weight`);
    return [{ place: `${place}embedding`, ...crossSubEmbeddings(fields, { data, rows, columns }) }];
  });
}

/** Fields that read one table each, named after the field. */
function fieldTables(
  { map }: OpenRun,
  { embedding }: DCNv2 | FFM,
  tables: readonly RunTable[],
  place: string,
): FieldTable[] {
  return embedding.names.flatMap((name, position) => {
    const feature = map.features.find((candidate) => candidate.name === name);
    if (feature === undefined) return [];
    const vocabulary = "encoder" in feature ? feature.encoder : feature.name;
    const table = tables.find((one) => one.place === place && one.vocabulary === vocabulary);
    return table === undefined ? [] : [{ table: { ...table, name }, position }];
  });
}
