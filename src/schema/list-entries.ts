/** Lists in raw data: arrays, or texts cut at a separator. */
import type { ListSource } from "./feature-map.ts";
import type { RawScalar, RawValue } from "./raw-value.ts";

/** The entries of a list: an array's, or a text's pieces; missing and empty text have none. */
export function listEntries(
  value: RawValue,
  { separator }: Pick<ListSource, "separator">,
): readonly RawScalar[] {
  if (Array.isArray(value)) return value as readonly RawScalar[];
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "string" && separator !== undefined) return value.split(separator);
  return [value as RawScalar];
}
