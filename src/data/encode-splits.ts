/** Encoding: one pass over a spooled source that writes the rows of each of its splits. */
import type { BatchColumn, FeatureMap } from "../schema/index.ts";
import type { BatchLanes } from "./batch-needs.ts";
import { type FeatureReport, SplitTally } from "./column-makers.ts";
import { type ColumnEncoder, columnEncoder, type KeyIds } from "./encode-columns.ts";
import { PartWriter, type StoredPart } from "./part-writer.ts";
import { BLOCK_ROWS, type SpooledSource } from "./read-source.ts";
import type { Session } from "./session.ts";
import type { Membership } from "./split.ts";

export interface StoredSplit {
  readonly rows: number;
  readonly layout: readonly BatchColumn[];
  readonly parts: readonly StoredPart[];
  /** Bytes of an encoded row in memory, lists at their mean length. */
  readonly rowBytes: number;
  /** Rows left out under `on_bad_row: drop`. */
  readonly dropped: number;
  readonly features: { readonly [feature: string]: FeatureReport };
  /** Mean of each label. */
  readonly labelMeans: { readonly [label: string]: number };
}

export interface EncodeOptions {
  readonly map: FeatureMap;
  readonly lanes: BatchLanes;
  readonly idsOf: KeyIds;
  readonly membership: Membership;
  /** Names of the splits, by their number in the membership. */
  readonly names: ReadonlyMap<number, string>;
  /** Rows that each split lost. */
  readonly dropped: ReadonlyMap<number, number>;
  readonly directory: string;
  readonly onRows?: (rows: number) => void;
}

/** Bytes of a part in memory, about. */
const PART_BYTES = 96 * 2 ** 20;

/** Encodes the splits of one source, by name. */
export async function encodeSplits(
  session: Session,
  spooled: SpooledSource,
  { map, lanes, idsOf, membership, names, dropped, directory, onRows = () => {} }: EncodeOptions,
): Promise<Map<string, StoredSplit>> {
  const encoder = columnEncoder(spooled, map, lanes, idsOf);
  const rowBytes = meanRowBytes(spooled, encoder, lanes);
  const partRows = Math.max(1, Math.floor(PART_BYTES / rowBytes / BLOCK_ROWS)) * BLOCK_ROWS;
  const outputs = [...names].map(([split, name]) => ({
    split,
    name,
    tally: new SplitTally(),
    writer: new PartWriter(session, { directory, name, columns: encoder.stored, partRows }),
  }));
  let start = 0;
  for (let block = 0; block < spooled.spool.blocks; block++) {
    const rows = spooled.spool.rowsOf(block);
    const of = membership.subarray(start, start + rows);
    for (const { split, tally, writer } of outputs) {
      const chosen = positionsOf(of, split);
      if (chosen.length > 0) await writer.append(chosen.length, encoder.encode(block, chosen, tally));
    }
    start += rows;
    onRows(start);
  }
  const parts = await Promise.all(outputs.map(({ writer }) => writer.close()));
  const stored = new Map<string, StoredSplit>();
  for (const [k, { split, name, tally }] of outputs.entries()) {
    const labelMeans = [...tally.labelSums].map(([label, sum]) => [label, sum / tally.rows] as const);
    stored.set(name, {
      rows: tally.rows,
      layout: encoder.layout,
      parts: parts[k],
      rowBytes,
      dropped: dropped.get(split) ?? 0,
      features: tally.features,
      labelMeans: Object.fromEntries(labelMeans),
    });
  }
  return stored;
}

function positionsOf(membership: Uint8Array, split: number): Uint32Array {
  let count = 0;
  for (const each of membership) if (each === split) count++;
  const positions = new Uint32Array(count);
  let end = 0;
  for (let row = 0; row < membership.length; row++) if (membership[row] === split) positions[end++] = row;
  return positions;
}

function meanRowBytes(
  { spool, rows }: SpooledSource,
  { layout, stored }: ColumnEncoder,
  lanes: BatchLanes,
): number {
  let bytes = layout.length > stored.length ? (layout.length - stored.length) * 4 : 0;
  for (const { name, dtype, width, inLists, role } of stored) {
    const list = role === "feature" && inLists ? lanes.features.get(name.replace(/\.age$/, "")) : undefined;
    if (
      list === undefined ||
      layout.every((column) => column.name !== `${name.replace(/\.age$/, "")}.length`)
    ) {
      bytes += width * (dtype === "float64" ? 8 : 4);
      continue;
    }
    let entries = 0;
    for (let block = 0; block < spool.blocks; block++) entries += spool.entriesOf(block, list.lane);
    bytes += 4 * (entries / Math.max(rows, 1));
  }
  return Math.ceil(bytes);
}
