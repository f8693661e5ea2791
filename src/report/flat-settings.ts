/** Configurations as flat lists of settings, and what differs between them. */

export type Settings = ReadonlyMap<string, string>;

/** Longest text of a value that is shown. */
const LONGEST = 120;
/** Where and how a run was made says nothing about what it is. */
const IGNORED = /^data\.(cache_dir|memory|shuffle_memory)$/;

/** `training.learning_rate` → `0.001` and so on; lists of objects are one setting each by their names. */
export function flatSettings(config: unknown): Settings {
  const settings = new Map<string, string>();
  flatten("", config, settings);
  return settings;
}

function flatten(path: string, value: unknown, into: Map<string, string>): void {
  if (value === undefined || value === null || IGNORED.test(path)) return;
  if (typeof value !== "object") {
    into.set(path, clipped(String(value)));
  } else if (Array.isArray(value)) {
    into.set(path, clipped(value.map(entryText).join(", ")));
  } else {
    for (const [key, entry] of Object.entries(value))
      flatten(path === "" ? key : `${path}.${key}`, entry, into);
  }
}

/** Features and labels by name, and by what else they say. */
function entryText(entry: unknown): string {
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) {
    return typeof entry === "string" ? entry : JSON.stringify(entry);
  }
  const { name, ...rest } = entry as { readonly name?: unknown };
  return typeof name === "string"
    ? `${name}${Object.keys(rest).length === 0 ? "" : "…"}`
    : JSON.stringify(entry);
}

function clipped(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** Keys whose values are not the same everywhere, those with the most values (but not one a run) first. */
export function differingKeys(all: readonly Settings[]): string[] {
  if (all.length < 2) return [];
  const values = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  for (const settings of all) {
    for (const [key, value] of settings) {
      const seen = values.get(key);
      if (seen === undefined) values.set(key, new Set([value]));
      else seen.add(value);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const differing = [...values].filter(([key, { size }]) => size > 1 || counts.get(key) !== all.length);
  const rank = (key: string): number => (key.startsWith("model.") ? 0 : key.startsWith("training.") ? 1 : 2);
  return differing
    .sort(([a, x], [b, y]) => rank(a) - rank(b) || y.size - x.size || a.localeCompare(b))
    .map(([key]) => key);
}
