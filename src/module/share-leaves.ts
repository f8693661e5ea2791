/** One module reading leaves of another of the same structure in place of its own. */
import { Module } from "./module.ts";

/**
 * Puts leaves of `source` where `target` has its own at the same path. What both then hold is one leaf: one
 * initial value, one gradient, one update.
 *
 * @param shared which paths
 */
export function shareLeaves(target: Module, source: Module, shared: (path: string) => boolean): void {
  const replacements = new Map<unknown, unknown>();
  for (const named of ["namedParameters", "namedStates", "namedTables"] as const) {
    const leaves: ReadonlyMap<string, unknown> = source[named]();
    for (const [path, leaf] of target[named]()) if (shared(path)) replacements.set(leaf, leaves.get(path));
  }
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) return;
    if (!(value instanceof Module || Array.isArray(value) || isPlain(value))) return;
    seen.add(value);
    const holder = value as { [key: string]: unknown };
    for (const [key, entry] of Object.entries(holder)) {
      if (replacements.has(entry)) holder[key] = replacements.get(entry);
      else visit(entry);
    }
  };
  visit(target);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
