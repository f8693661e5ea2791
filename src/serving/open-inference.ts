/**
 * Open Inference Protocol, version 2, over JSON (github.com/kserve/open-inference-protocol): a model's
 * metadata, and tensors of raw columns in, predictions out.
 *
 * Inputs are the raw columns that features are made of, as training data held them, so that a client never
 * deals with ids. Each is a tensor `[rows]`, or `[rows, length]` for lists, whose rows are padded with null at
 * the end. Beyond the protocol, null means a missing value, and any number type is taken for numbers.
 */
import { z } from "zod";
import {
  type DerivedColumn,
  type DerivedList,
  derivation,
  type FeatureMap,
  type RawRow,
  type RawValue,
} from "../schema/index.ts";
import { RequestError } from "./cascade.ts";

const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
] as const;
type Datatype = (typeof DATATYPES)[number];

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();

export const inferRequestSchema = z
  .object({
    id: z.string().max(256).optional(),
    parameters,
    inputs: z
      .array(
        z.object({
          name: z.string(),
          shape: z.array(z.number().int().nonnegative()).min(1).max(2),
          datatype: z.enum(DATATYPES),
          parameters,
          data: z.array(z.unknown()).describe("flat in row-major order, or nested as the shape is"),
        }),
      )
      .min(1),
    outputs: z.array(z.object({ name: z.string(), parameters })).optional(),
  })
  .meta({ id: "InferRequest" });

export const inferResponseSchema = z
  .object({
    model_name: z.string(),
    model_version: z.string(),
    id: z.string(),
    outputs: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int()),
        datatype: z.literal("FP32"),
        data: z.array(z.number()),
      }),
    ),
  })
  .meta({ id: "InferResponse" });

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.number().int()).describe("-1: any length"),
});

export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorSchema),
    outputs: z.array(tensorSchema),
  })
  .meta({ id: "ModelMetadata" });

export type InferRequest = z.input<typeof inferRequestSchema>;
export type InferResponse = z.output<typeof inferResponseSchema>;
export type ModelMetadata = z.output<typeof modelMetadataSchema>;

export interface InputColumn {
  readonly name: string;
  readonly datatype: Datatype;
  readonly list: boolean;
}

/** The raw columns of a model with the types that its features read them as. */
export function inputColumns(map: FeatureMap, columns: readonly string[]): InputColumn[] {
  return columns.map((name) => {
    let list = false;
    let single = false;
    let datatype: Datatype | undefined;
    for (const feature of map.features) {
      const times = feature.kind === "sequence" && feature.timesColumn === name;
      if (feature.column !== name && !times) continue;
      const many = feature.kind === "bag" || feature.kind === "sequence" || feature.kind === "dense";
      list ||= many && feature.separator === undefined;
      single ||= !many && !times;
      if (times) datatype ??= "FP64";
      else if (feature.kind === "dense") datatype ??= feature.separator === undefined ? "FP64" : "BYTES";
      else if ("separator" in feature && feature.separator !== undefined) datatype ??= "BYTES";
      else datatype ??= "encoder" in feature ? datatypeOf(map.encoders[feature.encoder].valueType) : "FP64";
    }
    const reads = readersOf(map)
      .filter((reader) => reader.reads.has(name))
      .map(({ column }) => readAs(column, name));
    for (const read of reads) if (!read.list) single = true;
    // An overlap takes one value for a list of one, which other readers of the column would not.
    list ||= !single && reads.length > 0;
    datatype ??= reads.find((read) => read.datatype !== undefined)?.datatype;
    return { name, datatype: datatype ?? (name === map.timestamp ? "FP64" : "BYTES"), list };
  });
}

interface Reader {
  readonly column: DerivedColumn;
  /** Names of the columns that it is made of. */
  readonly reads: ReadonlySet<string>;
}

/** By map, once: to open a lookup's table of a million entries is too much for each request. */
const readers = new WeakMap<FeatureMap, readonly Reader[]>();

function readersOf(map: FeatureMap): readonly Reader[] {
  let known = readers.get(map);
  if (known === undefined) {
    known = (map.derived ?? []).map((column) => ({
      column,
      reads: new Set(derivation(column).arguments.map((argument) => argument.column)),
    }));
    readers.set(map, known);
  }
  return known;
}

