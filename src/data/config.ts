/**
 * The data half of a config: which files, how they are split, what each column is. Keys here are
 * camelCase; YAML and JSON files use the same names in snake_case. The published JSON Schema and the
 * reference in docs are made from this schema.
 */
import { z } from "zod";
import { configError } from "./config-error.ts";
import { derivedSchema } from "./derived-config.ts";
import { files, join, sourceShape, valueType } from "./source-config.ts";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const fraction = z.number().min(0).max(1);

const splitSchema = z
  .discriminatedUnion("by", [
    z.strictObject({
      by: z.literal("files").describe("train, valid and test are files of their own"),
    }),
    z.strictObject({
      by: z.literal("ratio").describe("rows of `train` are drawn at random"),
      train: fraction.describe("share of rows to train on"),
      valid: fraction.default(0).describe("share of rows to validate on"),
      test: fraction.default(0).describe("share of rows to test on"),
      seed: z.int().min(0).default(0).describe("another seed draws other rows"),
      rotate: z
        .number()
        .min(0)
        .lt(1)
        .default(0)
        .describe("the same draw, turned by this share: folds of a cross-validation are turns of one draw"),
    }),
    z.strictObject({
      by: z.literal("time").describe("rows of `train` are cut by time, equal times staying together"),
      column: z.string().optional().describe("the time's column; default: `timestamp`"),
      train: fraction.optional().describe("share of rows, the earliest, to train on"),
      valid: fraction.optional().describe("share of rows, the next, to validate on"),
      test: fraction.optional().describe("share of rows, the latest, to test on"),
      validFrom: scalar.optional().describe("first time of the validation split, as the column writes it"),
      testFrom: scalar.optional().describe("first time of the test split, as the column writes it"),
    }),
    z.strictObject({
      by: z
        .literal("column")
        .describe("a column's value says to which split a row belongs; other rows are left out"),
      column: z.string().describe("the column"),
      train: z.array(scalar).min(1).describe("values of training rows"),
      valid: z.array(scalar).default([]).describe("values of validation rows"),
      test: z.array(scalar).default([]).describe("values of test rows"),
    }),
  ])
  .describe("how rows become training, validation and test split");

const dataSchema = z
  .strictObject({
    train: files.describe(
      "files to train on (or to split): a path, a glob, an http(s) address, a list of them, or `{ query, postgres }`",
    ),
    valid: files.optional().describe("what to validate on, when it is files of its own; written as `train`"),
    test: files.optional().describe("what to test on, when it is files of its own; written as `train`"),
    ...sourceShape,
    joins: z
      .array(join)
      .optional()
      .describe("side tables, joined to the rows of train, valid and test in this order"),
    split: splitSchema.optional(),
    keep: z
      .array(z.string())
      .default([])
      .describe("raw number columns carried along unseen by models, such as true probabilities"),
    onBadRow: z
      .enum(["fail", "drop"])
      .default("fail")
      .describe(
        "a row whose label, weight or vector cannot be used: stop, or leave the row out and count it",
      ),
    shuffleMemory: z
      .number()
      .positive()
      .default(512)
      .describe(
        "MiB of encoded rows mixed at a time: a split that fits is shuffled whole, a larger one in blocks",
      ),
    cache: z
      .boolean()
      .default(true)
      .describe("reuse the encoded data of an earlier run with the same files and config"),
    cacheDir: z.string().optional().describe("where encoded data goes; default: .millrace/datasets"),
  })
  .describe("raw data and splits");

