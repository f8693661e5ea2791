export { type CanonicalForm, canonical, isForeignText } from "./canonical.ts";
export {
  createRowEncoder,
  emptyColumn,
  type FeatureCounts,
  labelValue,
  type RowEncoder,
  type RowEncoderOptions,
} from "./encode.ts";
export type {
  CountColumn,
  CrossColumn,
  DerivedColumn,
  DerivedInput,
  DerivedList,
  ExpressionColumn,
  LookupColumn,
  OverlapColumn,
  PrefixColumn,
  RatioColumn,
  SimilarityColumn,
  TextIdColumn,
  TimeColumn,
  TimePart,
  TokensColumn,
  VectorIdColumn,
} from "./derived-column.ts";
export {
  createDeriver,
  type Derivation,
  type DerivedArgument,
  type DerivedType,
  type Deriver,
  derivation,
  lookupKey,
} from "./derive.ts";
export { type Expression, parseExpression } from "./expression.ts";
export { tokensOf, words } from "./tokens.ts";
export { type CanonicalLookup, canonicalLookup, encodeId } from "./encode-id.ts";
export { bucketId, fitsFloat, scaleNumber, shapeNumber, toFloat, transformNumber } from "./encode-number.ts";
export {
  digitCount,
  digitsOf,
  numeralIds,
  numeralShape,
  numeralValue,
  numeralWidth,
  valueOfDigits,
} from "./encode-numeral.ts";
export { listEntries } from "./list-entries.ts";
export { murmur32 } from "./hash.ts";
export {
  NUMBER_PATTERN,
  parseNumber,
  parseTime,
  type RawRow,
  type RawScalar,
  type RawValue,
  TIME_PATTERN,
} from "./raw-value.ts";
export { columnsOf } from "./read-columns.ts";
export {
  type BatchColumn,
  type BatchLayout,
  type BatchOptions,
  type BatchSource,
  batchLayout,
  type ColumnData,
  type ColumnRole,
  type EncodedBatch,
} from "./batch.ts";
export {
  type BagFeature,
  type BucketFeature,
  type CategoricalFeature,
  DOMAIN_ENCODER,
  type DenseFeature,
  type ExposureWeight,
  FIRST_VALUE_ID,
  type Feature,
  type FeatureMap,
  type IdEncoder,
  type Label,
  type ListSource,
  MISSING_ID,
  type NumeralFeature,
  type NumeralScale,
  type NumericFeature,
  type NumericTransform,
  OUT_OF_VOCABULARY_ID,
  PADDING_ID,
  type SequenceFeature,
  type TimestampUnit,
  type ValueType,
  type Vocabulary,
} from "./feature-map.ts";