/** What a derived column reads one of its columns as; without a datatype: as any value. */
function readAs(
  column: DerivedColumn,
  name: string,
): { readonly datatype?: Datatype; readonly list: boolean } {
  const of = <T extends { readonly column: string }>(inputs: readonly T[]): T =>
    inputs.find((input) => input.column === name) as T;
  const vector = ({ separator }: DerivedList): { datatype: Datatype; list: boolean } =>
    separator === undefined ? { datatype: "FP64", list: true } : { datatype: "BYTES", list: false };
  switch (column.kind) {
    case "cross":
      return { datatype: datatypeOf(of(column.inputs).valueType), list: false };
    case "lookup":
      return { datatype: datatypeOf(column.input.valueType), list: false };
    case "ratio":
    case "expression":
    case "count":
      return { datatype: "FP64", list: false };
    case "overlap":
      return { list: of(column.lists).separator === undefined };
    case "similarity":
      return vector(of(column.vectors));
    case "vector_id":
      return vector(column.vector);
    default:
      return { list: false };
  }
}

function datatypeOf(valueType: string): Datatype {
  switch (valueType) {
    case "int64":
      return "INT64";
    case "float64":
      return "FP64";
    case "boolean":
      return "BOOL";
    default:
      return "BYTES";
  }
}

/**
 * Rows of raw values from a request's tensors; columns that were not sent are missing.
 *
 * @throws RequestError for a tensor whose name, shape, datatype or data do not fit
 */
export function rowsOfRequest(
  { inputs }: z.output<typeof inferRequestSchema>,
  columns: readonly InputColumn[],
  maxRows: number,
): RawRow[] {
  const size = inputs[0].shape[0];
  if (size > maxRows) throw new RequestError(`${size} rows, of which ${maxRows} are the most`);
  const rows: { [column: string]: RawValue }[] = Array.from({ length: size }, () => ({}));
  const seen = new Set<string>();
  for (const { name, shape, datatype, data } of inputs) {
    const column = columns.find((known) => known.name === name);
    if (column === undefined) {
      throw new RequestError(
        `the model has no input "${name}"; its inputs are ${columns.map((c) => c.name).join(", ")}`,
      );
    }
    if (seen.has(name)) throw new RequestError(`input "${name}" comes twice`);
    seen.add(name);
    if (shape[0] !== size) {
      throw new RequestError(`input "${name}" has ${shape[0]} rows, input "${inputs[0].name}" has ${size}`);
    }
    const width = shape[1] ?? 1;
    const flat = flatten(data, name);
    if (flat.length !== size * width) {
      throw new RequestError(`input "${name}" of shape [${shape.join(", ")}] has ${flat.length} values`);
    }
    for (const [k, value] of flat.entries()) checkValue(value, datatype, name, k);
    for (let row = 0; row < size; row++) {
      if (shape.length === 1) {
        rows[row][name] = flat[row];
        continue;
      }
      let end = (row + 1) * width;
      while (end > row * width && flat[end - 1] === null) end--;
      rows[row][name] = flat.slice(row * width, end);
    }
  }
  return rows;
}

type Scalar = string | number | boolean | null;

function flatten(data: readonly unknown[], name: string): Scalar[] {
  const flat: Scalar[] = [];
  for (const entry of data) {
    if (!Array.isArray(entry)) flat.push(entry as Scalar);
    else {
      for (const inner of entry) {
        if (Array.isArray(inner))
          throw new RequestError(`input "${name}": data are nested more than two deep`);
        flat.push(inner as Scalar);
      }
    }
  }
  return flat;
}

function checkValue(value: unknown, datatype: Datatype, name: string, k: number): void {
  if (value === null) return;
  const expected = datatype === "BYTES" ? "string" : datatype === "BOOL" ? "boolean" : "number";
  // Integers beyond 2^53 do not survive JSON numbers; as text they do.
  const wide = datatype.endsWith("INT64") && typeof value === "string" && /^-?\d{1,20}$/.test(value);
  const type: string = typeof value;
  if (type === expected || wide) return;
  const shown = JSON.stringify(value) ?? String(value);
  throw new RequestError(
    `input "${name}", value ${k + 1}: expected a ${expected} for ${datatype}, received ${shown.slice(0, 40)}`,
  );
}
