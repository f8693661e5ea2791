/**
 * Encoded batches: what the data layer hands to training. Columns are flat typed arrays; their widths
 * stand in the layout, which depends on the feature map alone.
 */
import { numeralWidth } from "./encode-numeral.ts";
import type { FeatureMap } from "./feature-map.ts";

export type ColumnRole = "feature" | "label" | "weight" | "group" | "domain" | "timestamp" | "truth";

export interface BatchColumn {
  readonly name: string;
  readonly role: ColumnRole;
  readonly dtype: "int32" | "float32" | "float64";
  /** Values a row: 1 for scalars, `maxLength` for lists, `dim` for vectors. */
  readonly width: number;
}

export type BatchLayout = readonly BatchColumn[];
export type ColumnData = Int32Array | Float32Array | Float64Array;

export interface EncodedBatch {
  /** Rows in this batch. */
  readonly size: number;
  /** By column name, each of length `size × width`. */
  readonly columns: { readonly [name: string]: ColumnData };
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Absent: rows in stored order. The order is a function of (seed, epoch) alone. */
  readonly shuffle?: { readonly seed: number; readonly epoch: number };
  /** Batches to leave out at the start, for resuming in the middle of an epoch. @default 0 */
  readonly skip?: number;
}

/** A stored split that can be read again and again. */
export interface BatchSource {
  readonly rows: number;
  readonly layout: BatchLayout;
  /** The last batch may be partial; every row comes exactly once. */
  batches(options: BatchOptions): AsyncIterable<EncodedBatch>;
  close(): Promise<void>;
}

/**
 * Columns of a batch in their fixed order: features, labels, then the other roles. These are named
 * `@weight`, `@group`, `@domain` and `@timestamp`, since a feature may be called `domain` too.
 */
export function batchLayout(map: FeatureMap): BatchColumn[] {
  const columns: BatchColumn[] = [];
  const add = (name: string, role: ColumnRole, dtype: BatchColumn["dtype"], width = 1): void => {
    columns.push({ name, role, dtype, width });
  };
  for (const feature of map.features) {
    switch (feature.kind) {
      case "categorical":
      case "bucket":
        add(feature.name, "feature", "int32");
        break;
      case "numeral":
        add(feature.name, "feature", "int32", numeralWidth(feature));
        break;
      case "numeric":
        add(feature.name, "feature", "float32");
        add(`${feature.name}.missing`, "feature", "float32");
        break;
      case "dense":
        add(feature.name, "feature", "float32", feature.dim);
        add(`${feature.name}.missing`, "feature", "float32");
        break;
      case "bag":
      case "sequence":
        add(feature.name, "feature", "int32", feature.maxLength);
        add(`${feature.name}.length`, "feature", "int32");
        if (feature.kind === "sequence" && feature.timesColumn !== undefined) {
          add(`${feature.name}.age`, "feature", "float32", feature.maxLength);
        }
    }
  }
  for (const label of map.labels) add(label.name, "label", "float32");
  if (map.weight !== undefined) add("@weight", "weight", "float32");
  // Groups are numbered within one split; only equality matters.
  if (map.group !== undefined) add("@group", "group", "int32");
  if (map.domain !== undefined) add("@domain", "domain", "int32");
  // Seconds since 1970.
  if (map.timestamp !== undefined) add("@timestamp", "timestamp", "float64");
  return columns;
}
