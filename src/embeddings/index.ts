export { DomainEmbedding, RowDomain, sumOverDomains } from "./domain.ts";
export {
  agesOf,
  FieldEmbedding,
  type FieldEmbeddingOptions,
  type HistoryPooling,
  poolEntries,
} from "./field-embedding.ts";
export {
  DenseArena,
  denseStateVectors,
  formatBytes,
  type Optimizer,
  RowArena,
  type RowL2,
  type RowRange,
  rowArenaBytes,
} from "./kernels/index.ts";
export { LinearLogit } from "./linear-logit.ts";
export {
  defaultEmbeddingInit,
  featureNamed,
  type IdFeature,
  isIdFeature,
  slotOf,
  tablesFor,
  vocabularyOf,
  vocabularySize,
} from "./tables.ts";
