/**
 * From spooled lanes to the columns of a batch layout, block by block. Numbers, buckets and ids are made
 * by the functions that the serving encoder uses; what is met on the way is counted for each split.
 */
import { assert } from "../core/index.ts";
import { type BatchColumn, DOMAIN_ENCODER, type FeatureMap, numeralWidth } from "../schema/index.ts";
import { type BatchLanes, layoutOf } from "./batch-needs.ts";
import {
  groupMaker,
  keyMaker,
  labelMaker,
  listMaker,
  type MakeColumns,
  numberMaker,
  numeralMaker,
  plainMaker,
  type SplitTally,
  vectorMaker,
} from "./column-makers.ts";
import type { KeyTable } from "./key-table.ts";
import type { KeyLane } from "./lanes.ts";
import type { EncodedColumn, StoredColumn } from "./part-writer.ts";
import type { SpooledSource } from "./read-source.ts";
import { labelNumbers } from "./usable-rows.ts";

/** Ids of the codes of a key table under an encoder. */
export type KeyIds = (encoder: string, table: KeyTable) => Int32Array;

/** All columns of a layout, as they are stored. */
export interface ColumnEncoder {
  readonly layout: readonly BatchColumn[];
  readonly stored: readonly StoredColumn[];
  encode(block: number, rows: Uint32Array, tally: SplitTally): EncodedColumn[];
}

export function columnEncoder(
  spooled: SpooledSource,
  map: FeatureMap,
  lanes: BatchLanes,
  idsOf: KeyIds,
): ColumnEncoder {
  const layout = layoutOf(map, lanes);
  const byName = new Map(layout.map((column) => [column.name, column]));
  const stored: StoredColumn[] = [];
  const makers: MakeColumns[] = [];
  const add = (names: readonly string[], inLists: boolean, make: MakeColumns): void => {
    for (const [k, name] of names.entries()) {
      const column = byName.get(name)!;
      const isFlag = k > 0 && name === `${names[0]}.missing`;
      stored.push({ ...column, inLists: inLists && !isFlag, storage: isFlag ? "uint8" : column.dtype });
    }
    makers.push(make);
  };
  for (const feature of map.features) {
    const { lane, times } = lanes.features.get(feature.name)!;
    const { name } = feature;
    switch (feature.kind) {
      case "categorical": {
        const { table } = spooled.lanes[lane] as KeyLane;
        add([name], false, keyMaker(spooled, lane, idsOf(feature.encoder, table), name));
        break;
      }
      case "bucket":
      case "numeric":
        add(
          feature.kind === "numeric" ? [name, `${name}.missing`] : [name],
          false,
          numberMaker(spooled, lane, feature),
        );
        break;
      case "numeral":
        add([name], numeralWidth(feature) > 1, numeralMaker(spooled, lane, feature));
        break;
      case "dense":
        add([name, `${name}.missing`], true, vectorMaker(spooled, lane, feature));
        break;
      case "bag":
      case "sequence": {
        const { table } = spooled.lanes[lane] as KeyLane;
        const ids = idsOf(feature.encoder, table);
        const names = times === undefined ? [name] : [name, `${name}.age`];
        add(names, true, listMaker(spooled, { lane, times, now: lanes.timestamp }, ids, feature));
      }
    }
  }
  for (const label of map.labels) {
    const lane = lanes.labels.get(label.name);
    if (lane === undefined) continue;
    add([label.name], false, labelMaker(label.name, labelNumbers(spooled, lane, label)));
  }
  addRoles(spooled, lanes, idsOf, add);
  assert(
    stored.length === layout.filter((column) => !isLength(column, layout)).length,
    "every column is made",
  );
  return {
    layout,
    stored,
    encode(block, rows, tally) {
      tally.rows += rows.length;
      return makers.flatMap((make) => make(block, rows, tally));
    },
  };
}

function isLength({ name, role }: BatchColumn, layout: readonly BatchColumn[]): boolean {
  const list = name.replace(/\.length$/, "");
  return role === "feature" && list !== name && layout.some((column) => column.name === list);
}

function addRoles(
  spooled: SpooledSource,
  lanes: BatchLanes,
  idsOf: KeyIds,
  add: (names: readonly string[], inLists: boolean, make: MakeColumns) => void,
): void {
  const { weight, group, domain, timestamp, keep } = lanes;
  if (weight !== undefined) add(["@weight"], false, plainMaker(spooled, weight, "float32"));
  if (group !== undefined) {
    add(["@group"], false, groupMaker(spooled, group));
  }
  if (domain !== undefined) {
    const { table } = spooled.lanes[domain] as KeyLane;
    add(["@domain"], false, keyMaker(spooled, domain, idsOf(DOMAIN_ENCODER, table), undefined));
  }
  if (timestamp !== undefined) {
    add(["@timestamp"], false, plainMaker(spooled, timestamp, "float64"));
  }
  for (const [name, lane] of keep) add([name], false, plainMaker(spooled, lane, "float32"));
}
