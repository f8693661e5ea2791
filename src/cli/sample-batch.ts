/** Encoded rows drawn at random over all that a feature map allows: to compare two forms of one model. */
import { CounterRandom } from "../core/index.ts";
import {
  type BatchColumn,
  batchLayout,
  type ColumnData,
  DOMAIN_ENCODER,
  type EncodedBatch,
  type FeatureMap,
} from "../schema/index.ts";

/** Ids uniform over their table, list lengths over 0 … maxLength, numbers standard normal, flags 0 or 1. */
export function sampleBatch(map: FeatureMap, size: number, seed = 0): EncodedBatch {
  const layout = batchLayout(map).filter(({ role }) => role === "feature" || role === "domain");
  const columns: { [name: string]: ColumnData } = {};
  for (const column of layout)
    columns[column.name] = drawn(map, column, size, new CounterRandom(seed, column.name));
  for (const { name, kind } of map.features) {
    if (kind !== "bag" && kind !== "sequence") continue;
    const width = columns[name].length / size;
    // Padding follows the entries of a list.
    for (let row = 0; row < size; row++) {
      columns[name].fill(0, row * width + columns[`${name}.length`][row], (row + 1) * width);
    }
  }
  return { size, columns };
}

function drawn(
  map: FeatureMap,
  { name, dtype, width }: BatchColumn,
  size: number,
  random: CounterRandom,
): ColumnData {
  const length = size * width;
  const part = name.slice(name.lastIndexOf(".") + 1);
  const owner = map.features.find((feature) => feature.name === name || `${feature.name}.${part}` === name);
  if (dtype === "int32") {
    const bound = idsOf(map, name, owner);
    return Int32Array.from({ length }, (_, k) => random.integer(k, bound));
  }
  const flag = owner?.name !== name && part === "missing";
  const values = { length };
  return Float32Array.from(values, (_, k) => (flag ? random.integer(k, 2) : random.normal(k)));
}

/** One more than the largest value of an integer column. */
function idsOf(map: FeatureMap, name: string, owner: FeatureMap["features"][number] | undefined): number {
  if (owner === undefined) return map.encoders[DOMAIN_ENCODER]?.size ?? 1;
  if (owner.name !== name && (owner.kind === "bag" || owner.kind === "sequence")) return owner.maxLength + 1;
  if (owner.kind === "bucket" || owner.kind === "numeral") return owner.size;
  return "encoder" in owner ? map.encoders[owner.encoder].size : 1;
}