const featureSchema = z
  .strictObject({
    name: z.string().min(1).describe("the feature's name"),
    kind: z
      .enum(["categorical", "numeric", "bag", "sequence", "dense"])
      .describe(
        "categorical: one id; numeric: one number; bag: several ids without order; sequence: ids in order, most recent last; dense: a vector of numbers",
      ),
    column: z.string().optional().describe("raw column; default: the feature's name"),
    type: valueType.optional().describe("type of the values; default: the column's"),
    minCount: z
      .int()
      .min(1)
      .default(1)
      .describe("values seen less often in the training split are out of vocabulary"),
    maxSize: z
      .int()
      .min(1)
      .optional()
      .describe(
        "most values a vocabulary keeps, the most frequent ones; the rest is out of vocabulary and counted",
      ),
    hashBuckets: z.int().min(1).optional().describe("no vocabulary: ids are a hash modulo this number"),
    trim: z.boolean().default(false).describe("trim white space around values"),
    transform: z
      .enum(["raw", "log", "standard", "log_standard", "buckets", "numerals"])
      .default("standard")
      .describe(
        "numeric: as it is; sign(x)·ln(1+|x|); mean 0 and deviation 1; both; cut at quantiles into categories; or " +
          "as an integer's digits in several bases",
      ),
    buckets: z.int().min(2).default(10).describe("number of buckets of `transform: buckets`"),
    scale: z
      .enum(["quantiles", "integer", "linear", "log"])
      .default("quantiles")
      .describe(
        "numerals: how numbers become integers. quantiles: equally many rows each; integer: as they are, rounded " +
          "down, from 0 (or `clip`) on; linear, log: equal steps between `clip` (default: smallest and largest), " +
          "of the number or of sign(x)·ln(1+|x|)",
      ),
    bits: z
      .int()
      .min(1)
      .max(32)
      .default(12)
      .describe("numerals: integers lie below 2 to this power (at most 16 unless integer or linear)"),
    bases: z
      .array(z.int().min(2).max(65_536))
      .min(1)
      .default([2, 3])
      .describe("numerals: the numeral systems; a base b of L places has b·L rows"),
    combine: z
      .enum(["sum", "concat"])
      .default("sum")
      .describe("numerals: bases are added, or stand side by side and pass a linear map"),
    clip: z
      .tuple([z.number(), z.number()])
      .optional()
      .describe("numeric: bounds that raw values are moved into, before the transform"),
    fill: z
      .union([z.enum(["mean", "zero"]), z.number()])
      .default("mean")
      .describe(
        "numeric value of rows without one: the training mean, 0 after the transform, or a raw number to be transformed",
      ),
    separator: z
      .string()
      .min(1)
      .optional()
      .describe("lists and vectors in text: what stands between entries"),
    maxLength: z
      .int()
      .min(1)
      .optional()
      .describe(
        "longest list kept, the last entries of longer ones; default: the training split's longest, at most 50",
      ),
    pooling: z.enum(["mean", "sum"]).default("mean").describe("bag: how its rows become one"),
    target: z
      .string()
      .optional()
      .describe(
        "sequence or bag: the categorical feature whose values it lists; they share vocabulary and table",
      ),
    alignedWith: z
      .string()
      .optional()
      .describe("sequence: another sequence whose entries these belong to, position by position"),
    timesColumn: z.string().optional().describe("sequence: raw column with the entries' times"),
    dim: z.int().min(1).optional().describe("dense: numbers a vector has"),
    embeddingDim: z
      .int()
      .min(1)
      .optional()
      .describe("width of this feature's embedding, where the model allows it"),
  })
  .describe("one input of the model");

const labelSchema = z
  .strictObject({
    name: z.string().min(1).describe("the label's name"),
    column: z.string().optional().describe("raw column; default: the label's name"),
    threshold: z.number().optional().describe("1 above this number, else 0"),
    positive: z.array(scalar).min(1).optional().describe("raw values that mean 1; all others mean 0"),
    kind: z
      .enum(["binary", "real"])
      .default("binary")
      .describe("binary: every label must be 0 or 1 (after threshold or positive); real: any finite number"),
    positiveWeight: z
      .number()
      .positive()
      .default(1)
      .describe("weight of positive rows in the loss of a binary label; predictions are calibrated back"),
    negativeRate: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe(
        "share of the training split's negative rows that is kept, for one binary label alone; predictions are " +
          "calibrated back",
      ),
    exposureWeight: z
      .strictObject({
        feature: z
          .string()
          .describe("numeric feature with n, such as a derived count of the user's and item's past rows"),
        kappa: z.number().nonnegative().default(0.5).describe("rows weigh 1 + kappa ln(1 + n)"),
        rows: z
          .enum(["all", "negatives"])
          .default("all")
          .describe("rows of both classes, or negatives alone; predictions are then calibrated back"),
      })
      .optional()
      .describe("rows of a binary label whose item was shown n times before weigh more in its loss"),
  })
  .describe("one thing to predict");

/** Top-level keys of the data half, for the schema of a whole config. */
export const dataConfigShape = {
  data: dataSchema,
  derived: z
    .array(derivedSchema)
    .optional()
    .describe("columns made from others, in this order; features use them like raw ones"),
  features: z.array(featureSchema).min(1).describe("inputs of the model"),
  labels: z.array(labelSchema).default([]).describe("what to predict; the first one is the main task"),
  weight: z.string().optional().describe("raw column of sample weights"),
  group: z
    .string()
    .optional()
    .describe("raw column that groups rows for gAUC and rankings, such as the user"),
  domain: z.string().optional().describe("raw column that names a row's domain"),
  timestamp: z.string().optional().describe("raw column of a row's time: numbers, dates or ISO 8601 texts"),
  timestampUnit: z
    .enum(["s", "ms", "us"])
    .optional()
    .describe("unit of numeric times; default: told from the size of the training split's largest"),
};

export const dataConfigSchema = z.strictObject(dataConfigShape);

/** As written by people: defaults may be absent. */
export type DataConfigInput = z.input<typeof dataConfigSchema>;
export type DataConfig = z.output<typeof dataConfigSchema>;
export type DataFiles = DataConfig["data"];
export type FeatureConfig = DataConfig["features"][number];
export type { DerivedConfig } from "./derived-config.ts";
export type LabelConfig = DataConfig["labels"][number];
export type SplitConfig = NonNullable<DataFiles["split"]>;

/** Checks the data half of a config and fills in defaults. @throws ConfigError that names the key */
export function parseDataConfig(input: unknown): DataConfig {
  const result = dataConfigSchema.safeParse(input);
  if (!result.success) throw configError(dataConfigSchema, result.error, input);
  return result.data;
}
