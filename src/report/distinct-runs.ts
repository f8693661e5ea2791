/** Runs of one report must be told apart, by their directories and by what they are called. */
import { resolve, sep } from "node:path";
import { ConfigError } from "../core/index.ts";

/** @throws ConfigError for a run that is named twice, which nothing could tell from itself */
export function checkDistinct(directories: readonly string[]): void {
  const twice = directories.find(
    (path, k) => directories.findIndex((other) => resolve(other) === resolve(path)) < k,
  );
  if (twice === undefined) return;
  throw new ConfigError(`the run ${twice} is named twice`, {
    details: { run: twice },
    hint: "name each run once",
  });
}

/** Model names; where two are alike, with as much of the end of the directory as tells them apart. */
export function uniqueNames(
  runs: readonly { readonly name: string; readonly directory: string }[],
): string[] {
  return runs.map(({ name, directory }, k) => {
    const alike = runs.filter((other) => other.name === name);
    if (alike.length === 1) return name;
    const own = resolve(directory).split(sep);
    const others = runs
      .filter((other, j) => j !== k && other.name === name)
      .map((other) => resolve(other.directory).split(sep));
    let kept = 1;
    while (kept < own.length && others.some((other) => endOf(other, kept) === endOf(own, kept))) kept++;
    return `${name} (${endOf(own, kept)})`;
  });
}

function endOf(parts: readonly string[], count: number): string {
  return parts.slice(-count).join("/");
}
